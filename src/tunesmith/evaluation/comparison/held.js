// Held: the examples as the page carries them. Everything from data becomes text, never markup.
const $ = (id) => document.getElementById(id);
const held = JSON.parse($("held").textContent);
const count = (n) => n.toLocaleString("en");
const text = (place) => held.texts[place];
const prompt = (row) => held.head + text(row.p) + held.tail;

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}
const number = (value, digits = 3) => value === null || value === undefined ? "–" : value.toFixed(digits);
const signed = (value) => value === null ? "–" : `${Number(value.toFixed(3)) === 0 ? "±" : value > 0 ? "+" : "−"}${Math.abs(value).toFixed(3)}`;

const score = (row, model, which) => row.a[model] && row.a[model].s.length ? row.a[model].s[which] : null;
// The one's score less the other's; null where either has none.
function difference(row, one, other, which) {
  const a = score(row, one, which), b = score(row, other, which);
  return a === null || b === null || a === undefined || b === undefined ? null : a - b;
}
// The same, so that more is better, also of errors.
const gain = (row, one, other, which) => {
  const found = difference(row, one, other, which);
  return found !== null && held.scores[which] && held.scores[which].lower ? -found : found;
};
const isCut = (row) => row.a.some((answer) => answer && answer.c);
const isUnread = (row) => row.a.some((answer) => answer && answer.said === null);
// Refused, withheld, or not answered: what stands there is no answer.
const isLost = (row) => row.a.some((answer) => answer && answer.f !== undefined);
// As it was counted, where it was: a table of what got worse and its examples are to agree.
function isWorse(row, place) {
  const lost = held.lost;
  if (lost && chosen.other === lost.against && chosen.score === lost.score && lost.places[chosen.one]) return lost.places[chosen.one].includes(place);
  return gain(row, chosen.one, chosen.other, chosen.score) < 0;
}
const said = (row, model) => row.a[model] && row.a[model].t !== null ? text(row.a[model].t) : "";

const searched = new Array(held.rows.length);
function searchable(place) {
  if (searched[place] === undefined) {
    const row = held.rows[place];
    searched[place] = [row.o, prompt(row), ...row.r.map(text), ...held.models.map((_, model) => said(row, model))].join("\n").toLowerCase();
  }
  return searched[place];
}
