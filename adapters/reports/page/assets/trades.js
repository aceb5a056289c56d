// The table of trades: only the rows in view are in the document, however many there are.
const COLUMNS = [
  ['#', (t) => t.position, (t) => String(t.position)],
  ['opened', (t) => t.opened, (t) => iso(t.opened)],
  ['closed', (t) => t.closed, (t) => iso(t.closed)],
  ['symbol', (t) => t.symbol, (t) => t.symbol],
  ['side', (t) => t.side, (t) => (t.side > 0 ? 'long' : 'short')],
  ['lots', (t) => t.volume, (t) => t.volume.toFixed(2)],
  ['entry', (t) => t.open, (t, d) => priced(t.open, d)],
  ['exit', (t) => t.close, (t, d) => priced(t.close, d)],
  ['stop', (t) => t.stop, (t, d) => priced(t.stop, d)],
  ['target', (t) => t.target, (t, d) => priced(t.target, d)],
  ['net', (t) => t.net, (t) => money(t.net)],
  ['R', (t) => t.r, (t) => thousandths(t.r)],
  ['MAE', (t) => t.mae, (t) => thousandths(t.mae)],
  ['MFE', (t) => t.mfe, (t) => thousandths(t.mfe)],
  ['held', (t) => t.held, (t) => span(t.held)],
  ['exit by', (t) => t.reason, (t) => t.reason || 'open'],
  ['variant', (t) => t.variant, (t) => t.variant],
];
const ROW = 26, SPARE = 8;

class TradeTable {
  constructor(run, element, chosen) {
    this.run = run;
    this.element = element;
    this.chosen = chosen;
    this.order = run.trades.slice();
    this.by = 0;
    this.down = false;
    this.at = -1;
    this.head();
    this.body = element.appendChild(document.createElement('div'));
    this.body.className = 'body';
    this.body.setAttribute('role', 'rowgroup');
    this.body.style.height = `${this.order.length * ROW}px`;
    element.style.height = `${Math.min(460, 48 + this.order.length * ROW)}px`;
    element.addEventListener('scroll', () => this.draw());
    element.addEventListener('keydown', (event) => this.key(event));
    this.body.addEventListener('click', (event) => {
      const row = event.target.closest('.row');
      if (row) this.pick(Number(row.dataset.at), true);
    });
    this.draw();
  }

  head() {
    const head = this.element.appendChild(document.createElement('div'));
    head.className = 'row head';
    head.setAttribute('role', 'row');
    this.buttons = COLUMNS.map(([name], i) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = name === 'net' && unit ? `net, ${unit}` : name;
      button.setAttribute('role', 'columnheader');
      button.setAttribute('aria-sort', 'none');
      button.addEventListener('click', () => this.sort(i));
      head.append(button);
      return button;
    });
  }

  sort(by) {
    this.down = this.by === by ? !this.down : false;
    this.by = by;
    const known = this.order[this.at], value = COLUMNS[by][1], sign = this.down ? -1 : 1;
    this.order.sort((a, b) => {
      const x = value(a), y = value(b);
      if (x === y) return a.row - b.row;
      if (x === null || y === null) return x === null ? 1 : -1;
      return (x < y ? -1 : 1) * sign;
    });
    this.at = known ? this.order.indexOf(known) : -1;
    this.buttons.forEach((button, i) => button.setAttribute('aria-sort', i !== by ? 'none' : this.down ? 'descending' : 'ascending'));
    this.draw();
  }

  // The rows in view; on paper all of them.
  draw(whole = false) {
    const first = whole ? 0 : Math.max(0, Math.floor(this.element.scrollTop / ROW) - SPARE);
    const shown = Math.ceil(this.element.clientHeight / ROW) + 2 * SPARE;
    const last = whole ? this.order.length : Math.min(this.order.length, first + shown);
    const rows = [];
    for (let at = first; at < last; at++) rows.push(this.row(at));
    this.body.replaceChildren(...rows);
  }

  row(at) {
    const trade = this.order[at], digits = this.run.doc.digits[trade.symbol] ?? 5;
    const row = document.createElement('div');
    row.className = 'row' + (this.run.doc.lost && trade.opened * 1000 > this.run.doc.lost ? ' after' : '');
    row.style.top = `${at * ROW}px`;
    row.dataset.at = at;
    row.tabIndex = at === Math.max(this.at, 0) ? 0 : -1;
    row.setAttribute('role', 'row');
    row.setAttribute('aria-rowindex', at + 2);
    row.setAttribute('aria-selected', at === this.at);
    for (const [name, , text] of COLUMNS) {
      const cell = document.createElement('span');
      cell.setAttribute('role', 'gridcell');
      cell.textContent = text(trade, digits);
      if (cell.textContent.length > 12) cell.title = cell.textContent;
      if ((name === 'net' || name === 'R') && trade.net) cell.className = trade.net > 0 ? 'plus' : 'minus';
      row.append(cell);
    }
    return row;
  }

  // Select a row, keep it in view, and show it on the chart.
  pick(at, focus) {
    if (at < 0 || at >= this.order.length) return;
    this.at = at;
    const top = at * ROW, box = this.element;
    if (top < box.scrollTop || top > box.scrollTop + box.clientHeight - 3 * ROW) box.scrollTop = Math.max(0, top - box.clientHeight / 2);
    this.draw();
    const row = this.body.querySelector(`[data-at="${at}"]`);
    if (row && focus) row.focus({ preventScroll: true });
    this.chosen(this.order[at]);
  }

  pickRow(row) { this.pick(this.order.findIndex((trade) => trade.row === row), false); }

  step(by) { this.pick(Math.max(0, Math.min(this.order.length - 1, this.at + by)), false); }

  key(event) {
    const row = event.target.closest('.row');
    if (!row || !('at' in row.dataset)) return;
    const at = Number(row.dataset.at);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15 };
    if (event.key in moves) {
      event.preventDefault();
      event.stopPropagation();
      this.focusOn(at + moves[event.key]);
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      this.pick(at, true);
    }
  }

  focusOn(at) {
    at = Math.max(0, Math.min(this.order.length - 1, at));
    const top = at * ROW, box = this.element;
    if (top < box.scrollTop) box.scrollTop = top;
    if (top > box.scrollTop + box.clientHeight - 3 * ROW) box.scrollTop = top - box.clientHeight + 3 * ROW;
    this.draw();
    const row = this.body.querySelector(`[data-at="${at}"]`);
    if (row) { row.tabIndex = 0; row.focus({ preventScroll: true }); }
  }
}
