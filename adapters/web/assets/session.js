// The page of one session: the report's first screen, chart, trades and operations, live.
const key = location.pathname.replace(/^\/session\//, '');
const session = decodeURIComponent(key.slice(key.indexOf('/') + 1));
document.title = `${session}: Execution Butler`;
const run = new LiveRun();
let card = null, chart = null, table = null, stream = null;

// Whether an element has to say something else now. What did not change stays as it is: somebody
// may just mark it, or listen to it.
function changed(element, says) {
  const text = JSON.stringify(says);
  if (element.says === text) return false;
  element.says = text;
  return true;
}

function drawScreen() {
  drawClock();
  const { identity, verdict, figures, warnings } = run.screen;
  if (!changed(byId('identity'), [identity, verdict, figures, warnings])) return;
  byId('identity').replaceChildren();
  identity.forEach((part, i) => { if (i) byId('identity').append(' \u00b7 '); dated(make(byId('identity'), 'bdi'), part); });
  byId('verdict-head').textContent = verdict.head;
  dated(byId('verdict-text'), verdict.text);
  const list = byId('figures');
  list.replaceChildren();
  for (const figure of figures) {
    const item = make(list, 'div');
    make(item, 'dt', figure.name);
    const value = make(item, 'dd', figure.text, figure.tone);
    value.dataset.figure = figure.key;
    value.dataset.value = figure.value ?? '';
  }
  byId('warnings').hidden = !warnings.length;
  byId('warnings').replaceChildren();
  for (const text of warnings) make(byId('warnings'), 'li', text);
}

function drawClock() {
  if (!run.screen) return;
  drawMeters(byId('meters'), run.screen.meters, card ? sessionNow(card) : run.time, 'h2');
}

function drawTable(id, rows, texts) {
  const body = byId(id), cells = rows.map(texts);
  if (!changed(body, cells)) return;
  body.replaceChildren();
  for (const row of cells) {
    const line = make(body, 'tr');
    for (const text of row) make(line, 'td', text, 'text');
  }
  if (!rows.length) make(make(body, 'tr'), 'td', 'nothing').colSpan = 8;
}

const stamp = (ms) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

function drawRecords() {
  drawScreen();
  drawTable('lines', run.lines.slice().reverse(), (row) => [String(row[0]), stamp(row[1]), row[2]]);
  drawTable('operations', run.operations.slice().reverse(), (row) => row);
  drawHeartbeat(run);
  if (!chart) begin();
  symbols();
  chart.renew();
  table.renew();
  document.documentElement.dataset.seq = run.seq;
  document.documentElement.dataset.ready = 'yes';
}

function begin() {
  chart = new LiveChart(run, byId('chart'), byId('status'));
  table = new LiveTrades(run, byId('grid'), (trade) => {
    chart.showTrade(trade);
    byId('account').scrollIntoView({ block: 'start' });
  });
  chart.picked = (row) => table.pickRow(row);
  keys(chart, table);
  ranges();
  legend();
}

function symbols() {
  const names = run.doc.symbols.map((item) => item.name), select = byId('symbol');
  if (select.children.length === names.length) return;
  select.replaceChildren();
  for (const name of names) make(select, 'option', name);
  byId('symbols').hidden = names.length < 2;
  if (chart.symbol) select.value = chart.symbol;
}

function legend() {
  for (const [name, color] of [['equity', '--up'], ['balance', '--balance'], ['worst inside the bar', '--shade'], ['daily floor', '--gold'], ['overall floor', '--red'], ['target', '--good']]) {
    const item = make(byId('legend'), 'span');
    make(item, 'i').style.background = `var(${color})`;
    item.append(name);
  }
}

function ranges() {
  const buttons = [...document.querySelectorAll('[data-range]')];
  for (const button of buttons) {
    button.addEventListener('click', () => {
      buttons.forEach((item) => item.setAttribute('aria-pressed', item === button));
      chart.to = chart.count;
      if (button.dataset.range === 'all') chart.show(0, chart.count); else chart.showSeconds(Number(button.dataset.range));
    });
  }
  byId('symbol').addEventListener('change', () => { chart.symbol = byId('symbol').value; chart.draw(); });
}

function keys(own, rows) {
  const acts = {
    ArrowLeft: () => own.pan(-0.25), ArrowRight: () => own.pan(0.25), '+': () => own.zoom(0.5), '=': () => own.zoom(0.5),
    '-': () => own.zoom(2), Home: () => own.show(0, own.count), n: () => rows.step(1), p: () => rows.step(-1),
  };
  document.addEventListener('keydown', (event) => {
    const inside = event.target instanceof Element ? event.target : document.body;
    if (event.ctrlKey || event.metaKey || event.altKey || inside.closest('input, select, textarea')) return;
    const anywhere = event.key === 'n' || event.key === 'p';
    if (!(event.key in acts) || !(anywhere || inside.closest('#account'))) return;
    event.preventDefault();
    acts[event.key]();
  });
}

function drawCard() {
  byId('head').className = `card ${card.health} ${run.screen ? run.screen.verdict.tone : ''}`;
  drawLife(byId('life'), card);
  drawAges();
  showControls(card.health === 'running');
  byId('report').hidden = card.health !== 'ended' && card.health !== 'dead';
  byId('report').href = `/report/${key}`;
  const external = (card.external || []).map((p) => ({ ...p, entry: 'not its own', profit: null }));
  drawTable('positions', [...(card.positions || []), ...external], (p) => [String(p.ticket), p.symbol, p.side, p.volume.toFixed(2), String(p.entry),
    p.stop_loss ? String(p.stop_loss) : '\u2013', p.take_profit ? String(p.take_profit) : '\u2013', typeof p.profit !== 'number' ? '\u2013' : `${decimal(p.profit, card.currency)} ${card.currency || ''}`]);
  drawClock();
  document.documentElement.dataset.health = card.health;
}

function drawAges() {
  if (!card) return;
  const now = passing(card);
  byId('ages').textContent = `heartbeat ${now.beat} \u00b7 last tick ${now.tick} \u00b7 equity ${decimal(card.equity, card.currency)} ${card.currency || ''} \u00b7 link ${linkOf(card)}`;
}

const redraw = framed(() => { if (run.screen) drawRecords(); });
const redrawCard = framed(drawCard);

stream = listen(() => `/events/${key}?after=${run.seq}`, {
  card(news) {
    clock.set(news.now);
    card = news.card;
    redrawCard();
  },
  records(news) {
    if (run.take(news)) redraw();
    else { run.clear(); stream.again(); }
  },
});
controls(key, session);
setInterval(() => { drawAges(); drawClock(); }, 1000);
addEventListener('resize', framed(() => { if (chart) chart.draw(); }));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { if (chart) { chart.draw(); table.draw(); } });
