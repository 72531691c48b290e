"""``--prices``: of all hosted models in two words, of one in one."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from tunesmith.chat.spend import PriceList, Prices
from tunesmith.cli.prices import PricedCommand, joined, priced_options
from tunesmith.core.errors import RecipeError


@click.command(cls=PricedCommand)
@click.argument("models", nargs=-1)
@priced_options
def verb(models, prices, max_cost):
    verb.seen = (models, prices, max_cost)


@pytest.mark.parametrize(
    ("line", "models", "prices"),
    [
        ("a b", "ab", None),
        ("a --prices 2.5 10 b", "ab", PriceList(Prices(2.5, 10))),
        ("a --prices=2.5 10 b", "ab", PriceList(Prices(2.5, 10))),
        ("--prices h=2.5,10 a", "a", PriceList(None, {"h": Prices(2.5, 10)})),
        ("--prices=h=2.5,10 a", "a", PriceList(None, {"h": Prices(2.5, 10)})),
        (
            "--prices 1 2 --prices h=3,4 --prices g=0,5e-1 a",
            "a",
            PriceList(Prices(1, 2), {"h": Prices(3, 4), "g": Prices(0, 0.5)}),
        ),
        ("a -- --prices", ("a", "--prices"), None),
    ],
)
def test_prices_are_of_all_models_or_of_one(line, models, prices):
    done = CliRunner().invoke(verb, line.split())
    assert done.exit_code == 0, done.output
    assert verb.seen == (tuple(models), prices, None)


@pytest.mark.parametrize(
    "line", ["--prices 2.5", "--prices h=2.5 10", "--prices h=x,y", "--prices =1,2", "--prices a"]
)
def test_what_is_no_price_is_told_with_both_forms(line):
    done = CliRunner().invoke(verb, line.split())
    assert done.exit_code == 2
    assert "--prices PROMPT ANSWER" in " ".join(done.output.split())
    assert "NAME=PROMPT,ANSWER" in " ".join(done.output.split())


def test_prices_that_come_twice_are_refused():
    for line in ("--prices 1 2 --prices 3 4", "--prices h=1,2 --prices h=1,2"):
        done = CliRunner().invoke(verb, line.split())
        assert done.exit_code == 2 and "has prices already" in done.output


def test_a_name_that_no_model_has_is_refused():
    listed = PriceList(Prices(1, 2), {"hsted": Prices(3, 4)})
    assert listed.of("hsted") == Prices(3, 4) and listed.of("other") == Prices(1, 2)
    with pytest.raises(RecipeError, match="prices of 'hsted'.*Did you mean 'hosted'"):
        listed.require_known(["base", "hosted"])
    assert joined(["--out", "x", "--prices"]) == ["--out", "x", "--prices"]
