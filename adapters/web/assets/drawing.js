// The run as messages build it: rows of points, bars and trades, in the report's own shape.
const TRADE = ['position', 'side', 'volume', 'opened', 'closed', 'open', 'close', 'stop', 'target', 'net', 'r', 'symbol', 'reason', 'variant', 'levels'];
const POINT = ['time', 'balance', 'equity', 'worst', 'best', 'day', 'overall', 'target'];
const BAR = ['time', 'open', 'high', 'low', 'close'];

class LiveRun {
  constructor() { this.clear(); }

  clear() {
    this.seq = 0;
    this.time = 0;
    this.doc = null;
    this.screen = null;
    this.points = { water: [] };
    for (const name of POINT) this.points[name] = [];
    this.prices = {};
    this.trades = [];
    this.lines = [];
    this.operations = [];
    this.coverage = [];
  }

  // Take a message; false where it does not follow on what is here.
  take(news) {
    if (news.after > this.seq) return false;
    if (news.after === 0) this.clear();
    if (news.seq < this.seq) return true;
    this.seq = news.seq;
    this.time = news.time;
    if (news.doc) this.doc = news.doc;
    if (news.doc) amountsWith(news.doc.decimals, news.doc.currency);
    if (news.screen) this.screen = news.screen;
    for (const [name, part] of Object.entries(news.tables)) this.table(name, part);
    underwater(this.points, this.doc);
    return true;
  }

  table(name, part) {
    if (name === 'points') this.columns(this.points, POINT, part);
    else if (name.startsWith('bars ')) this.columns(this.bars(name.slice(5)), BAR, part);
    else if (name === 'trades') this.rows(this.trades, part, (row, i) => this.trade(row, i));
    else this.rows(this[name], part, (row) => row);
  }

  bars(symbol) {
    if (!(symbol in this.prices)) {
      const known = this.doc.symbols.find((item) => item.name === symbol);
      const bars = { digits: known.digits, period: known.period / 1000 };
      for (const name of BAR) bars[name] = [];
      this.prices[symbol] = bars;
    }
    return this.prices[symbol];
  }

  columns(columns, names, part) {
    names.forEach((name, column) => {
      const into = columns[name];
      into.length = Math.min(into.length, part.count);
      for (const [at, row] of part.rows) into[at] = row[column];
    });
  }

  rows(into, part, shape) {
    into.length = Math.min(into.length, part.count);
    for (const [at, row] of part.rows) into[at] = shape(row, at);
  }

  trade(row, at) {
    const trade = { row: at, mae: null, mfe: null };
    TRADE.forEach((name, i) => { trade[name] = row[i]; });
    trade.volume /= 10000;
    trade.held = trade.closed === null ? null : trade.closed - trade.opened;
    return trade;
  }
}

// Excursions come with the report, which has every price.
for (const name of ['MAE', 'MFE']) COLUMNS.splice(COLUMNS.findIndex((column) => column[0] === name), 1);

class LiveTrades extends TradeTable {
  // Rows came or changed: keep order, choice and place.
  renew() {
    const chosen = this.order[this.at], value = COLUMNS[this.by][1], sign = this.down ? -1 : 1;
    this.order = this.run.trades.slice();
    this.order.sort((a, b) => {
      const x = value(a), y = value(b);
      if (x === y) return a.row - b.row;
      if (x === null || y === null) return x === null ? 1 : -1;
      return (x < y ? -1 : 1) * sign;
    });
    this.at = chosen ? this.order.findIndex((trade) => trade.row === chosen.row) : -1;
    this.body.style.height = `${this.order.length * ROW}px`;
    this.element.style.height = `${Math.min(460, 48 + Math.max(1, this.order.length) * ROW)}px`;
    this.element.setAttribute('aria-rowcount', this.order.length + 1);
    const focused = this.body.contains(document.activeElement) ? document.activeElement.dataset.at : null;
    this.draw();
    if (focused !== null) this.body.querySelector(`[data-at="${focused}"]`)?.focus({ preventScroll: true });
  }
}

class LiveChart extends AccountChart {
  // Points came: what showed the end goes on to show it.
  renew() {
    const count = this.run.points.time.length, all = this.from <= 0 && this.to >= this.count;
    if (all) this.from = 0;
    else if (this.to >= this.count) this.from += count - this.count;
    if (all || this.to >= this.count) this.to = count;
    this.count = count;
    if (this.symbol === null) this.symbol = mostTraded(this.run);
    this.draw();
  }
}
