import xml.etree.ElementTree as ET

from tunesmith.evaluation.histogram import histogram

SVG = "{http://www.w3.org/2000/svg}"


def draw(*counts: int, open_end: bool = False) -> ET.Element:
    svg = histogram(
        counts, bar_width=50, unit="tokens", open_end=open_end, title="Tokens per row",
        width=680, height=300,
    )  # fmt: skip
    return ET.fromstring(svg)


def test_bars_stand_on_one_line_and_are_as_high_as_their_rows():
    bars = draw(10, 20, 0).findall(f"{SVG}rect")

    feet = {round(float(bar.get("y", 0)) + float(bar.get("height", 0)), 1) for bar in bars}
    heights = [float(bar.get("height", 0)) for bar in bars]
    assert feet == {258.0}
    assert heights[1] == 2 * heights[0] and heights[2] == 0


def test_each_bar_says_what_it_holds():
    bars = draw(10, 20, 3, open_end=True).findall(f"{SVG}rect")

    assert [bar.findtext(f"{SVG}title") for bar in bars] == [
        "0 to 49 tokens: 10",
        "50 to 99 tokens: 20",
        "100 and more tokens: 3",
    ]


def test_the_drawing_names_its_tallest_bar_to_those_who_hear_it():
    words = draw(10, 20, 3).findtext(f"{SVG}desc")

    assert words == "33 rows; most of them, 20, have 50 to 99 tokens."


def test_no_rows_make_no_drawing():
    options = {"bar_width": 50, "unit": "tokens", "open_end": False, "title": "t"}

    assert histogram([], **options, width=600, height=200) == ""
