"""The page in a real browser, by keyboard alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from made_dataset import read_rows, write_rows

from tunesmith.pipelines.review import review
from tunesmith.synthesize.review.decisions import Decisions

pytestmark = pytest.mark.slow

FOCUS = "document.activeElement"
PROBE = """(() => {
  window.latencies = [];
  let pressed = 0;
  addEventListener("keydown", () => { pressed = performance.now(); }, true);
  new MutationObserver(() => {
    const at = pressed;
    if (!at) return;
    pressed = 0;
    requestAnimationFrame(() => setTimeout(() => latencies.push(performance.now() - at)));
  }).observe(document.getElementById("body"), { childList: true });
})()"""
"""Measures the time from a key to the frame that shows the row it leads to."""


def where(chromium):
    return chromium.text("#where")


def stands(selector, text):
    """An expression: whether an element's text holds words."""
    return f"document.querySelector({selector!r})?.innerText.includes({json.dumps(text)})"


def decided(page):
    with Decisions(page.decisions) as decisions:
        return decisions.all()


def test_100_items_are_decided_by_keyboard_alone(chromium, serve, tmp_path):
    page = serve(150)
    chromium.open(page.url)
    n_sure = 0
    for n in range(100):
        chromium.press("r" if n % 3 == 0 else "a")
        n_sure += 1
        chromium.until(stands("#counts", f"{n_sure} of "))
    expected = [row["id"] for row in read_rows(tmp_path / "set") if row["fate"] == "accepted"]
    found = decided(page)
    assert list(found) == expected[:100]
    assert [d.verdict for d in found.values()] == [
        "rejected" if n % 3 == 0 else "accepted" for n in range(100)
    ]
    assert {d.by for d in found.values()} == {"Ana"}
    assert where(chromium) == "Row 101 of 132"
    assert chromium.complaints() == []


def test_keys_faster_than_the_server_are_neither_lost_nor_doubled(chromium, serve, tmp_path):
    page = serve(40)
    chromium.open(page.url)
    for key in "aaraarjaku":
        chromium.press(key)
    chromium.until(stands("#said", "Undone"))
    expected = [row["id"] for row in read_rows(tmp_path / "set") if row["fate"] == "accepted"]
    verdicts = ["accepted", "accepted", "rejected", "accepted", "accepted", "rejected"]
    assert {id: d.verdict for id, d in decided(page).items()} == dict(
        zip(expected, verdicts, strict=False)
    )


def test_an_edit_keeps_the_original_and_undo_takes_it_back(chromium, serve, tmp_path):
    page = serve(20)
    first = read_rows(tmp_path / "set")[0]
    chromium.open(page.url)
    chromium.press("e")
    chromium.until(f"{FOCUS}.tagName === 'TEXTAREA'")
    assert chromium.evaluate(f"{FOCUS}.value") == first["turns"][0]["answer"]
    chromium.press("a", ctrl=True)
    chromium.type("Every fortnight: a j k r")
    chromium.press("Enter", ctrl=True)
    chromium.until(stands("#said", "Edited"))
    [found] = decided(page).values()
    assert found.edit["turns"][0]["answer"] == "Every fortnight: a j k r"
    assert found.original["turns"] == first["turns"]
    chromium.press("k")
    chromium.until(stands("#state", "edited"))
    assert chromium.text(".answer .original") == "Original\n\nevery 2 weeks"
    assert "Every fortnight" in chromium.text(".answer")
    chromium.press("u")
    chromium.until(stands("#state", "not decided"))
    assert "fortnight" not in chromium.text("#body")
    assert decided(page) == {}


def test_escape_leaves_an_edit_and_a_refused_one_keeps_what_was_typed(chromium, serve):
    page = serve(20)
    chromium.open(page.url)
    chromium.press("j")  # a question whose answer has to stand in the passage
    chromium.until(stands("#where", "Row 2 "))
    chromium.press("e")
    chromium.until(f"{FOCUS}.tagName === 'TEXTAREA'")
    chromium.press("a", ctrl=True)
    chromium.type("made up")
    chromium.press("Enter", ctrl=True)
    chromium.until(stands("#alert", "word for word"))
    assert chromium.evaluate(f"{FOCUS}.value") == "made up"
    chromium.press("Escape")
    chromium.until(stands("#said", "Cancelled"))
    assert "made up" not in chromium.text("#body")
    assert decided(page) == {}


