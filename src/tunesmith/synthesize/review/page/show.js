// Show: a row and its source. Everything from data becomes text, never markup.
const $ = (id) => document.getElementById(id);
const count = (n) => n.toLocaleString("en");
const SIGNS = { undecided: "·", accepted: "✓", edited: "✎", rejected: "✗", changed: "!" };
const SAID = { undecided: "not decided", accepted: "accepted", edited: "edited and accepted", rejected: "rejected", changed: "changed since it was decided" };

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}
const texts = (text, language) => text
  ? make("p", { class: "text", dir: "auto", lang: language }, text)
  : make("p", { class: "empty" }, "nothing");
const titled = (kind, title, ...children) => make("div", { class: kind }, make("h3", {}, title), ...children);

function showProgress(progress) {
  const done = progress.accepted + progress.edited + progress.rejected;
  for (const part of $("bar").children) part.style.width = `${100 * progress[part.className] / Math.max(1, progress.rows)}%`;
  $("bar").setAttribute("aria-valuemax", progress.rows);
  $("bar").setAttribute("aria-valuenow", done);
  const changed = progress.changed ? `, ${count(progress.changed)} changed since` : "";
  $("counts").textContent = `${count(done)} of ${count(progress.rows)} decided: ${count(progress.accepted)} accepted, ${count(progress.edited)} edited, ${count(progress.rejected)} rejected${changed}`;
  $("bar").setAttribute("aria-valuetext", $("counts").textContent);
}

function showRow(shown) {
  const row = shown.row, language = /^[a-z]{2}$/.test(row.language) ? row.language : null;
  const place = row.provenance || {};
  $("where").textContent = shown.rank ? `Row ${count(shown.rank)} of ${count(shown.total)}` : "A row outside the filter";
  $("state").replaceChildren(make("span", { class: `badge ${badge(shown.state)}` }, shown.state === "undecided" ? SAID.undecided : `${SIGNS[shown.state]} ${SAID[shown.state]}`));
  const kinds = [row.kind, row.style, row.language, row.split].filter(Boolean);
  const flags = (place.flags || []).map((flag) => make("span", { class: "badge down" }, `⚑ ${plain(flag)}`));
  const badges = make("p", { class: "badges" }, ...kinds.map((kind) => make("span", { class: "badge" }, kind)), ...flags);
  $("body").replaceChildren(...notices(shown), badges, words(shown, language), facts(row));
  $("answer").scrollTop = 0;
  showSource(shown.source);
}
let factsOpen = window.innerWidth > 760;  // and then as the person left it
const badge = (state) => state === "accepted" || state === "edited" ? "up" : state === "undecided" ? "" : "down";
const found = (verdict) => verdict === "" || verdict === null ? "no fault"
  : typeof verdict === "object" && !Array.isArray(verdict) ? Object.entries(verdict).map(([name, value]) => `${name} ${plain(value)}`).join(", ") : plain(verdict);
const plain = (value) => typeof value === "string" ? value : JSON.stringify(value);

// What the first side of a turn is called, by the kind of row.
const ASKED = { dialogue: "User", summary: "Request" };
const asked = (row, nth) => `${ASKED[row.kind] || "Question"}${nth}`;
const answered = (row, nth) => `${row.kind === "preference" ? "Chosen answer" : row.kind === "summary" ? "Summary" : "Answer"}${nth}`;

function notices(shown) {
  const { row, state } = shown, told = [];
  if (row.fate !== "accepted") told.push(`The build ${row.fate === "duplicate" ? "found a duplicate" : "rejected this row"}${row.reason ? `: ${row.reason}` : ""}`);
  if (state === "changed") told.push(`This row was ${SAID[shown.decision.verdict]}, and has changed since. Look again.`);
  return told.map((text) => make("p", { class: "notice" }, text));
}

