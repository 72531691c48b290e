// List: the examples that fit, in order. Only what can be seen is there.
const HEIGHT = 58, SPARE = 4, SNIPPET = 140;
const list = { rows: [], at: 0 };

function setRows(rows, at) {
  list.rows = rows;
  list.at = at;
  $("list").hidden = !rows.length;
  $("room").style.height = `${rows.length * HEIGHT}px`;
  reveal();
}

// Moves the list so far that the chosen example is seen.
function reveal() {
  const node = $("list"), top = list.at * HEIGHT;
  if (top < node.scrollTop) node.scrollTop = top;
  else if (top + HEIGHT > node.scrollTop + node.clientHeight) node.scrollTop = top + HEIGHT - node.clientHeight;
  drawList();
}

function drawList() {
  const node = $("list"), first = Math.max(0, Math.floor(node.scrollTop / HEIGHT) - SPARE);
  const last = Math.min(list.rows.length, Math.ceil((node.scrollTop + node.clientHeight) / HEIGHT) + SPARE);
  const items = [];
  for (let i = first; i < last; i++) items.push(item(i));
  $("room").replaceChildren(...items);
  const current = $(`item-${list.at}`);
  if (current) node.setAttribute("aria-activedescendant", current.id); else node.removeAttribute("aria-activedescendant");
}

function item(i) {
  const place = list.rows[i], row = held.rows[place];
  const value = chosen.one < 0 ? null : difference(row, chosen.one, chosen.other, chosen.score), better = value === null ? null : gain(row, chosen.one, chosen.other, chosen.score);
  const node = make("div", { class: "item", role: "option", id: `item-${i}`, "aria-selected": String(i === list.at), "aria-setsize": list.rows.length, "aria-posinset": i + 1 },
    make("p", {}, make("b", {}, `#${place + 1}`),
      isCut(row) ? make("span", { class: "sign", role: "img", "aria-label": "an answer is cut" }, "✂\uFE0E") : null,
      isLost(row) ? make("span", { class: "sign", role: "img", "aria-label": "an answer is refused or missing" }, "✕\uFE0E") : null,
      value === null ? null : make("span", { class: `gain ${better > 0.0005 ? "up" : better < -0.0005 ? "down" : ""}` }, signed(value))),
    make("p", { dir: "auto" }, text(row.p).trim().slice(0, SNIPPET) || "–"));
  node.style.top = `${i * HEIGHT}px`;
  node.addEventListener("click", () => go(i));
  return node;
}

$("list").addEventListener("scroll", () => requestAnimationFrame(drawList));
window.addEventListener("resize", () => requestAnimationFrame(drawList));
