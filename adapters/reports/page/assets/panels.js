// The small charts: drawn when they come into view.
function panelLayout(more) {
  const axis = { gridcolor: css('--line'), zerolinecolor: css('--line'), fixedrange: true };
  return {
    margin: { l: 44, r: 8, t: 6, b: 34 }, showlegend: false, dragmode: false,
    paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)', bargap: 0.08, barmode: 'stack',
    font: { color: css('--soft'), family: 'system-ui, "DejaVu Sans", sans-serif', size: 11 },
    ...more, xaxis: { ...axis, ...more.xaxis }, yaxis: { ...axis, ...more.yaxis },
  };
}

// Counts of values between two edges; what lies beyond is in the outermost bars.
function histogram(values, low, high, width) {
  const count = Math.round((high - low) / width), bins = new Array(count).fill(0);
  for (const value of values) bins[Math.max(0, Math.min(count - 1, Math.floor((value - low) / width)))]++;
  return { x: bins.map((_, i) => low + (i + 0.5) * width), y: bins };
}

const signed = (x) => x.map((value) => (value > 0 ? css('--up') : css('--down')));

const PANELS = {
  'p-r'(trades) {
    const { x, y } = histogram(trades.filter((t) => t.r !== null).map((t) => t.r / 1000), -3, 4, 0.25);
    return { traces: [{ type: 'bar', x, y, marker: { color: signed(x) }, hovertemplate: 'around %{x} R: %{y} trades<extra></extra>' }],
      layout: { xaxis: { title: { text: 'R (outermost bars: and beyond)' } } } };
  },
  'p-excursions'(trades) {
    const kept = trades.filter((t) => t.mae !== null && t.mfe !== null && t.net !== null);
    const trace = (won) => {
      const own = kept.filter((t) => (t.net > 0) === won);
      return {
        type: 'scatter', mode: 'markers', x: own.map((t) => Math.min(2, t.mae / 1000)), y: own.map((t) => Math.min(4, t.mfe / 1000)),
        customdata: own.map((t) => [t.position, t.mae / 1000, t.mfe / 1000]),
        marker: { size: 4, color: css(won ? '--up' : '--down'), opacity: 0.75, symbol: own.map((t) => (t.mae > 2000 || t.mfe > 4000 ? 'triangle-up' : 'circle')) },
        hovertemplate: '#%{customdata[0]}: MAE %{customdata[1]:.2f} R, MFE %{customdata[2]:.2f} R<extra></extra>',
      };
    };
    return { traces: [trace(true), trace(false)], layout: {
      xaxis: { range: [-0.04, 2.06], title: { text: 'MAE in R' } }, yaxis: { range: [-0.08, 4.15], title: { text: 'MFE in R' } } } };
  },
  'p-held'(trades) {
    const edges = [[0, 300, '< 5 m'], [300, 900, '5–15 m'], [900, 1800, '15–30 m'], [1800, 3600, '30–60 m'], [3600, 7200, '1–2 h'], [7200, 14400, '2–4 h'], [14400, 28800, '4–8 h'], [28800, 86400, '8–24 h'], [86400, Infinity, '> 1 d']];
    const count = (won) => edges.map(([a, b]) => trades.filter((t) => t.held !== null && t.held >= a && t.held < b && (t.net > 0) === won).length);
    const trace = (won) => ({ type: 'bar', x: edges.map((e) => e[2]), y: count(won), name: won ? 'won' : 'lost', marker: { color: css(won ? '--up' : '--down') }, hovertemplate: `%{x}: %{y} ${won ? 'won' : 'lost'}<extra></extra>` });
    return { traces: [trace(true), trace(false)], layout: { xaxis: { type: 'category' } } };
  },
  'p-hours'(trades, run) {
    const hour = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', hourCycle: 'h23', timeZone: run.doc.zone });
    const sums = new Array(24).fill(0);
    for (const t of trades) if (t.net !== null) sums[Number(hour.format(new Date(t.opened * 1000)))] += t.net / 100;
    return { traces: [{ type: 'bar', x: sums.map((_, i) => i), y: sums, marker: { color: signed(sums) }, hovertemplate: `%{x}:00: %{y:,.${places}f}<extra></extra>` }],
      layout: { xaxis: { dtick: 2 }, yaxis: { tickformat: ',.0f' } } };
  },
};

function drawPanel(run, element) {
  const { traces, layout } = PANELS[element.id](run.trades.filter((t) => t.closed !== null), run);
  Plotly.react(element, traces, panelLayout(layout), CONFIG);
  element.dataset.drawn = 'yes';
}

// One small line for each attempt.
function drawAttempts(run, element) {
  const { attempts, period } = run.doc, { time, equity } = run.points;
  for (const item of attempts) {
    const a = Math.max(0, place(time, item.started / 1000));
    const b = item.ended === null ? time.length : Math.max(a + 1, place(time, item.ended / 1000));
    const { y } = thinned(equity, a, b - 1, 150);
    const low = Math.min(...y), high = Math.max(...y), scale = 52 / Math.max(1e-9, high - low);
    const figure = element.appendChild(document.createElement('figure'));
    const svg = figure.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'svg'));
    svg.setAttribute('viewBox', `0 0 ${Math.max(1, y.length - 1)} 60`);
    svg.setAttribute('preserveAspectRatio', 'none');
    const line = svg.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'polyline'));
    line.setAttribute('points', y.map((value, i) => `${i},${56 - (value - low) * scale}`).join(' '));
    line.setAttribute('fill', 'none');
    line.setAttribute('vector-effect', 'non-scaling-stroke');
    line.setAttribute('stroke', css(item.outcome === 'breached' ? '--down' : '--up'));
    figure.appendChild(document.createElement('figcaption')).textContent = `${item.attempt} ${item.phase}: ${(item.outcome || 'unfinished').replace('_', ' ')}`;
  }
}