// The words of a row as its decision leaves them; what an edit replaced stands below.
function words(shown, language) {
  const { row } = shown, edited = shown.state === "edited" ? shown.decision.edit : {};
  const now = { ...row, ...edited }, turns = now.turns || [];
  const before = (old, text) => old === undefined || old === text ? null : titled("original", "Original", texts(old, language));
  const nodes = turns.map((turn, i) => {
    const old = edited.turns ? row.turns[i] : {};
    const nth = turns.length > 1 ? ` ${i + 1}` : "";
    return make("div", { class: "turn" },
      titled("request", asked(row, nth), texts(turn.request, language), before(old.request, turn.request)),
      titled("answer", answered(row, nth), texts(turn.answer, language), before(old.answer, turn.answer)));
  });
  if (now.rejected) nodes.push(titled("unsupported", "Rejected answer", texts(now.rejected, language), "rejected" in edited ? before(row.rejected, now.rejected) : null));
  if (!turns.length) nodes.push(...(row.quotes || []).map((quote) => make("div", { class: "turn" }, titled("request quoted", "Text", texts(quote, language)))));
  if (now.label) nodes.push(titled("answer", "Label", texts(now.label), "label" in edited ? before(row.label, now.label) : null));
  if (!nodes.length) nodes.push(make("p", { class: "empty" }, "The row is the passage itself."));
  return make("div", { class: "turns" }, ...nodes);
}

function facts(row) {
  const place = row.provenance || {}, list = make("dl", { class: "facts" });
  const fact = (name, value, kind) => value === "" || value === null || value === undefined ? null
    : list.append(make("div", {}, make("dt", {}, name), make("dd", { class: kind, dir: "auto" }, plain(value))));
  const where = [place.page ? `page ${place.page}` : "", place.paragraph ? `paragraph ${place.paragraph}` : "", place.end ? `characters ${count(place.start)}–${count(place.end)}` : ""];
  fact("Document", place.name);
  fact("Place", where.filter(Boolean).join(", "));
  fact("Verdicts", Object.entries(place.verdicts || {}).map(([name, verdict]) => `${name}: ${found(verdict)}`).join("\n"));
  fact("Closed book", place.closed_book);
  fact("Model", place.model);
  fact("Prompt", place.prompt);
  fact("Tokens", place.n_prompt_tokens ? `${count(place.n_prompt_tokens)} in the prompt, ${count(place.n_tokens)} in the reply` : "");
  fact("Request", place.request, "hash");
  fact("Row", row.id, "hash");
  const details = make("details", { open: factsOpen ? "" : null }, make("summary", {}, "Where it comes from"), list);
  details.addEventListener("toggle", () => { factsOpen = details.open; });
  return details;
}

function showSource(source) {
  const page = source.page ? `, page ${source.page}` : "";
  $("source-name").textContent = source.missing ? "Source" : `${source.name}${page}`;
  $("more").hidden = Boolean(source.missing) || !source.more;
  const language = /^[a-z]{2}$/.test(source.language) ? source.language : null;
  const pieces = source.pieces.map((piece) => make(piece.mark ? "mark" : "span", { class: piece.inside ? null : "outside" }, piece.text));
  const told = source.missing ? `The source is not there: ${source.missing}` : source.located ? "" : "No evidence was located in this passage.";
  $("passage").replaceChildren(...[
    told && make("p", { class: "notice" }, told),
    source.headings.length ? make("p", { class: "headings", dir: "auto" }, source.headings.join(" › ")) : "",
    source.context && make("p", { class: "text context", dir: "auto" }, source.context),
    make("p", { class: "text", dir: "auto", lang: language }, ...pieces),
  ].filter(Boolean));
  const mark = $("passage").querySelector("mark");
  $("source").scrollTop = 0;
  if (mark) {
    // A third down: what stands before the evidence matters as much as what follows.
    const pane = $("source"), top = mark.getBoundingClientRect().top - pane.getBoundingClientRect().top;
    if (top + mark.offsetHeight > pane.clientHeight * 0.8) pane.scrollTop = top - pane.clientHeight / 3;
  }
}

function showNothing(text) {
  $("where").textContent = "No row";
  $("state").replaceChildren();
  $("body").replaceChildren(make("p", { class: "muted" }, text));
  $("passage").replaceChildren();
  $("source-name").textContent = "Source";
  $("more").hidden = true;
}
