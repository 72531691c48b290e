// Choose: which examples, in which order; by pointer and by key.
const chosen = { query: "", one: -1, other: -1, score: held.judged, show: "all", sort: "place", mark: "none" };
const isPair = held.models.length > 1;
if (isPair) [chosen.one, chosen.other] = held.compared.length === 2 ? held.compared : [1, 0];
chosen.mark = isPair ? "pair" : "none";

const name = (model) => held.models[model];
const shows = () => ({
  all: ["all examples", () => true],
  ...(isPair ? {
    worse: [`${name(chosen.one)} worse than ${name(chosen.other)}`, isWorse],
    better: [`${name(chosen.one)} better than ${name(chosen.other)}`, (row) => gain(row, chosen.one, chosen.other, chosen.score) > 0],
    differs: ["answers that differ", (row) => said(row, chosen.one) !== said(row, chosen.other)],
    ...preferences(chosen.one, chosen.other),
  } : {}),
  cut: ["an answer is cut", isCut],
  ...(held.rows.some(isUnread) ? { unread: ["an answer is unreadable", isUnread] } : {}),
  ...(held.rows.some(isLost) ? { lost: ["an answer is refused or missing", isLost] } : {}),
});
const byNumber = (value) => (a, b) => {
  const x = value(held.rows[a]), y = value(held.rows[b]);
  return x === null || y === null ? (x === null) - (y === null) : x - y || a - b;
};
const places = new Intl.Collator("en", { numeric: true });
const least = (row) => score(row, isPair ? chosen.one : 0, chosen.score);
const sorts = () => ({
  place: ["as they came", (a, b) => a - b],
  ...(isPair ? {
    worst: [`worst of ${name(chosen.one)} first`, byNumber((row) => gain(row, chosen.one, chosen.other, chosen.score))],
    best: [`best of ${name(chosen.one)} first`, byNumber((row) => { const found = gain(row, chosen.one, chosen.other, chosen.score); return found === null ? null : -found; })],
    most: ["largest difference first", byNumber((row) => { const found = gain(row, chosen.one, chosen.other, chosen.score); return found === null ? null : -Math.abs(found); })],
  } : {}),
  least: [`lowest score of ${name(isPair ? chosen.one : 0)}`, byNumber(least)],
  origin: ["origin", (a, b) => places.compare(held.rows[a].o, held.rows[b].o) || a - b],
});

function fill(id, options, value) {
  $(id).replaceChildren(...options.map(([key, words]) => make("option", { value: key }, words)));
  $(id).value = String(value);
}
const options = (table) => Object.entries(table).map(([key, [words]]) => [key, words]);
function fillAll() {
  const models = held.models.map((each, i) => [i, each]);
  fill("one", models, chosen.one);
  fill("other", models, chosen.other);
  fill("score", held.scores.map((each, i) => [i, each.words]), chosen.score);
  fill("show", options(shows()), chosen.show);
  fill("sort", options(sorts()), chosen.sort);
  fill("mark", Object.entries(MARKS).filter(([key]) => isPair || key !== "pair"), chosen.mark);
  for (const id of ["one", "other"]) $(id).parentElement.hidden = !isPair;
  $("score").parentElement.hidden = !held.scores.length;
}

// What fits, in order; the example that was shown stays shown where it still fits.
function choose() {
  const before = list.rows[list.at], query = chosen.query.trim().toLowerCase();
  const [, fits] = shows()[chosen.show], [, order] = sorts()[chosen.sort];
  const rows = held.rows.map((_, place) => place).filter((place) => fits(held.rows[place], place) && (!query || searchable(place).includes(query)));
  rows.sort(order);
  const at = rows.indexOf(before);
  setRows(rows, at < 0 || chosen.fresh ? 0 : at);
  chosen.fresh = false;
  if (list.at === 0) { $("list").scrollTop = 0; drawList(); }
  showExample();
  tell();
}
const examples = (n) => `${count(n)} example${n === 1 ? "" : "s"}`;
const tell = () => { $("told").textContent = list.rows.length === held.rows.length ? examples(held.rows.length) : `${count(list.rows.length)} of ${examples(held.rows.length)}`; };

function go(to) {
  if (!list.rows.length) return;
  const at = Math.max(0, Math.min(list.rows.length - 1, to));
  if (at === list.at) return reveal();
  list.at = at;
  reveal();
  showExample();
  const isAll = list.rows.length === held.rows.length && chosen.sort === "place", where = `${count(at + 1)} of ${count(list.rows.length)}`;
  $("told").textContent = isAll ? `Example ${where}` : `Example ${count(list.rows[at] + 1)}, ${where} in this order`;
}

const page = () => Math.max(1, Math.floor($("list").clientHeight / HEIGHT) - 1);
const MOVES = {
  ArrowDown: () => list.at + 1, ArrowUp: () => list.at - 1, Home: () => 0, End: () => list.rows.length - 1,
  PageDown: () => list.at + page(), PageUp: () => list.at - page(),
};
$("list").addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(MOVES, event.key)) return;
  event.preventDefault();
  go(MOVES[event.key]());
});
$("browser").addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target === $("query") && event.key === "Escape") { $("query").value = ""; chosen.query = ""; return choose(); }
  if (event.target.closest("input, select")) return;
  const step = { j: 1, k: -1 }[event.key];
  if (step) {
    event.preventDefault();
    const isInside = $("shown").contains(event.target);
    go(list.at + step);
    if (isInside) $("shown").focus();  // what had the focus is gone with its example
  }
  else if (event.key === "/") { event.preventDefault(); $("query").focus(); }
});
$("query").addEventListener("input", () => { chosen.query = $("query").value; choose(); });
$("choose").addEventListener("submit", (event) => { event.preventDefault(); $("list").focus(); });
for (const id of ["one", "other", "score"]) {
  $(id).addEventListener("change", () => {
    const before = chosen[id];
    chosen[id] = Number($(id).value);
    // A model against itself tells nothing: the two change places.
    if (chosen.one === chosen.other) chosen[id === "one" ? "other" : "one"] = before;
    fillAll();
    choose();
  });
}
for (const id of ["show", "sort", "mark"]) {
  $(id).addEventListener("change", () => { chosen[id] = $(id).value; chosen.fresh = id !== "mark"; choose(); });
}
for (const button of document.querySelectorAll(".jump")) {
  const one = held.models.indexOf(button.dataset.one), other = held.models.indexOf(button.dataset.other);
  if (one < 0 || other < 0) continue;
  button.hidden = false;
  button.addEventListener("click", () => {
    Object.assign(chosen, { query: "", one, other, score: held.lost ? held.lost.score : held.judged, show: "worse", sort: "worst", fresh: true });
    $("query").value = "";
    fillAll();
    choose();
    $("examples").scrollIntoView();
    $("list").focus();
  });
}
