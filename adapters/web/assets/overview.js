// A card for each account, the runs, the studies.
let shown = { cards: null, runs: [], studies: [], reading: 0, troubles: [] };
const elements = new Map();

function element(card) {
  const known = elements.get(card.key);
  if (known) return known;
  const root = document.createElement('article');
  root.dataset.key = card.key;
  const title = make(root, 'h3'), link = make(title, 'a');
  const parts = { root, link, who: make(root, 'p', null, 'note'), life: make(root, 'div'), meters: make(root, 'div'), facts: make(root, 'dl', null, 'facts') };
  elements.set(card.key, parts);
  return parts;
}

function facts(card) {
  const now = passing(card), currency = card.currency || '';
  const open = card.positions || [];
  const floating = card.floating === null || card.floating === undefined || !open.length ? '' : ` (${decimal(card.floating, currency)} ${currency})`;
  return [
    ['equity', card.equity === undefined ? '\u2013' : `${decimal(card.equity, currency)} ${currency}`],
    ['open positions', `${open.length}${floating}${(card.external || []).length ? `, ${card.external.length} external` : ''}`],
    ['heartbeat', now.beat],
    ['balance', card.balance === undefined ? '\u2013' : `${decimal(card.balance, currency)} ${currency}`],
    ['last tick', now.tick],
    ['link', linkOf(card)],
  ];
}

function drawCard(card) {
  const parts = element(card);
  const halted = card.health === 'running' && card.state !== 'active';
  parts.root.className = `account ${card.health} ${halted ? 'halted' : ''}`;
  parts.link.textContent = card.account;
  parts.link.href = `/session/${card.path}`;
  parts.who.textContent = `${card.profile || 'no profile'} \u00b7 ${card.session} \u00b7 ${card.preset} \u00b7 ${card.mode}${card.dry_run ? ', dry run' : ''}`;
  drawLife(parts.life, card);
  drawMeters(parts.meters, card.meters, passing(card).now, 'h4');
  drawFacts(parts, card);
  return parts.root;
}

function drawFacts(parts, card) {
  parts.facts.replaceChildren();
  for (const [name, text] of facts(card)) {
    const item = make(parts.facts, 'div');
    make(item, 'dt', name);
    make(item, 'dd', text, name === 'heartbeat' && (card.health === 'mute' || card.health === 'dead') ? 'bad' : '').dataset.fact = name;
  }
}

// Runs and studies are drawn when they change, so that a link keeps the focus.
let listed = '';

function drawLists() {
  const now = JSON.stringify([shown.runs, shown.studies]);
  if (now === listed) return;
  listed = now;
  drawRuns();
  drawStudies();
}

function drawRuns() {
  const rows = byId('runs');
  rows.replaceChildren();
  for (const run of shown.runs) {
    const row = make(rows, 'tr');
    make(row, 'th', run.session).scope = 'row';
    const pages = make(row, 'td');  // what is pressed comes before what a phone has no room for
    const link = (text, path) => { const a = make(pages, 'a', text); a.href = `/${path}/${run.path}`; pages.append(' '); };
    if (run.live) link('session', 'session');
    if (run.sealed) link('report', 'report');
    make(row, 'td', run.preset);
    make(row, 'td', run.mode);
    make(row, 'td', run.written === null ? 'not ended' : new Date(run.written).toISOString().slice(0, 16).replace('T', ' '));
  }
  if (!shown.runs.length) make(make(rows, 'tr'), 'td', 'nothing yet').colSpan = 5;
}

function drawStudies() {
  byId('studies-part').hidden = !shown.studies.length;
  const list = byId('studies');
  list.replaceChildren();
  for (const study of shown.studies) {
    const link = make(make(list, 'li'), 'a', `${study.kind}: ${study.name}`);
    link.href = `/study/${study.place}/${study.kind}/${encodeURIComponent(study.name)}`;
  }
}

function drawTroubles() {
  const text = shown.troubles.length ? `Not up to date, or not all of it is here: ${shown.troubles.join('; ')}` : '';
  if (byId('troubles').textContent !== text) byId('troubles').textContent = text;
}

const draw = framed(() => {
  drawTroubles();
  drawLists();
  if (shown.cards === null) return;
  const roots = shown.cards.map(drawCard), cards = byId('cards');
  const same = roots.length === cards.children.length && roots.every((root, i) => cards.children[i] === root);
  if (!same) cards.replaceChildren(...roots);
  if (!roots.length) cards.textContent = shown.reading ? 'Reading the journals.' : 'No session of an account is here yet: start one with butler shadow.';
  document.documentElement.dataset.ready = 'yes';
});

listen(() => '/events', {
  cards(news) {
    clock.set(news.now);
    const keys = new Set(news.cards.map((card) => card.key));
    for (const key of elements.keys()) if (!keys.has(key)) elements.delete(key);
    shown = { ...shown, ...news };
    draw();
  },
  lists(news) {
    shown = { ...shown, ...news };
    draw();
  },
});
// Ages and countdowns go on between two messages.
setInterval(() => { for (const card of shown.cards ?? []) { const parts = elements.get(card.key); if (parts) { drawFacts(parts, card); drawMeters(parts.meters, card.meters, passing(card).now, 'h4'); } } }, 1000);