def test_search_filter_and_help_by_keys(chromium, serve):
    chromium.open(serve(150).url)
    chromium.press("/")
    chromium.type("valve 42 ")
    chromium.press("Enter")
    chromium.until(stands("#body", "valve 42 tested"))
    assert where(chromium) == "Row 1 of 1"
    chromium.press("/")
    chromium.press("Escape")
    chromium.until(stands("#where", " of 132"))
    chromium.press("f")
    chromium.until(f"{FOCUS}.name === 'fate'")
    chromium.press("r")  # the fate that begins so
    chromium.until(stands("#where", " of 15"))
    assert "number: 7 is not in the source" in chromium.text(".notice")
    chromium.press("Escape")
    chromium.press("?")
    chromium.until("document.getElementById('help').open")
    chromium.press("a")
    chromium.press("Escape")
    chromium.until("!document.getElementById('help').open")
    assert chromium.text("#counts").startswith("0 of 15")


def test_the_evidence_is_marked_in_view_and_more_context_can_be_asked_for(chromium, serve):
    chromium.open(serve(150).url)
    chromium.press("End")
    chromium.until(stands("#where", "Row 132 of 132"))
    # The character beyond the basic plane stands before it 30 times.
    assert chromium.text("#passage mark").startswith("It is tested every ")
    inside = (
        "(() => { const m = document.querySelector('mark').getBoundingClientRect(), "
        "s = document.querySelector('#source').getBoundingClientRect(); "
        "return m.top >= s.top && m.bottom <= s.bottom; })()"
    )
    assert chromium.evaluate(inside)
    before = len(chromium.text("#passage"))
    chromium.press("c")
    chromium.until(f"document.querySelector('#passage').innerText.length > {before + 1000}")
    assert chromium.evaluate(inside)


def test_the_place_is_kept_on_reload_and_the_next_start_begins_at_what_is_open(chromium, serve):
    page = serve(20)
    chromium.open(page.url)
    for key in "aajjj":
        chromium.press(key)
    chromium.until(stands("#where", "Row 6 "))
    chromium.reload()
    assert where(chromium).startswith("Row 6 ")
    chromium.open(serve().url)
    assert where(chromium).startswith("Row 3 ")


def test_case_65_markup_in_data_is_inert(chromium, serve, dataset):
    evil = (
        "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'>\"'><svg onload=hit=1>"
    )
    folder = dataset(7)
    rows = []
    for row in read_rows(folder):
        place = {**row["provenance"], "name": f"{evil}.docx", "flags": [evil], "model": evil}
        turns = [{side: f"{evil} {text}" for side, text in t.items()} for t in row["turns"]]
        rejected, label = row["rejected"] and evil, row["label"] and evil
        place |= {"verdicts": {evil: evil, "__proto__": {"a": evil}}, "prompt": evil}
        quotes = [f"{evil}\u202e\u0000\ud800"]
        changed = {"turns": turns, "rejected": rejected, "label": label, "quotes": quotes}
        rows.append({**row, **changed, "provenance": place, "language": evil, "reason": evil})
    write_rows(folder, [json.dumps({**r, "fate": "rejected"}) for r in rows if r])
    page = serve()
    chromium.open(f"{page.url}#kind=")
    for n in range(len(rows)):
        chromium.until(stands("#where", f"Row {n + 1} of 7"))
        assert "<script>" in chromium.text("#body")
        chromium.press("e" if rows[n]["turns"] else "c")
        chromium.press("Escape")
        chromium.press("j")
    chromium.press("f")
    assert evil in chromium.evaluate("document.querySelector('select[name=flag]').innerText")
    assert chromium.evaluate("window.hit") is None
    assert chromium.evaluate("document.querySelectorAll('main script, main img, svg').length") == 0
    assert chromium.complaints() == []


