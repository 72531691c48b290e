// Act: keys and buttons. What is done waits for what was done before, so no key is lost or doubled.
const FACETS = { fate: "Fate", kind: "Kind", split: "Split", language: "Language", document: "Document", flag: "Flag", decision: "Decision" };
const DECISIONS = { open: "still to decide", undecided: "not decided", changed: "changed since", accepted: "accepted", edited: "edited", rejected: "rejected" };
let filter = {}, shown = null, editing = null, labels = [], waiting = Promise.resolve();

async function ask(path, sent) {
  const options = sent === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(sent) };
  let reply;
  try {
    reply = await fetch(path, options);
  } catch (error) {
    throw new Error("The server does not answer. What was decided before is kept; start tunesmith data review again.");
  }
  const answer = await reply.json();
  if (!reply.ok) throw new Error(answer.error);
  return answer;
}

function act(action) {
  waiting = waiting.then(action).catch((error) => complain(error.message));
  return waiting;
}
function complain(text) {
  $("alert").hidden = !text;
  $("alert").textContent = text;
}
const say = (text) => { $("said").textContent = text; };
const query = (extra) => new URLSearchParams({ ...filter, ...extra }).toString();

function take(answer, before = "") {
  const was = shown;
  complain("");
  showProgress(answer.progress);
  if (answer.row) {
    shown = answer;
    showRow(shown);
    history.replaceState(null, "", `#${query({ id: shown.row.id })}`);
  } else if (!was || answer.total === 0) {
    shown = null;
    showNothing(answer.total === 0 ? "No row matches. Press f to change the filter, or / to search for something else." : "");
    history.replaceState(null, "", `#${query({})}`);
  }
  enableButtons();
  showList(shown || answer);
  if (shown) say(`${before}${$("where").textContent}, ${SAID[shown.state]}. ${title(shown.row)}`);
  else say(`${before}No row matches.`);
}
function enableButtons() {
  document.body.classList.toggle("editing", Boolean(editing));
  for (const id of ["accept", "reject", "edit"]) $(id).disabled = !shown || Boolean(editing);
  for (const id of ["previous", "next", "undo"]) $(id).disabled = Boolean(editing);
}
const title = (row) => (row.turns && row.turns.length ? row.turns[0].request : (row.quotes || [""])[0]).slice(0, 160);

async function show(go, id = shown ? shown.row.id : "", context = 0) {
  if (editing) return complain("Save the edit with Ctrl+Enter, or cancel it with Esc.");
  const answer = await ask(`api/item?${query({ id, go, context })}`);
  if (answer.row || !shown || answer.total === 0) return take(answer);
  say(go === "open" ? "Everything here is decided." : go === "previous" ? "This is the first row." : "This is the last row.");
  if (go === "open") complain("Everything here is decided.");
}

async function decide(verdict, fields = {}) {
  if (!shown) return;
  if (editing && verdict !== "edited") return complain("Save the edit with Ctrl+Enter, or cancel it with Esc.");
  const id = shown.row.id;
  const answer = await ask("api/decide", { id, content: shown.content, verdict, filter, ...fields });
  stopEditing();
  noteState(id, verdict);
  const said = verdict[0].toUpperCase() + verdict.slice(1);
  take(answer, `${said}. `);
  if (answer.finished) complain(`${said}. Everything here is decided: change the filter, or end with Ctrl-C where you started.`);
}

async function undo() {
  if (editing) return complain("Save the edit with Ctrl+Enter, or cancel it with Esc.");
  const answer = await ask("api/undo", { filter });
  list.pages.clear();
  if (answer.row) take(answer, "Undone. ");
}

