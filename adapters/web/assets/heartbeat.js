// When the session looked at its market: the report's strip and its sums, of stretches that grow.
const SHORTEST = 60000, MOST_PARTS = 240;

// Stretches of one state each, from rows that say where each begins.
function stretchesOf(rows, end) {
  return rows.map(([first, state], i) => ({ first, last: i + 1 < rows.length ? rows[i + 1][0] : end, state }));
}

// The run in equal parts, each as grave as the gravest moment in it.
function partsOf(stretches) {
  const begin = stretches[0].first, end = stretches[stretches.length - 1].last;
  const count = Math.max(1, Math.min(MOST_PARTS, Math.ceil((end - begin) / SHORTEST)));
  const edge = (at) => begin + Math.floor(((end - begin) * at) / count);
  const worst = new Array(count).fill(0);
  let at = 0;
  for (const { first, last, state } of stretches) {
    while (at + 1 < count && edge(at + 1) <= first) at++;
    for (let place = at; place < count && edge(place) < last; place++) worst[place] = Math.max(worst[place], state);
  }
  return worst.map((state, place) => ({ first: edge(place), state }));
}

function drawStrip(strip, parts, states) {
  strip.setAttribute('viewBox', `0 0 ${parts.length} 10`);
  strip.replaceChildren();
  parts.forEach(({ first, state }, place) => {
    const [tone, top, name] = states[state];
    const bar = strip.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'rect'));
    bar.setAttribute('class', tone);
    for (const [key, value] of Object.entries({ x: place, y: top, width: 1, height: 10 - top })) bar.setAttribute(key, value);
    bar.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'title')).textContent = `${iso(first / 1000)}: ${name}`;
  });
}

// How often, how long in all and at most each state held.
function sumsOf(stretches, states) {
  const whole = stretches[stretches.length - 1].last - stretches[0].first;
  return states.map(([, , name, meaning], state) => {
    const lengths = stretches.filter((part) => part.state === state).map((part) => part.last - part.first);
    const sum = lengths.reduce((a, b) => a + b, 0);
    return [name, lengths.length, sum, (100 * sum) / whole, Math.max(0, ...lengths), meaning];
  }).filter((row) => row[1]);
}

function drawHeartbeat(run) {
  const stretches = stretchesOf(run.coverage, run.time);
  byId('heartbeat').hidden = !stretches.length || stretches[stretches.length - 1].last <= stretches[0].first;
  if (byId('heartbeat').hidden) return;
  const sums = sumsOf(stretches, run.doc.states);
  drawStrip(byId('strip'), partsOf(stretches), run.doc.states);
  byId('strip').setAttribute('aria-label', sums.map((row) => `${row[0]} ${row[3].toFixed(1)} %`).join('; '));
  byId('strip-begin').textContent = iso(stretches[0].first / 1000);
  byId('strip-end').textContent = iso(run.time / 1000);
  drawTable('watched', sums, ([name, count, sum, share, longest, meaning]) => [
    name, count.toLocaleString('en-US'), span(sum / 1000), `${share.toFixed(1)} %`, span(longest / 1000), meaning]);
}
