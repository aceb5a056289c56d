// Unpacks what packing.py packed: a header, then the byte planes of each column.
async function unpacked(text) {
  if (!('DecompressionStream' in window)) {
    throw new Error('This browser is too old to unpack the data: use one of 2023 or later.');
  }
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  const whole = new Uint8Array(await new Response(stream).arrayBuffer());
  const length = new DataView(whole.buffer).getUint32(0, true);
  const meta = JSON.parse(new TextDecoder().decode(whole.subarray(4, 4 + length)));
  const columns = {};
  let at = 4 + length;
  for (const column of meta.columns) {
    columns[column.name] = joined(whole, at, column.bytes, column.rows);
    at += column.bytes * column.rows;
  }
  return { document: meta.document, columns };
}

// Byte planes, low bytes first, as numbers; the highest plane carries the sign.
function joined(whole, at, bytes, rows) {
  const found = new Float64Array(rows);
  let factor = 1;
  for (let plane = 0; plane < bytes; plane++, factor *= 256) {
    const offset = at + plane * rows;
    if (plane === bytes - 1) {
      for (let i = 0; i < rows; i++) {
        const byte = whole[offset + i];
        found[i] += (byte > 127 ? byte - 256 : byte) * factor;
      }
    } else {
      for (let i = 0; i < rows; i++) found[i] += whole[offset + i] * factor;
    }
  }
  return found;
}

// Sums of differences, in place.
function summed(column) {
  for (let i = 1; i < column.length; i++) column[i] += column[i - 1];
  return column;
}

const ABSENT = -2147483648;

// The run: its equity points, its bars and its trades, in columns.
function runOf(data) {
  const c = data.columns, doc = data.document;
  const time = summed(c.time), balance = summed(c.balance);
  const rows = time.length;
  const equity = c.equity, worst = c.worst, best = c.best;
  for (let i = 0; i < rows; i++) {
    equity[i] += balance[i];
    worst[i] = Math.min(equity[i], balance[i]) - worst[i];
    best[i] += Math.max(equity[i], balance[i]);
  }
  const points = {
    time, balance, equity, worst, best, day: summed(c.day_floor),
    overall: summed(c.overall_floor), target: summed(c.target), water: new Float64Array(rows),
    beside: c.beside ? summed(c.beside) : null,
  };
  underwater(points, doc);
  const prices = {};
  for (const symbol of doc.symbols) prices[symbol.name] = barsOf(c, symbol);
  return { doc, points, prices, trades: tradesOf(c, doc) };
}

// The depth below the peak; a fresh attempt begins with a fresh peak.
function underwater(points, doc) {
  let peak = doc.start, next = 0;
  const starts = doc.attempts.filter((item, i) => i > 0).map((item) => item);
  for (let i = 0; i < points.time.length; i++) {
    const end = (points.time[i] * 1000) + doc.period;
    while (next < starts.length && starts[next].started < end) peak = starts[next++].balance;
    peak = Math.max(peak, points.best[i]);
    points.water[i] = -Math.max(0, peak - points.worst[i]) / peak;
  }
}

function barsOf(c, symbol) {
  const name = 'price.' + symbol.name;
  const time = summed(c[name + '.time']);
  const n = time.length;
  const open = c[name + '.gap'], close = c[name + '.body'];
  const high = c[name + '.up'], low = c[name + '.down'];
  let before = 0;
  for (let i = 0; i < n; i++) {
    open[i] += before;
    before = close[i] += open[i];
    high[i] += Math.max(open[i], close[i]);
    low[i] = Math.min(open[i], close[i]) - low[i];
  }
  return { time, open, high, low, close, digits: symbol.digits, period: symbol.period / 1000 };
}

function tradesOf(c, doc) {
  const opened = summed(c['trade.opened']);
  const found = [];
  for (let i = 0; i < opened.length; i++) {
    const held = c['trade.held'][i];
    const text = (name) => doc.texts[doc.traded[name][i]];
    const value = (name) => (c['trade.' + name][i] === ABSENT ? null : c['trade.' + name][i]);
    found.push({
      row: i, position: c['trade.position'][i], side: c['trade.side'][i],
      volume: c['trade.volume'][i] / 10000, opened: opened[i],
      closed: held === ABSENT ? null : opened[i] + held, held: held === ABSENT ? null : held,
      open: c['trade.open'][i], close: value('close'), stop: c['trade.stop'][i],
      target: c['trade.target'][i], net: value('net'), r: value('r'), mae: value('mae'),
      mfe: value('mfe'), symbol: text('symbol'), reason: text('close_reason'),
      variant: text('variant'), levels: doc.levels[i],
    });
  }
  return found;
}
