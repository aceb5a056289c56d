// Starts the page.
const started = performance.now();
const byId = (id) => document.getElementById(id);

function legend(run) {
  const kinds = [['equity', '--up', true], ['balance', '--balance', true], ['worst inside the bar', '--shade', true],
    ['daily floor', '--gold', run.points.day.some((v) => v)], ['overall floor', '--red', run.points.overall.some((v) => v)],
    ['target', '--good', run.points.target.some((v) => v)], [run.doc.beside, '--beside', run.points.beside !== null]];
  for (const [name, color, shown] of kinds) {
    if (!shown) continue;
    const item = byId('legend').appendChild(document.createElement('span'));
    item.appendChild(document.createElement('i')).style.background = `var(${color})`;
    item.append(name);
  }
}

function keys(chart, table) {
  const acts = {
    ArrowLeft: () => chart.pan(-0.25), ArrowRight: () => chart.pan(0.25), '+': () => chart.zoom(0.5), '=': () => chart.zoom(0.5),
    '-': () => chart.zoom(2), Home: () => chart.show(0, chart.count), n: () => table.step(1), p: () => table.step(-1),
  };
  document.addEventListener('keydown', (event) => {
    const inside = event.target instanceof Element ? event.target : document.body;
    if (event.ctrlKey || event.metaKey || event.altKey || inside.closest('input, select, textarea')) return;
    const anywhere = event.key === 'n' || event.key === 'p';
    if (!(event.key in acts) || !(anywhere || inside.closest('#account') || inside === document.body)) return;
    if (event.key === 'Home' && inside === document.body) return;
    event.preventDefault();
    acts[event.key]();
  });
}

function ranges(chart) {
  const buttons = [...document.querySelectorAll('[data-range]')];
  for (const button of buttons) {
    button.addEventListener('click', () => {
      buttons.forEach((item) => item.setAttribute('aria-pressed', item === button));
      if (button.dataset.range === 'all') chart.show(0, chart.count); else chart.showSeconds(Number(button.dataset.range));
    });
  }
  const select = byId('symbol');
  if (select && chart.symbol) select.value = chart.symbol;
  if (select) select.addEventListener('change', () => { chart.symbol = select.value; chart.draw(); });
}

function panels(run) {
  const all = [...document.querySelectorAll('.panel')];
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting && !entry.target.dataset.drawn) drawPanel(run, entry.target);
    }
  }, { rootMargin: '300px' });
  all.forEach((element) => seen.observe(element));
  const redraw = () => all.filter((element) => element.dataset.drawn).forEach((element) => drawPanel(run, element));
  addEventListener('beforeprint', () => all.forEach((element) => drawPanel(run, element)));
  return redraw;
}

// The time to the next reset, for as long as the page stays open.
function countdown() {
  for (const element of document.querySelectorAll('[data-until]')) {
    const text = element.textContent, left = Number(element.dataset.until) - (performance.now() - started);
    element.textContent = `${text}; reset in ${span(Math.max(0, left) / 1000)} at the time of the report`;
  }
}

async function main() {
  const run = runOf(await unpacked(byId('data').textContent));
  byId('data').remove();
  amountsWith(run.doc.decimals, run.doc.currency);
  legend(run);
  countdown();
  const chart = new AccountChart(run, byId('chart'), byId('status'));
  const table = new TradeTable(run, byId('grid'), (trade) => {
    chart.showTrade(trade);
    byId('account').scrollIntoView({ block: 'start' });
  });
  chart.picked = (row) => table.pickRow(row);
  if (chart.count) chart.draw(); else byId('status').textContent = 'No bar was played: there is nothing to draw.';
  keys(chart, table);
  ranges(chart);
  const redrawPanels = panels(run);
  if (byId('curves')) drawAttempts(run, byId('curves'));
  addEventListener('beforeprint', () => table.draw(true));
  addEventListener('afterprint', () => table.draw());
  const redraw = () => { chart.draw(); table.draw(); redrawPanels(); };
  let waiting = 0;
  addEventListener('resize', () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(redraw); });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

main().catch((error) => {
  byId('status').textContent = `The page cannot draw its charts: ${error.message}`;
  document.documentElement.dataset.failed = error.message;
});
