// Numbers and times as the page shows them.
const MINUS = '\u2212', DASH = '\u2013';
const groupingOf = (places) => new Intl.NumberFormat('en-US', { minimumFractionDigits: places, maximumFractionDigits: places });
let unit = '', places = 2, grouping = groupingOf(places);

// The amounts from here on are of a currency, which has so many decimals.
function amountsWith(decimals, currency) {
  unit = currency || '';
  if (decimals === places) return;
  places = decimals;
  grouping = groupingOf(places);
}


const money = (cents) => {
  if (cents === null) return DASH;
  const text = grouping.format(Math.abs(cents) / 100);
  return cents < 0 && /[1-9]/.test(text) ? MINUS + text : text;
};
// The same with its currency.
const amount = (cents) => (cents === null || !unit ? money(cents) : `${money(cents)} ${unit}`);
const fixed = (value, digits) => (value === null ? DASH : value.toFixed(digits).replace('-', MINUS));
const thousandths = (value) => (value === null ? DASH : fixed(value / 1000, 2));
const priced = (points, digits) => (points ? (points / 10 ** digits).toFixed(digits) : DASH);

function iso(seconds) {
  return seconds === null ? DASH : new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ');
}

function span(seconds) {
  if (seconds === null) return DASH;
  for (const [unit, size] of [['d', 86400], ['h', 3600], ['m', 60]]) {
    if (seconds >= size) {
      const value = seconds / size;
      return `${Number.isInteger(value) || value >= 10 ? Math.round(value) : value.toFixed(1)} ${unit}`;
    }
  }
  return `${Math.round(seconds)} s`;
}

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// The first place in a sorted column that is not below the value.
function place(column, value) {
  let low = 0, high = column.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}
