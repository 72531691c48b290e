"""Tables that are wider than the screen."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("rich")

from tunesmith.cli.show import print_table

HEADER = ["model", *(f"ROUGE-{n} long" for n in range(9))]
ROWS = [[name, *(["0.123\n(0.100 to 0.200)"] * 9)] for name in ("a/very-long-name-of-a-model", "b")]


def test_a_table_that_is_too_wide_comes_in_several_each_with_its_names(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    print_table(HEADER, ROWS, title="asked")
    told = capsys.readouterr().out
    lines = told.split("\n")
    assert max(map(len, lines)) <= 80 and told.count("asked") == 1
    assert told.count("┃ model") == told.count("│ b ") == 3
    assert all(f"ROUGE-{n}" in told for n in range(9)) and told.count("(0.100 to 0.200)") == 18


def test_where_nobody_looks_a_table_stays_one_and_keeps_its_names(capsys):
    print_table(HEADER, ROWS)
    told = capsys.readouterr().out
    assert told.count("a/very-long-name-of-a-model") == told.count("┃ model") == 1
    print_table(["a", "b"], [])
    assert "┃ a" in capsys.readouterr().out


def test_names_in_brackets_stay_as_they_are(capsys):
    names = ["[red]", "[/x]", ":smile:", "[link=x]y"]
    print_table(["[bold]", "[/]"], [[name, name] for name in names], title="[i]asked")
    told = capsys.readouterr().out
    assert all(told.count(name) == 2 for name in names)
    assert "[bold]" in told and "[/]" in told and "[i]asked" in told