function startEditing() {
  if (!shown || editing) return;
  const now = { ...shown.row, ...(shown.state === "edited" ? shown.decision.edit : {}) };
  const fields = [];
  const field = (name, value, path, old, known) => {
    const input = make(known ? "input" : "textarea", { dir: "auto", spellcheck: "true", list: known ? "labels" : null });
    input.value = value;
    fields.push({ input, path });
    return make("div", {}, make("label", { class: "field" }, name, input), old !== value ? titled("original", "Original", texts(old)) : null);
  };
  const many = (now.turns || []).length > 1, nodes = (now.turns || []).flatMap((turn, i) => ["request", "answer"].map((side) => field(
    (side === "request" ? asked : answered)(now, many ? ` ${i + 1}` : ""),
    turn[side], ["turns", i, side], shown.row.turns[i][side])));
  if (now.rejected) nodes.push(field("Rejected answer", now.rejected, ["rejected"], shown.row.rejected));
  if (now.label) nodes.push(field("Label", now.label, ["label"], shown.row.label, true));
  if (!fields.length) return complain("There is nothing to edit in this row; accept or reject it.");
  const save = make("button", { type: "button", class: "primary" }, "Save ", make("kbd", { "aria-hidden": "true" }, "Ctrl+Enter"));
  const cancel = make("button", { type: "button" }, "Cancel ", make("kbd", { "aria-hidden": "true" }, "Esc"));
  save.addEventListener("click", () => act(saveEdit));
  cancel.addEventListener("click", () => act(cancelEdit));
  const known = make("datalist", { id: "labels" }, ...labels.map((label) => make("option", { value: label })));
  editing = { now, fields };
  enableButtons();
  $("body").querySelector(".turns").replaceChildren(...nodes, known, make("div", { class: "edit-buttons" }, save, cancel));
  const first = fields.find(({ path }) => path[2] !== "request") || fields[0];
  first.input.focus();
  first.input.scrollIntoView({ block: "nearest" });
  say("Editing. Control Enter saves, Escape cancels.");
}
const edited = () => {
  const now = { turns: structuredClone(editing.now.turns || []), label: editing.now.label, rejected: editing.now.rejected };
  for (const { input, path } of editing.fields) {
    if (path.length === 3) now.turns[path[1]][path[2]] = input.value; else now[path[0]] = input.value;
  }
  return now;
};
const isDirty = () => editing && editing.fields.some(({ input }) => input.value !== input.defaultValue && input.value !== original(input));
const original = (input) => { const found = editing.fields.find((field) => field.input === input); return found.path.reduce((value, key) => value[key], editing.now); };

async function saveEdit() {
  if (!editing) return;
  const now = edited(), fields = {};
  if (now.turns.length) fields.turns = now.turns;
  if (shown.row.label) fields.label = now.label;
  if (shown.row.rejected) fields.rejected = now.rejected;
  await decide("edited", fields);
}
function stopEditing() {
  editing = null;
  if (document.activeElement) document.activeElement.blur();
}
function cancelEdit() {
  if (!editing) return;
  stopEditing();
  enableButtons();
  complain("");
  showRow(shown);
  say("Cancelled.");
}

async function applyFilter() {
  clearList(query({}));
  const id = shown ? shown.row.id : "";
  $("filter-button").classList.toggle("filtered", Object.keys(filter).some((name) => name !== "text" && !(name === "fate" && filter.fate === "accepted")));
  const answer = await ask(`api/item?${query({ id, go: "here" })}`);
  await (answer.rank ? take(answer) : take(await ask(`api/item?${query({ go: "first" })}`)));
}

function buildFilters(overview) {
  const choices = { ...overview.facets, decision: Object.keys(DECISIONS).map((value) => ({ value, name: DECISIONS[value] })) };
  $("choices").replaceChildren(...Object.keys(FACETS).filter((name) => (choices[name] || []).length).map((name) => {
    const options = choices[name].map(({ value, name: told, n }) => make("option", { value }, `${told || value || "none"}${n === undefined ? "" : ` (${count(n)})`}`));
    const select = make("select", { name }, make("option", { value: "" }, "all"), ...options);
    select.value = filter[name] || "";
    select.addEventListener("change", () => {
      if (select.value) filter[name] = select.value; else delete filter[name];
      act(applyFilter);
    });
    return make("label", {}, FACETS[name], select);
  }));
}

function toggleFilters(open = $("filters").hidden) {
  $("filters").hidden = !open;
  $("filter-button").setAttribute("aria-expanded", open);
  if (open) $("choices").querySelector("select").focus(); else $("filter-button").focus();
}

