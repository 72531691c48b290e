// List: the rows beside the page. Only what can be seen is there, so 100,000 are no more than 30.
const HEIGHT = 32, AT_ONCE = 100, HIGHEST = 10000000;
const list = { total: 0, pages: new Map(), asked: "", current: null };

function clearList(query) {
  list.asked = query;
  list.pages.clear();
}

// A browser's page has a greatest height; a longer list moves by several pixels for each of the bar.
const height = () => Math.min(list.total * HEIGHT, HIGHEST);
function scale() {
  const seen = $("rows").clientHeight;
  return height() <= seen ? 1 : (list.total * HEIGHT - seen) / (height() - seen);
}

function showList(shown) {
  const total = shown.total;
  list.current = shown.row ? shown.row.id : null;
  if (total !== list.total) list.pages.clear();
  list.total = total;
  $("list").style.height = `${height()}px`;
  const pages = shown.rank ? list.pages.get(Math.floor((shown.rank - 1) / AT_ONCE)) : null;
  const entry = pages && pages[(shown.rank - 1) % AT_ONCE];
  if (entry) entry.state = shown.state;
  if (shown.rank) {
    const nav = $("rows"), top = (shown.rank - 1) * HEIGHT, from = nav.scrollTop * scale();
    if (top < from || top + HEIGHT > from + nav.clientHeight) nav.scrollTop = (top - nav.clientHeight / 3) / scale();
  }
  drawList();
}

function noteState(id, state) {
  for (const page of list.pages.values()) for (const entry of page) if (entry.id === id) entry.state = state;
}

function drawList() {
  const nav = $("rows");
  if (!nav.clientHeight) return;
  const from = nav.scrollTop * scale(), first = Math.max(0, Math.floor(from / HEIGHT) - 2);
  const last = Math.min(list.total, first + Math.ceil(nav.clientHeight / HEIGHT) + 4);
  const lines = [];
  for (let i = first; i < last; i++) {
    const page = list.pages.get(Math.floor(i / AT_ONCE));
    if (!page) fetchPage(Math.floor(i / AT_ONCE));
    const entry = page && page[i % AT_ONCE];
    if (!entry) continue;
    const button = make("button", { type: "button", tabindex: "-1", "aria-current": entry.id === list.current ? "true" : null, dir: "auto" },
      make("span", { class: `sign ${entry.state}`, role: "img", "aria-label": SAID[entry.state] }, SIGNS[entry.state]), entry.text || "–");
    button.addEventListener("click", () => act(() => show("here", entry.id)));
    const line = make("li", { "aria-setsize": list.total, "aria-posinset": i + 1 }, button);
    line.style.top = `${nav.scrollTop + i * HEIGHT - from}px`;
    lines.push(line);
  }
  $("list").replaceChildren(...lines);
}

async function fetchPage(number) {
  const asked = list.asked;
  list.pages.set(number, []);
  try {
    const found = await ask(`api/rows?${asked}&first=${number * AT_ONCE}&n=${AT_ONCE}`);
    if (asked !== list.asked) return;
    list.pages.set(number, found.rows);
    drawList();
  } catch (error) {
    list.pages.delete(number);
  }
}

$("rows").addEventListener("scroll", () => requestAnimationFrame(drawList));
window.addEventListener("resize", () => requestAnimationFrame(drawList));
