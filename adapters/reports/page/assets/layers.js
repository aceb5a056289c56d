// What the chart shows of the data at one range: no more than its pixels can tell.
const LEVELS = [['M1', 60], ['M5', 300], ['M15', 900], ['M30', 1800], ['H1', 3600], ['H4', 14400], ['D1', 86400]];
const PIXELS_A_CANDLE = 3;
const PATHS = 60;

// Where a time lies on the axis of points, as a fraction of its bar; weekends have no room there.
function position(run, seconds) {
  const time = run.points.time;
  const found = place(time, seconds), i = time[found] === seconds ? found : found - 1;
  if (i < 0) return 0;
  return i + Math.min(1, (seconds - time[i]) / (run.doc.period / 1000));
}

// A column between two points: whole, or first, lowest, highest and last of each pixel; of one
// that is looked at from below the lowest alone.
function thinned(column, from, to, pixels, lowest = false) {
  const first = Math.max(0, Math.floor(from)), last = Math.min(column.length - 1, Math.ceil(to));
  const x = [], y = [];
  const push = (i) => { x.push(i + 1); y.push(column[i] / 100); };
  pixels = Math.max(1, Math.round(pixels));
  const step = (last - first + 1) / pixels;
  if (step <= 2) {
    for (let i = first; i <= last; i++) push(i);
    return { x, y };
  }
  if (lowest) push(first);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const a = first + Math.floor(pixel * step), b = Math.min(last + 1, first + Math.floor((pixel + 1) * step));
    if (a >= b) continue;
    let low = a, high = a;
    for (let i = a + 1; i < b; i++) {
      if (column[i] < column[low]) low = i;
      if (column[i] > column[high]) high = i;
    }
    const kept = lowest ? [low] : [a, Math.min(low, high), Math.max(low, high), b - 1];
    kept.forEach((i, n) => { if (!n || i !== kept[n - 1]) push(i); });
  }
  if (lowest) push(last);
  return { x, y };
}

// A floor as exact steps: only where it changes.
function steps(column, from, to) {
  const first = Math.max(0, Math.floor(from)), last = Math.min(column.length - 1, Math.ceil(to));
  const x = [], y = [];
  for (let i = first; i <= last; i++) {
    if (i === first || column[i] !== column[i - 1]) {
      x.push(i);
      y.push(column[i] ? column[i] / 100 : null);
    }
  }
  x.push(last + 1);
  y.push(y.length ? y[y.length - 1] : null);
  return { x, y };
}

// The finest candles that have room, built from the bars.
function candles(run, bars, from, to, pixels) {
  const share = (seconds) => (pixels * seconds * 1000) / run.doc.period / Math.max(1e-9, to - from);
  const fit = LEVELS.filter((level) => level[1] >= bars.period);
  const level = fit.find((item) => share(item[1]) >= PIXELS_A_CANDLE) || fit[fit.length - 1];
  const time = run.points.time, last = time.length - 1;
  const start = time[Math.max(0, Math.min(last, Math.floor(from)))];
  const end = time[Math.max(0, Math.min(last, Math.ceil(to)))] + run.doc.period / 1000;
  const found = [];
  let known = null, bucket = NaN;
  const first = place(bars.time, Math.floor(start / level[1]) * level[1]);
  for (let i = first; i < bars.time.length && bars.time[i] < end; i++) {
    const own = Math.floor(bars.time[i] / level[1]);
    if (own !== bucket) {
      bucket = own;
      known = { time: bars.time[i], end: 0, open: bars.open[i], high: bars.high[i], low: bars.low[i], close: 0 };
      found.push(known);
    }
    known.high = Math.max(known.high, bars.high[i]);
    known.low = Math.min(known.low, bars.low[i]);
    known.close = bars.close[i];
    known.end = bars.time[i] + bars.period;
  }
  for (const candle of found) candle.middle = (position(run, candle.time) + position(run, candle.end - 1)) / 2;
  const wide = Math.max(1.5, Math.min(40, 0.62 * share(level[1])));
  return { name: level[0], found, pixels: wide };
}

// A path over the prices: one element however many strokes it has (a line with gaps makes one each).
function pathShape(path, color, width, fill, layer) {
  return { type: 'path', xref: 'x', yref: 'y3', path, layer, line: { color, width }, fillcolor: fill ? color : 'rgba(0,0,0,0)' };
}

// Wicks and bodies of each colour, and a line without ink that carries the words on hovering.
function candlePaths(run, bars, set) {
  const scale = 10 ** bars.digits;
  const x = [], y = [], text = [], shapes = [];
  for (const rising of [true, false]) {
    const wicks = [], bodies = [];
    for (const candle of set.found) {
      if ((candle.close >= candle.open) !== rising) continue;
      const middle = Math.round(candle.middle * 100) / 100;
      const flat = candle.close === candle.open ? 0.3 : 0;
      const low = (Math.min(candle.open, candle.close) - flat) / scale, high = (Math.max(candle.open, candle.close) + flat) / scale;
      wicks.push(`M${middle},${candle.low / scale}V${candle.high / scale}`);
      bodies.push(`M${middle},${low}V${high}`);
    }
    const color = css(rising ? '--up' : '--down');
    if (wicks.length) shapes.push(pathShape(wicks.join(''), color, 1, false, 'between'), pathShape(bodies.join(''), color, set.pixels, false, 'between'));
  }
  for (const candle of set.found) {
    x.push(candle.middle);
    y.push(candle.close / scale);
    text.push(`${iso(candle.time)} ${set.name}<br>O ${priced(candle.open, bars.digits)} H ${priced(candle.high, bars.digits)}`
      + ` L ${priced(candle.low, bars.digits)} C ${priced(candle.close, bars.digits)}`);
  }
  const trace = { x, y, text, mode: 'lines', yaxis: 'y3', line: { width: 0, simplify: false }, hovertemplate: '%{text}<extra></extra>' };
  return { trace, shapes };
}

