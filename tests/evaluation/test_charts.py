import math
import re
import xml.etree.ElementTree as ET

import pytest

from tunesmith.evaluation.charts import (
    Bar,
    Line,
    bar_chart,
    describe,
    finite,
    line_chart,
    nice_ticks,
    number,
    running_mean,
    spread,
    thin,
    tick_texts,
)

SVG = "{http://www.w3.org/2000/svg}"


def draw(*lines: Line) -> ET.Element:
    svg = line_chart(lines, title="Loss by step", width=680, height=320)
    assert not re.search(r'="[^"]*\b(nan|inf)\b', svg)
    return ET.fromstring(svg)


def texts(svg: ET.Element) -> list[str]:
    return [element.text or "" for element in svg.iter(f"{SVG}text")]


def test_a_chart_tells_its_content_to_those_who_cannot_see_it():
    svg = draw(Line("eval", [(1, 4.0), (2, 0.5), (3, 1.0)], "var(--accent)"))

    assert svg.get("role") == "img"
    assert svg.findtext(f"{SVG}title") == "Loss by step"
    words = "eval: 4.000 at step 1, 1.000 at step 3; lowest 0.500 at step 2."
    assert svg.findtext(f"{SVG}desc") == words
    assert svg.get("aria-label") == f"Loss by step. {words}"


def test_each_line_is_labelled_with_its_last_value():
    svg = draw(
        Line("train", [(1, 4.0), (9, 0.5)], "red"), Line("eval", [(1, 4.1), (9, 0.7)], "red")
    )

    assert "train 0.500" in texts(svg) and "eval 0.700" in texts(svg)


@pytest.mark.parametrize("points", [[], [(1, math.nan)], [(1, math.inf), (2, -math.inf)]])
def test_nothing_to_draw_gives_no_chart(points):
    assert line_chart([Line("loss", points, "red")], title="t", width=300, height=200) == ""
    assert draw(Line("loss", points, "red"), Line("eval", [(1, 2.0)], "red")) is not None


def test_values_that_cannot_be_drawn_are_counted_in_words():
    assert describe("loss", []) == ""
    assert describe("loss", [(1, math.nan)]) == "loss: 1 of its 1 values are not finite."
    assert describe("loss", [(1, 2.0), (2, math.inf)]).endswith("1 of its 2 values are not finite.")


@pytest.mark.parametrize(
    "points",
    [
        [(7, 1.25)],
        [(0, 0.0)],
        [(1, 0.0), (2, 0.0)],
        [(1, 3.0), (2, 3.0), (3, 3.0)],
        [(1, 2.0), (2, math.nan), (3, 1.0)],
        [(1_000_000_000, 1e-9), (2_000_000_000, 1e-8)],
        [(5, 1e30), (6, -1e30)],
        [(5, 1.0), (6, math.nextafter(1.0, 2.0))],
        [(-3, -1.0), (-2, -2.0)],
        [(9, 1.0), (3, 2.0), (9, 4.0)],
    ],
)
@pytest.mark.parametrize("is_noisy", [True, False])
def test_odd_curves_stay_inside_the_drawing(points, is_noisy):
    svg = draw(Line("loss", points, "red", is_noisy=is_noisy))

    for line in svg.iter(f"{SVG}polyline"):
        for corner in line.get("points", "").split():
            x, y = map(float, corner.split(","))
            assert 0 <= x <= 680 and 0 <= y <= 320
    assert any(text.startswith("loss") for text in texts(svg))


def test_a_single_point_is_a_dot_even_in_a_noisy_line():
    assert len(list(draw(Line("loss", [(7, 1.0)], "red", is_noisy=True)).iter(f"{SVG}circle"))) == 1


def test_names_cannot_break_out_of_the_drawing():
    svg = draw(Line('<script>"', [(1, 1.0)], '"><script>'))

    assert not list(svg.iter(f"{SVG}script"))
    assert any(text.startswith('<script>"') for text in texts(svg))


def test_points_are_sorted_and_the_last_of_a_repeated_step_counts():
    assert finite([(3, 1.0), (1, 2.0), (3, 4.0), (2, math.nan)]) == [(1, 2.0), (3, 4.0)]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (0.3, 4.7, [0, 1, 2, 3, 4, 5]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
        (0, 0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
    ],
)
def test_ticks_are_round_and_enclose(low, high, ticks):
    assert nice_ticks(low, high) == pytest.approx(ticks)


def test_counts_have_no_ticks_between_whole_numbers():
    assert nice_ticks(0, 2, n=8, smallest=1) == [0, 1, 2]


def test_numbers_are_short():
    assert [number(v) for v in (0, 0.8423, 12.076, 1204.4, 0.0002, -3e9)] == [
        "0", "0.842", "12.08", "1,204", "2e-4", "-3e9",
    ]  # fmt: skip
    assert tick_texts([0, 0.5, 1.0]) == ["0.0", "0.5", "1.0"]
    assert tick_texts([0, 5e-5, 1e-4]) == ["0", "5e-5", "1e-4"]
    assert tick_texts([0, 50_000]) == ["0", "50,000"]
    assert tick_texts([5e6, 1e7]) == ["5e6", "1e7"]


def test_the_running_mean_keeps_straight_lines_and_both_ends():
    points = [(step, 2.0 * step + 1) for step in range(100)]

    assert running_mean(points) == points


def test_thinning_keeps_a_lone_spike():
    points = [(step, 99.0 if step == 54_321 else 1.0) for step in range(100_000)]

    few = thin(points)

    assert len(few) <= 402
    assert (54_321, 99.0) in few and few[0] == points[0] and few[-1] == points[-1]


def test_labels_that_would_overlap_move_apart_around_their_middle():
    assert spread([100, 100], gap=16) == [92, 108]
    assert spread([10, 100], gap=16) == [10, 100]
    assert spread([], gap=16) == []


def test_bars_are_drawn_on_the_whole_scale():
    bars = [Bar("base", 0.25, "0.250", "grey"), Bar("tuned", 0.75, "0.750", "teal")]

    svg = ET.fromstring(bar_chart(bars, title="ROUGE-L", ends=("0", "1"), width=400))

    assert [r.get("width") for r in svg.iter(f"{SVG}rect")] == ["400.0", "100.0", "400.0", "300.0"]
    assert svg.findtext(f"{SVG}desc") == "base: 0.250; tuned: 0.750."


@pytest.mark.parametrize("fraction", [None, math.nan, math.inf])
def test_a_bar_without_a_value_says_so(fraction):
    svg = bar_chart([Bar("base", fraction, "–", "grey")], title="t", ends=("0", "1"), width=400)

    assert "not measured" in texts(ET.fromstring(svg))


def test_no_bars_no_chart():
    assert bar_chart([], title="t", ends=("0", "1"), width=400) == ""
