// The chart of the account and its prices: one axis of bars for all of it.
const CONFIG = { displaylogo: false, responsive: false, scrollZoom: false, doubleClick: false, displayModeBar: false };

// Round moments between two times: whole months, weeks from Mondays, or parts of days.
function calendarTimes(from, to, unit) {
  const found = [];
  if (unit < 2592000) {
    for (let time = Math.ceil((from - 345600) / unit) * unit + 345600; time <= to; time += unit) found.push(time);
    return found;
  }
  const months = Math.round(unit / 2592000), start = new Date(from * 1000);
  const first = Math.ceil((start.getUTCFullYear() * 12 + start.getUTCMonth()) / months) * months;
  for (let month = first; ; month += months) {
    const time = Date.UTC(Math.floor(month / 12), month % 12, 1) / 1000;
    if (time > to) return found;
    if (time >= from) found.push(time);
  }
}

function mostTraded(run) {
  const counts = run.doc.symbols.map(({ name }) => [run.trades.filter((trade) => trade.symbol === name).length, name]);
  return counts.reduce((best, item) => (best === null || item[0] > best[0] ? item : best), null)?.[1] ?? null;
}

class AccountChart {
  constructor(run, element, status) {
    this.run = run;
    this.element = element;
    this.status = status;
    this.count = run.points.time.length;
    this.from = 0;
    this.to = this.count;
    this.symbol = mostTraded(run);
    this.selected = null;
    this.bound = false;
  }

  // Show from one point to another, at least a few bars, inside what there is.
  show(from, to) {
    const width = Math.min(Math.max(to - from, 6), this.count);
    this.from = Math.max(0, Math.min(from, this.count - width));
    this.to = this.from + width;
    this.draw();
  }

  showSeconds(seconds) {
    this.show(this.to - (seconds * 1000) / this.run.doc.period * (5 / 7), this.to);
  }

  showTrade(trade) {
    this.selected = trade;
    if (trade.symbol in this.run.prices) this.symbol = trade.symbol;
    const a = position(this.run, trade.opened);
    const b = trade.closed === null ? this.count : position(this.run, trade.closed);
    const room = Math.max(24, (b - a) * 0.8);
    this.show(a - room, b + room);
  }

  pan(part) { const width = this.to - this.from; this.show(this.from + part * width, this.to + part * width); }

  zoom(factor, at = 0.5) {
    const width = this.to - this.from, middle = this.from + at * width;
    this.show(middle - at * width * factor, middle + (1 - at) * width * factor);
  }

  draw() {
    if (!this.count) return;
    const { traces, layout } = this.figure();
    Plotly.react(this.element, traces, layout, CONFIG);
    if (!this.bound) this.bind();
    const times = this.run.points.time;
    const first = times[Math.max(0, Math.floor(this.from))], last = times[Math.min(this.count - 1, Math.ceil(this.to) - 1)];
    this.status.textContent = `${iso(first)} to ${iso(last)} UTC${this.note}`;
  }

  figure() {
    const { run, from, to } = this;
    const narrow = this.element.clientWidth < 600;
    // An account of ten millions, as in yen, needs more room for its amounts.
    const longer = Math.max(0, String(Math.round(run.doc.start / 100)).length - 7);
    const right = (narrow ? 58 : 72) + 8 * longer, pixels = Math.max(80, this.element.clientWidth - right - 6);
    const points = run.points;
    const line = (column, color, width, name, lowest = false) => ({
      ...thinned(column, from, to, pixels / 2, lowest), mode: 'lines', name, line: { color, width, simplify: false },
      hovertemplate: `${name} %{y:,.${places}f}<extra></extra>`,
    });
    // The balance changes with trades alone: its own steps, unless they are more than there are pixels.
    const balance = () => {
      const own = steps(points.balance, from, to);
      const drawn = own.x.length > pixels ? thinned(points.balance, from, to, pixels / 2) : { ...own, x: own.x.map((x) => x + 1) };
      return {
        ...drawn, mode: 'lines', name: 'balance', line: { color: css('--balance'), width: 1, shape: 'hv', simplify: false },
        hovertemplate: `balance %{y:,.${places}f}<extra></extra>`,
      };
    };
    const floor = (column, color, name, dash) => ({
      ...steps(column, from, to), mode: 'lines', name, line: { color, width: 1.4, shape: 'hv', dash },
      hovertemplate: `${name} %{y:,.${places}f}<extra></extra>`,
    });
    const water = thinned(points.water, from, to, pixels / 2, true);
    const traces = [
      line(points.worst, css('--shade'), 1, 'worst inside the bar', true),
      balance(),
      line(points.equity, css('--up'), 1.6, 'equity'),
      ...(points.beside ? [this.beside(points.beside, pixels)] : []),
      floor(points.day, css('--gold'), 'daily floor'),
      floor(points.overall, css('--red'), 'overall floor', 'dash'),
      floor(points.target, css('--good'), 'target', 'dash'),
      {
        x: water.x, y: water.y.map((value) => value * 100), mode: 'lines', yaxis: 'y2', fill: 'tozeroy',
        line: { color: css('--down'), width: 1 }, fillcolor: css('--down1'), hovertemplate: 'underwater %{y:.2%}<extra></extra>',
      },
    ];
    const layout = this.layout(right, narrow, water);
    this.note = '';
    const bars = this.symbol === null ? null : run.prices[this.symbol];
    if (bars) this.addPrices(traces, layout, bars, pixels);
    this.addAccount(layout, narrow);
    return { traces, layout };
  }