def test_a_server_that_is_gone_is_told_and_nothing_moves_on(chromium, dataset):
    with review(dataset(20)) as page:
        chromium.open(page.url)
    chromium.press("a")
    chromium.until(stands("#alert", "does not answer"))
    assert where(chromium).startswith("Row 1 ")


def test_10_000_rows_are_there_at_once(chromium, serve, capsys):
    page = serve(10_000)
    chromium.open(page.url)
    first_paint = "performance.getEntriesByName('first-contentful-paint')[0]"
    chromium.until(f"{first_paint} !== undefined")
    painted = chromium.evaluate(f"{first_paint}.startTime")
    ready = chromium.evaluate(
        "new Promise((d) => requestAnimationFrame(() => d(performance.now())))"
    )
    chromium.evaluate(PROBE)
    for n, key in enumerate("ajaraju" * 6, 1):
        chromium.press(key)
        chromium.until(f"latencies.length >= {n}")
    latencies = sorted(chromium.evaluate("latencies"))
    assert chromium.evaluate("document.querySelectorAll('#list li').length") < 60
    chromium.press("End")
    chromium.until(stands("#list [aria-current]", "valve 9998"))
    median, slowest = latencies[len(latencies) // 2], latencies[-1]
    with capsys.disabled():
        print(
            f"\n10,000 rows: first paint {painted:.0f} ms, row shown {ready:.0f} ms; "
            f"key to next row: median {median:.0f} ms, slowest {slowest:.0f} ms"
        )
    assert median < 200
    assert ready < 3000


CONTRASTS = [
    ("ink", "page"),
    ("ink", "panel"),
    ("muted", "page"),
    ("muted", "panel"),
    ("accent", "page"),
    ("accent", "tint"),
    ("on-accent", "accent"),
    ("warn", "page"),
    ("warn", "warn-tint"),
    ("ink", "mark"),
]


def luminance(colour):
    """Relative luminance as WCAG 2.2 defines it, of ``#rgb`` or ``#rrggbb``."""
    digits = colour.strip().lstrip("#")
    digits = "".join(d * 2 for d in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read_in_light_and_dark(chromium, serve, dark):
    chromium.look(1280, 800, dark=dark)
    chromium.open(serve().url)
    for text, ground in CONTRASTS:
        style = "getComputedStyle(document.documentElement).getPropertyValue"
        found = [chromium.evaluate(f"{style}('--{name}')") for name in (text, ground)]
        dim, bright = sorted(luminance(colour) for colour in found)
        assert (bright + 0.05) / (dim + 0.05) >= 4.5, (text, ground, found)


@pytest.mark.parametrize("width", [1280, 390])
def test_everything_that_can_be_used_has_a_name_and_nothing_is_wider_than_the_page(
    chromium, serve, width
):
    chromium.look(width, 800)
    chromium.open(f"{serve().url}#kind=preference")
    chromium.press("f")
    chromium.until(f"{FOCUS}.name === 'fate'")
    chromium.press("Escape")
    chromium.press("e")
    chromium.until(f"{FOCUS}.tagName === 'TEXTAREA'")
    used = {"button", "textbox", "searchbox", "combobox", "checkbox", "progressbar", "navigation"}
    found = [
        (node["role"]["value"], node["name"]["value"])
        for node in chromium.call("Accessibility.getFullAXTree")["nodes"]
        if node.get("role", {}).get("value") in used
    ]
    assert len(found) > 10
    assert [role for role, name in found if not name] == []
    assert chromium.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.skipif("TUNESMITH_AXE" not in os.environ, reason="TUNESMITH_AXE names no axe.min.js")
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("key", ["", "e", "f", "?"])
def test_axe_finds_nothing(chromium, serve, width, key):
    chromium.look(width, 800)
    chromium.open(serve().url)
    if key:
        chromium.press(key)
        chromium.until(f"{FOCUS} !== document.body")
    chromium.evaluate(f"{Path(os.environ['TUNESMITH_AXE']).read_text('utf-8')};0")
    found = chromium.evaluate("axe.run().then((r) => r.violations.map((v) => v.id))")
    assert found == []