const ACTIONS = {
  a: () => act(() => decide("accepted")), r: () => act(() => decide("rejected")), e: () => act(startEditing), u: () => act(undo),
  j: () => act(() => show("next")), k: () => act(() => show("previous")), n: () => act(() => show("open")),
  c: () => act(() => shown && shown.source.more && show("here", shown.row.id, shown.context + 1)),
  "/": () => $("search").focus(), f: () => toggleFilters(), "?": () => $("help").showModal(),
};
const OTHERS = {
  ArrowDown: ACTIONS.j, ArrowRight: ACTIONS.j, ArrowUp: ACTIONS.k, ArrowLeft: ACTIONS.k,
  Home: () => act(() => show("first")), End: () => act(() => show("last")),
};
const ONCE = "areuf";

document.addEventListener("keydown", (event) => {
  const at = event.target instanceof Element ? event.target : document.body;
  if (event.isComposing || $("help").open) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && editing) { event.preventDefault(); return act(saveEdit); }
  if (event.key === "Escape") return escape(event);
  if (event.ctrlKey || event.metaKey || event.altKey || at.closest("input:not([type=checkbox]), select, textarea")) return;
  // On keyboards of other scripts the key's place tells the letter.
  const typed = /^[ -~]$/.test(event.key) || !event.code.startsWith("Key") ? event.key : event.code.slice(3);
  const key = typed.length === 1 ? typed.toLowerCase() : typed;
  // The source and the list scroll by arrows while they have the focus.
  const scrolls = at.closest("#source, #rows") && event.key.startsWith("Arrow");
  const action = $("keys-on").checked && Object.hasOwn(ACTIONS, key) ? ACTIONS[key] : !scrolls && Object.hasOwn(OTHERS, key) ? OTHERS[key] : null;
  if (!action) return;
  event.preventDefault();
  if (event.repeat && ONCE.includes(key)) return;
  action();
});
function escape(event) {
  if (editing) { event.preventDefault(); return act(cancelEdit); }
  if (event.target === $("search")) { event.preventDefault(); $("search").value = ""; search(); return $("search").blur(); }
  if (!$("filters").hidden) { toggleFilters(false); $("filter-button").blur(); }
  complain("");
}
function search() {
  const text = $("search").value.trim();
  if (text === (filter.text || "")) return;
  if (text) filter.text = text; else delete filter.text;
  act(applyFilter);
}

for (const [id, key] of Object.entries({ previous: "k", next: "j", accept: "a", edit: "e", reject: "r", undo: "u", more: "c", "filter-button": "f", "help-button": "?" })) {
  $(id).addEventListener("click", () => ACTIONS[key]());
}
let typing = 0;
$("search").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(search, 250); });
$("search-form").addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(typing); search(); $("search").blur(); });
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("filters-close").addEventListener("click", () => toggleFilters(false));
$("clear").addEventListener("click", () => {
  filter = filter.text ? { text: filter.text } : {};
  for (const select of $("choices").querySelectorAll("select")) select.value = "";
  act(applyFilter);
});
window.addEventListener("beforeunload", (event) => { if (editing && isDirty()) event.preventDefault(); });

// Who works by voice or by mistake-prone keys turns the letters off, and finds them so again.
$("keys-on").checked = localStorage.getItem("keys") !== "off";
$("keys-on").addEventListener("change", () => localStorage.setItem("keys", $("keys-on").checked ? "on" : "off"));

act(async () => {
  const kept = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const { id = "", ...rest } = kept;
  filter = location.hash.length > 1 ? rest : { fate: "accepted" };
  const overview = await ask("api/overview");
  labels = overview.labels;
  buildFilters(overview);
  $("search").value = filter.text || "";
  clearList(query({}));
  const answer = await ask(`api/item?${query({ id, go: id ? "here" : "open" })}`);
  take(answer.row ? answer : await ask(`api/item?${query({ go: "first" })}`));
  document.documentElement.dataset.ready = "";
});