  // The other run's equity; where it has none yet, nothing is drawn.
  beside(column, pixels) {
    const { x, y } = thinned(column, this.from, this.to, pixels / 2);
    return {
      x, y: y.map((value) => value || null), mode: 'lines', name: 'beside', connectgaps: false,
      line: { color: css('--beside'), width: 1.6, dash: 'dot', simplify: false },
      hovertemplate: `${escaped(this.run.doc.beside)} %{y:,.${places}f}<extra></extra>`,
    };
  }

  layout(right, narrow, water) {
    const priced = this.symbol !== null;
    const axis = (domain, more) => ({
      domain, side: 'right', fixedrange: true, zeroline: false, gridcolor: css('--line'), tickfont: { size: 11 }, ...more,
    });
    const low = water.y.reduce((a, b) => Math.min(a, b), 0) * 100;
    return {
      margin: { l: 2, r: right, t: 6, b: 26 }, showlegend: false, hovermode: 'closest',
      paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)', bargap: 0, barmode: 'overlay',
      font: { color: css('--soft'), family: 'system-ui, "DejaVu Sans", sans-serif', size: 11 },
      dragmode: matchMedia('(pointer: coarse)').matches ? false : 'zoom',
      xaxis: { range: [this.from, this.to], anchor: priced ? 'y3' : 'y2', zeroline: false, gridcolor: css('--line'), ...this.ticks(narrow) },
      yaxis: axis(priced ? [0.56, 1] : [0.24, 1], { tickformat: ',.0f' }),
      yaxis2: axis(priced ? [0.46, 0.54] : [0, 0.2], { range: [Math.min(low * 1.05, -0.002), 0], tickformat: '.1%', nticks: 3 }),
      shapes: [], annotations: [],
    };
  }

  addPrices(traces, layout, bars, pixels) {
    const { run, from, to } = this;
    const set = candles(run, bars, from, to, pixels);
    if (!set.found.length) return;
    let low = Infinity, high = -Infinity;
    for (const candle of set.found) { low = Math.min(low, candle.low); high = Math.max(high, candle.high); }
    bars.span = high - low;
    const start = run.points.time[Math.max(0, Math.floor(from))];
    const end = run.points.time[Math.min(this.count - 1, Math.ceil(to) - 1)] + run.doc.period / 1000;
    const seen = run.trades.filter((t) => t.symbol === this.symbol && t.opened <= end && (t.closed === null || t.closed >= start));
    const drawn = candlePaths(run, bars, set);
    traces.push(drawn.trace);
    layout.shapes.push(...drawn.shapes);
    if (seen.length <= PATHS) {
      const paths = pathTraces(run, seen, bars);
      traces.push(...paths.traces);
      layout.shapes.push(...paths.shapes);
    }
    const marked = marks(run, seen, bars, { from, to, pixels, height: 0.43 * (this.element.clientHeight - 32) });
    traces.push(...marked.traces);
    layout.shapes.push(...marked.shapes);
    const scale = 10 ** bars.digits, room = Math.max(4, (high - low) * 0.06);
    layout.yaxis3 = {
      domain: [0, 0.43], side: 'right', fixedrange: true, zeroline: false, gridcolor: css('--line'),
      tickformat: `.${bars.digits}f`, range: [(low - room) / scale, (high + room) / scale], tickfont: { size: 11 },
    };
    this.note = ` · ${this.symbol} ${set.name}, ${seen.length.toLocaleString('en-US')} trades`;
    layout.annotations.push({
      xref: 'paper', yref: 'paper', x: 0, y: 0.43, xanchor: 'left', yanchor: 'top', showarrow: false,
      text: `${this.symbol} ${set.name} · ${seen.length.toLocaleString('en-US')} trades`, font: { size: 11 },
    });
    if (this.selected && this.selected.symbol === this.symbol) this.mark(layout, this.selected);
  }

  mark(layout, trade) {
    const a = position(this.run, trade.opened);
    const b = trade.closed === null ? this.count : position(this.run, trade.closed);
    layout.shapes.push({ type: 'rect', xref: 'x', yref: 'paper', x0: a, x1: b, y0: 0, y1: 0.43, fillcolor: css('--shade'), opacity: 0.25, line: { width: 0 }, layer: 'below' });
  }

  // The range of money, the floors' labels with their distance, and where the account was lost.
  addAccount(layout, narrow) {
    const { run, from, to } = this;
    const first = Math.max(0, Math.floor(from)), last = Math.min(this.count - 1, Math.ceil(to) - 1);
    const p = run.points;
    let low = Infinity, high = -Infinity;
    for (let i = first; i <= last; i++) {
      low = Math.min(low, p.worst[i], p.balance[i]);
      high = Math.max(high, p.best[i], p.balance[i]);
      if (p.beside && p.beside[i]) { low = Math.min(low, p.beside[i]); high = Math.max(high, p.beside[i]); }
    }
    const reach = Math.max(high - low, 100) * 0.6, money1 = p.equity[last];
    const labels = [['daily floor', p.day[last], '--gold'], ['overall floor', p.overall[last], '--red'], ['target', p.target[last], '--good']];
    for (const [, value] of labels) {
      if (value && value >= low - reach && value <= high + reach) { low = Math.min(low, value); high = Math.max(high, value); }
    }
    const room = Math.max((high - low) * 0.06, 100);
    layout.yaxis.range = [(low - room) / 100, (high + room) / 100];
    if (high - low < 2000) layout.yaxis.tickformat = `,.${places}f`;
    const taken = { top: 0, bottom: 0 };
    for (const [name, value, color] of labels) {
      if (!value) continue;
      const inside = value >= low - room && value <= high + room;
      const edge = value > high ? 'top' : 'bottom';
      const arrow = inside ? '' : edge === 'top' ? '\u2191 ' : '\u2193 ';
      const away = amount(Math.abs(money1 - value));
      layout.annotations.push({
        xref: 'paper', x: 1, xanchor: 'right', showarrow: false, font: { size: narrow ? 10 : 11, color: css(color) },
        yref: inside ? 'y' : 'y domain', y: inside ? value / 100 : edge === 'top' ? 1 : 0, yanchor: inside ? 'bottom' : edge,
        yshift: inside ? 0 : (edge === 'top' ? -1 : 1) * 14 * taken[edge]++,
        text: narrow ? `${arrow}${name} ${amount(value)}` : `${arrow}${name} ${amount(value)} (${away} away)`,
      });
    }
    this.addLost(layout, narrow);
  }

  addLost(layout, narrow) {
    const line = (x, color) => ({ type: 'line', xref: 'x', yref: 'paper', x0: x, x1: x, y0: 0, y1: 1, line: { color, width: 1.2 } });
    const { lost, attempts } = this.run.doc;
    for (const item of attempts) {
      if (item.ended === null) continue;
      const x = position(this.run, item.ended / 1000);
      if (x >= this.from && x <= this.to) layout.shapes.push(line(x, item.outcome === 'breached' ? css('--red') : css('--good')));
    }
    if (!lost) return;
    const x = position(this.run, lost / 1000);
    if (x <= this.to) {
      layout.shapes.push({ type: 'rect', xref: 'x', yref: 'paper', x0: Math.max(x, this.from), x1: this.to, y0: 0, y1: 1, fillcolor: css('--back'), opacity: 0.55, line: { width: 0 }, layer: 'above' });
    }
    if (x >= this.from && x <= this.to) {
      layout.shapes.push(line(x, css('--red')));
      layout.annotations.push({
        xref: 'x', x, yref: 'paper', y: 1, xanchor: (x - this.from) / (this.to - this.from) > 0.6 ? 'right' : 'left', yanchor: 'top', showarrow: false, yshift: -15,
        text: narrow ? 'lost' : 'account lost; what follows is fiction', font: { color: css('--red'), size: 11 }, bgcolor: css('--back'),
      });
    }
  }

  // Round places of the calendar, about one in ninety pixels.
  ticks(narrow) {
    const times = this.run.points.time, wanted = narrow ? 4 : 9;
    const first = Math.max(0, Math.floor(this.from)), last = Math.min(this.count - 1, Math.ceil(this.to) - 1);
    const seconds = (times[last] - times[first]) / wanted;
    const units = [900, 3600, 7200, 14400, 43200, 86400, 172800, 604800, 1209600, 2592000, 5184000, 7776000, 15552000, 31536000];
    const unit = units.find((size) => size >= seconds * 0.8) || units[units.length - 1];
    const tickvals = [], ticktext = [];
    for (const time of calendarTimes(times[first], times[last], unit)) {
      const i = place(times, time);
      if (i <= first || i > last || (tickvals.length && i - tickvals[tickvals.length - 1] < (last - first) / wanted / 2.5)) continue;
      const text = iso(times[i]);
      tickvals.push(i);
      ticktext.push(unit >= 2592000 ? text.slice(0, 7) : unit >= 86400 ? text.slice(narrow ? 5 : 0, 10) : text.slice(narrow && unit < 43200 ? 11 : 5));
    }
    return { tickvals, ticktext, tickangle: 0 };
  }

  bind() {
    this.bound = true;
    this.element.on('plotly_relayout', (event) => {
      const from = event['xaxis.range[0]'], to = event['xaxis.range[1]'];
      if (from !== undefined && to !== undefined) this.show(from, to);
    });
    this.element.on('plotly_doubleclick', () => this.show(0, this.count));
    this.element.on('plotly_click', (event) => {
      const row = event.points[0] && event.points[0].customdata;
      if (typeof row === 'number' && this.picked) this.picked(row);
    });
    this.element.addEventListener('wheel', (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const box = this.element.getBoundingClientRect();
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8, (event.clientX - box.left) / box.width);
    }, { passive: false });
  }
}