const escaped = (text) => text.slice(0, 60).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

function tradeText(trade, digits) {
  const side = trade.side > 0 ? 'long' : 'short';
  return `#${trade.position} ${side} ${trade.volume.toFixed(2)} · ${priced(trade.open, digits)} → ${priced(trade.close, digits)}`
    + `<br>${amount(trade.net)} · ${thousandths(trade.r)} R · ${escaped(trade.reason)}`;
}

const DENSE = 300;

// A mark of so many pixels as a part of a path: a triangle for an entry, a diamond for an exit.
function drawnMark(kind, x, y, dx, dy) {
  if (kind === 'long') return `M${x},${y + dy}L${x + dx},${y - dy}L${x - dx},${y - dy}Z`;
  if (kind === 'short') return `M${x},${y - dy}L${x + dx},${y + dy}L${x - dx},${y + dy}Z`;
  return `M${x},${y + dy}L${x + dx},${y}L${x},${y - dy}L${x - dx},${y}Z`;
}

// Entries and exits: as markers of the library; as one path of each kind with a line without ink
// for the words, where markers would take long; of very many there is room for short strokes only.
function marks(run, trades, bars, view) {
  const { from, to, pixels, height } = view;
  const scale = 10 ** bars.digits, dense = trades.length > DENSE, single = trades.length <= PATHS;
  const looks = {
    long: ['triangle-up', css('--ink')], short: ['triangle-down', css('--ink')],
    won: ['circle', css('--up')], lost: ['circle', css('--down')],
  };
  const kinds = {};
  for (const kind of Object.keys(looks)) kinds[kind] = { x: [], y: [], text: [], rows: [], path: [] };
  const span = (bars.span || 1) / scale, stroke = span * 0.005;
  const dx = (3.2 * (to - from)) / pixels, dy = (3.2 * span * 1.12) / height;
  const add = (kind, trade, seconds, points) => {
    const own = kinds[kind], x = position(run, seconds), y = points / scale;
    if (x < from || x > to || points === null) return;
    if (dense) {
      own.path.push(`M${Math.round(x * 10) / 10},${y - stroke}V${y + stroke}`);
      return;
    }
    own.x.push(x); own.y.push(y); own.text.push(tradeText(trade, bars.digits)); own.rows.push(trade.row);
    if (!single) own.path.push(drawnMark(kind, x, y, dx, dy));
  };
  for (const trade of trades) {
    add(trade.side > 0 ? 'long' : 'short', trade, trade.opened, trade.open);
    if (trade.closed !== null) add(trade.net > 0 ? 'won' : 'lost', trade, trade.closed, trade.close);
  }
  const all = Object.entries(kinds);
  const shapes = all.filter(([, own]) => own.path.length).map(([kind, own]) => pathShape(own.path.join(''), looks[kind][1], dense ? 2 : 1, !dense, 'above'));
  if (dense) return { traces: [], shapes };
  const look = (kind) => (single
    ? { mode: 'markers', marker: { symbol: looks[kind][0], color: looks[kind][1], size: 10, line: { width: 1, color: css('--back') } } }
    : { mode: 'lines', line: { width: 0, simplify: false }, hoverlabel: { bgcolor: looks[kind][1] } });
  const traces = all.map(([kind, own]) => ({
    x: own.x, y: own.y, text: own.text, customdata: own.rows, yaxis: 'y3', hovertemplate: '%{text}<extra></extra>', ...look(kind),
  }));
  return { traces, shapes };
}

// Stops and targets with every move of them, and a line from entry to exit.
function pathTraces(run, trades, bars) {
  const scale = 10 ** bars.digits;
  const stop = { x: [], y: [] }, target = { x: [], y: [] }, held = { x: [], y: [] };
  const shapes = [];
  const lastTime = run.points.time[run.points.time.length - 1] + run.doc.period / 1000;
  for (const trade of trades) {
    const a = position(run, trade.opened), end = trade.closed === null ? lastTime : trade.closed;
    const b = Math.max(position(run, end), a + 0.1);
    const changes = [[trade.opened, trade.stop, trade.target]];
    for (let i = 0; i < trade.levels.length; i += 3) {
      changes.push([trade.opened + trade.levels[i], trade.levels[i + 1], trade.levels[i + 2]]);
    }
    changes.forEach(([time, sl, tp], i) => {
      const x0 = position(run, time), x1 = i + 1 < changes.length ? position(run, changes[i + 1][0]) : b;
      const next = changes[i + 1];
      if (sl) { stop.x.push(x0, x1); stop.y.push(sl / scale, sl / scale); }
      if (tp) { target.x.push(x0, x1); target.y.push(tp / scale, tp / scale); }
      if (!next) { stop.x.push(null); stop.y.push(null); target.x.push(null); target.y.push(null); }
    });
    if (trade.close !== null) {
      held.x.push(a, b, null);
      held.y.push(trade.open / scale, trade.close / scale, null);
    }
    const zone = (level, color) => level && shapes.push({
      type: 'rect', xref: 'x', yref: 'y3', x0: a, x1: b, y0: trade.open / scale, y1: level / scale,
      fillcolor: color, opacity: 0.14, line: { width: 0 }, layer: 'below',
    });
    zone(trade.stop, css('--red'));
    zone(trade.target, css('--up'));
  }
  const line = (own, color, more) => ({ x: own.x, y: own.y, mode: 'lines', yaxis: 'y3', hoverinfo: 'skip', line: { color, width: 1.2, ...more } });
  return { traces: [line(stop, css('--red')), line(target, css('--up')), line(held, css('--ink'), { dash: 'dot' })], shapes };
}
