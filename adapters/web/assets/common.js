// What both pages share: elements, times that pass, the line to the server.
const byId = (id) => document.getElementById(id);

// An element with text; every text of a session comes in by here, and none of it as markup.
function make(parent, tag, text, css) {
  const element = parent.appendChild(document.createElement(tag));
  if (text !== undefined && text !== null) element.textContent = text;
  if (css) element.className = css;
  return element;
}

// A text whose dates and times are not broken between two lines.
function dated(element, text) {
  element.replaceChildren();
  text.split(/(\d{4}-\d\d-\d\d(?: \d\d:\d\d)?)/).forEach((part, i) => { if (i % 2) make(element, 'time', part); else if (part) element.append(part); });
  return element;
}

const amounts = [0, 2].map((places) => new Intl.NumberFormat('en-US', { minimumFractionDigits: places, maximumFractionDigits: places }));

// An amount of a currency; yen have no decimals.
function decimal(value, currency) {
  if (typeof value !== 'number') return '\u2013';
  return amounts[currency === 'JPY' ? 0 : 1].format(value).replace('-', '\u2212');
}

// A time on the page's own words: seconds since, or to go.
function lasting(seconds) {
  if (seconds < 0) seconds = 0;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

// The clock of this machine against that of the server, so that ages are right on any phone.
const clock = { ahead: 0, set(now) { this.ahead = Date.now() - now; }, now() { return Date.now() - this.ahead; } };

// The session's clock: its market's, which runs on between two messages as ours does.
const sessionNow = (card) => (card.health === 'ended' ? card.session_time : card.session_time + (clock.now() - card.as_of));

// What the meters, ages and countdowns of a card say now.
function passing(card) {
  const beat = card.beat_at === null ? 'none' : `${lasting((clock.now() - card.beat_at) / 1000)} ago`;
  const tick = card.last_tick ? `${lasting((sessionNow(card) - card.last_tick) / 1000)} ago` : 'none';
  return { beat, tick, now: sessionNow(card) };
}

const linkOf = (card) => (card.health === 'running' && card.link) || '\u2013';

function meterText(meter, now) {
  if (!meter.until) return meter.text;
  return `${meter.text} \u00b7 reset in ${lasting((meter.until - now) / 1000)}`;
}

function drawMeters(parent, meters, now, level) {
  parent.replaceChildren();
  for (const meter of meters) {
    const item = make(parent, 'div', null, 'meter');
    item.dataset.meter = meter.key;
    make(item, level, meter.name);
    if (meter.part !== null) {
      const bar = make(item, 'progress');
      bar.max = 1;
      bar.value = meter.part;
      bar.className = `${meter.key} ${meter.part >= 1 ? 'full' : meter.part >= 0.8 ? 'high' : ''}`;
      bar.setAttribute('aria-label', meter.name);
    }
    dated(make(item, 'p'), meterText(meter, now));
  }
}

// A line to type, broken between its words alone.
function drawCommand(parent, line) {
  line.split(' ').forEach((word, i) => { if (i) parent.append(' '); make(parent, 'span', word, 'word'); });
}

// State, cause and life in words; colour only says it again.
function drawLife(parent, card) {
  // What did not change stays as it is: somebody may just copy the line to type.
  const says = JSON.stringify([card.health, card.state, card.causes, card.health_text, card.trouble, card.degraded, card.advice]);
  if (parent.dataset.says === says) return;
  parent.dataset.says = says;
  parent.replaceChildren();
  const state = make(parent, 'p', null, 'state');
  make(state, 'span', card.health, `badge ${card.health}`);
  const now = card.health === 'running';
  if (card.state) make(state, 'span', `${now ? '' : 'was '}${card.state.replace('_', ' ')}`, `badge ${now ? card.state : ''}`);
  if (card.causes && card.causes.length) make(state, 'span', card.causes.map((c) => c.replaceAll('_', ' ')).join(', '), 'cause');
  make(parent, 'p', card.health_text, card.health === 'mute' || card.health === 'dead' ? 'bad' : 'note');
  if (card.trouble) make(parent, 'p', card.trouble, 'bad');
  for (const [name, why] of Object.entries(card.degraded || {})) make(parent, 'p', `${name}: ${why}`, 'bad');
  if (card.advice.length) {
    const box = make(parent, 'div', null, 'advice');
    make(box, 'p', 'Type in a terminal:');
    for (const line of card.advice) drawCommand(make(make(box, 'p'), 'code'), line);
  }
}

// Listen to a stream for as long as the page is seen; `address` is asked each time anew.
function listen(address, handlers) {
  let source = null, heard = 0;
  const line = byId('line');
  const say = (text, bad) => { if (line.textContent !== text) line.textContent = text; line.classList.toggle('bad', bad); };
  const open = () => {
    if (source) return;
    source = new EventSource(address());
    source.onopen = () => { heard = Date.now(); say('live', false); };
    source.onerror = () => {
      if (source && source.readyState === EventSource.CLOSED) {
        say('cut off: butler serve was started again (open the address that it prints), or too many pages are open', true);
        source = null;
      } else {
        say(`no answer from butler serve${heard ? ` for ${lasting((Date.now() - heard) / 1000)}` : ''}; asking again`, true);
      }
    };
    for (const [name, act] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => { heard = Date.now(); say('live', false); act(JSON.parse(event.data)); });
    }
  };
  const close = () => { if (source) { source.close(); source = null; say('paused while this page is hidden', false); } };
  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
  addEventListener('pagehide', close);
  addEventListener('pageshow', () => { if (!document.hidden) open(); });
  if (!document.hidden) open();
  return { again() { close(); open(); } };
}

// At most once a frame, however many messages come.
function framed(act) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; act(); });
  };
}

if (location.hash) history.replaceState(null, '', location.pathname);
