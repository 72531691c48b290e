// Show: one example with every model's answer.
const MARKS = { pair: "that differ", reference: "in no reference answer", none: "none" };

function showExample() {
  if (!list.rows.length) {
    $("shown").replaceChildren(make("p", { class: "muted none", id: "where" }, "No example fits. Search for something else, or show all examples."));
    return;
  }
  const place = list.rows[list.at], row = held.rows[place];
  $("shown").replaceChildren(
    make("header", {}, make("h3", { id: "where" }, `Example ${count(place + 1)}`), make("code", {}, row.o), turning()),
    make("div", { class: "body" },
      make("div", { class: "asked" }, make("h4", { class: "label" }, "Prompt"), region(`Prompt of example ${place + 1}`, prompt(row))),
      make("div", { class: "said" }, ...references(row, place), ...held.models.map((_, model) => answer(row, place, model)), opinion(row))));
}

function turning() {
  const button = (words, keys, step) => {
    const node = make("button", { type: "button", id: words.toLowerCase(), "aria-keyshortcuts": keys, disabled: list.at + step < 0 || list.at + step >= list.rows.length ? "" : null }, words);
    node.addEventListener("click", () => { go(list.at + step); const again = $(node.id); (again.disabled ? $("shown") : again).focus(); });
    return node;
  };
  return make("div", { class: "turn" }, button("Previous", "k", -1), button("Next", "j", 1));
}

const region = (name, content) => make("div", { class: "text", tabindex: "0", role: "region", "aria-label": name, dir: "auto" }, content || make("em", { class: "muted" }, held.empty));

function references(row, place) {
  return row.r.map((each, i) => make("div", { class: "reference" },
    make("h4", { class: "label" }, row.r.length > 1 ? `Reference answer ${i + 1}` : "Reference answer"),
    region(`Reference answer ${row.r.length > 1 ? `${i + 1} ` : ""}of example ${place + 1}`, text(each))));
}

function answer(row, place, model) {
  const found = row.a[model], name = held.models[model];
  if (!found) return null;
  const side = model === chosen.one ? "one" : model === chosen.other ? "other" : "";
  const node = found.t === null ? null : region(`Answer of ${name}, example ${place + 1}`, text(found.t));
  const marked = markedPieces(row, model);
  if (marked) node.replaceChildren(...marked.map((piece) => piece.only ? make("mark", {}, piece.text) : piece.text));
  const which = held.scores[chosen.score];
  const rest = held.scores.map((one, i) => i === chosen.score ? null : `${one.words} ${number(found.s[i])}`).filter(Boolean).join(", ");
  const weighed = (found.w || []).map(([label, p]) => `${text(label)} ${p.toFixed(2)}`).join(", ");
  return make("div", { class: `answer ${side}` },
    make("h4", {}, make("span", {}, name), which ? make("span", { class: "num" }, make("span", { class: "unseen" }, `${which.words} `), number(found.s[chosen.score])) : null),
    node,
    found.c ? make("span", { class: "badge cut" }, "cut at the token limit") : null,
    found.f === undefined ? null : make("span", { class: "badge down lost" }, text(found.f)),
    found.said === null ? make("span", { class: "badge down" }, "could not be read as an answer") : null,
    found.said !== undefined && found.said !== null && found.said !== found.t ? make("p", { class: "small figures" }, `Read as: ${text(found.said)}`) : null,
    weighed ? make("p", { class: "small muted figures" }, `Weighed: ${weighed}`) : null,
    rest ? make("p", { class: "small muted figures" }, rest) : null);
}

// The pieces of an answer by the words that are to be marked; null: none are.
function markedPieces(row, model) {
  const mine = said(row, model);
  if (!mine || chosen.mark === "none") return null;
  if (chosen.mark === "reference") return pieces(mine, row.r.map(text));
  if (model !== chosen.one && model !== chosen.other) return null;
  return pieces(mine, [said(row, model === chosen.one ? chosen.other : chosen.one)]);
}
