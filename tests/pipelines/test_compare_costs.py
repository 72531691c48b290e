"""What hosted models of a comparison cost: by today's prices, and under one cap for the folder."""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("httpx")

from tunesmith.chat.spend import PriceList, Prices, Spend  # noqa: E402
from tunesmith.chat.spent_file import SpentFile  # noqa: E402
from tunesmith.cli.compare import command as verb  # noqa: E402
from tunesmith.cli.main import run as command  # noqa: E402
from tunesmith.core.errors import RecipeError, RunError  # noqa: E402
from tunesmith.evaluation.comparison.again import again  # noqa: E402
from tunesmith.pipelines import judge_compared as judge_module  # noqa: E402
from tunesmith.pipelines.compare import compare  # noqa: E402
from tunesmith.pipelines.compare_request import CompareRequest  # noqa: E402
from tunesmith.pipelines.judge_compared import judge_compared  # noqa: E402
from tunesmith.pipelines.judge_request import JudgeRequest  # noqa: E402
from tunesmith.synthesize.teacher.script import Reply  # noqa: E402

VERDICT = {"items": [{"criterion": "correct", "reason": "so", "verdict": "A"}]}
LONG = Reply("x" * 400)  # 100 tokens


@pytest.fixture
def asked(tmp_path, lines, monkeypatch):
    """Makes requests about some examples; replies are cached apart from other tests."""
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))
    rows = [
        {"instruction": f"Who comes on day {n}?", "input": "", "output": f"Guest {n}."}
        for n in range(60)
    ]
    data = lines(tmp_path / "asked.jsonl", *rows)

    def make(*models, **fields):
        given = {"data": str(data), "out": str(tmp_path / "out"), "max_rows": 8, **fields}
        return CompareRequest(models, **given)

    return make


def cost_of(found, name):
    return found["models"][name].get("cost_per_1000")


def test_a_second_comparison_tells_the_cost_at_its_own_prices(asked, teacher):
    server = teacher(otherwise=LONG)
    request = asked(f"a={server.url}#a", f"b={server.url}#b", "c=tunesmith-tiny", max_new_tokens=4)
    assert cost_of(compare(request), "a") is None
    n_asked = len(server.ledger)
    by_name = {"b": Prices(0.0, 20_000.0)}
    found = compare(replace(request, prices=PriceList(Prices(0.0, 10_000.0), by_name)))
    assert cost_of(found, "a") == pytest.approx(1000) and cost_of(found, "b") == pytest.approx(2000)
    assert cost_of(found, "c") is None  # of this machine, which nobody bills
    out = Path(request.out)
    lines = (out / "examples.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["answers"]["b"]["cost"] for line in lines] == [2.0] * 8
    found = compare(replace(request, prices=PriceList(None, {"a": Prices(0.0, 5_000.0)})))
    assert cost_of(found, "a") == pytest.approx(500) and cost_of(found, "b") is None
    more = replace(request, metrics=("chrf",), prices=PriceList(Prices(0.0, 10.0)))
    assert cost_of(compare(more), "a") == pytest.approx(1)
    assert len(server.ledger) == n_asked
    with pytest.raises(RecipeError, match="prices of 'x'"):
        compare(replace(request, prices=PriceList(None, {"x": Prices(1, 1)})))


def test_a_judge_costs_what_its_tokens_cost_today(asked, teacher):
    models = [f"{name}={teacher(otherwise=Reply(name)).url}#m" for name in "ab"]
    judge = teacher(otherwise=Reply(json.dumps(VERDICT)))
    request = asked(*models, judge=JudgeRequest(f"{judge.url}#j", criteria=("correct",)))
    assert compare(request)["judge"]["cost"] is None
    priced = replace(request, prices=PriceList(Prices(0.0, 10_000.0)))
    cost = compare(priced)["judge"]["cost"]
    assert cost > 0 and len(judge.ledger) == 16
    own = replace(request.judge, prices=Prices(0.0, 30_000.0))
    assert judge_compared(request.out, own)["judge"]["cost"] == pytest.approx(3 * cost)
    assert judge_compared(request.out)["judge"]["cost"] == pytest.approx(3 * cost)  # as it was told
    assert len(judge.ledger) == 16


def test_a_second_command_under_the_same_cap_sends_nothing(asked, teacher):
    server, good = teacher(otherwise=LONG), teacher()
    prices = PriceList(Prices(0.0, 10_000.0))  # one a reply
    capped = {"prices": prices, "max_cost": 3.0, "max_rows": 60}
    request = asked(f"h={server.url}#m", f"g={good.url}#m", **capped)
    found = compare(request)
    assert "the cap of 3 is reached" in found["failed"]["h"]
    n_asked = len(server.ledger)
    assert 3 <= n_asked <= 3 + 32  # what was under way
    again = compare(request)
    assert len(server.ledger) == n_asked
    assert (
        "spent.jsonl" in again["failed"]["h"] and "go on with a higher cap" in again["failed"]["h"]
    )
    assert compare(replace(request, max_cost=100.0))["failed"] == {}
    assert len(server.ledger) == 60  # what was paid for is in the cache
    told = (Path(request.out) / "spent.jsonl").read_text("utf-8").splitlines()
    assert len(told) == 120 and {json.loads(line)["answer"] for line in told} == {100, 1}


def test_a_judge_stays_under_its_cap_over_several_commands(asked, teacher):
    models = [f"{name}={teacher(otherwise=Reply(name)).url}#m" for name in "ab"]
    judge = teacher(otherwise=Reply(json.dumps(VERDICT)))
    request = asked(*models, max_rows=60)
    compare(request)
    strict = JudgeRequest(
        f"{judge.url}#j", criteria=("correct",), prices=Prices(0.0, 1e6), max_cost=1.0
    )
    asked_for = []
    for _ in range(2):
        found = judge_compared(request.out, strict)
        assert "the cap of 1 is reached" in found["judge"]["failed"]
        asked_for.append(len(judge.ledger))
    assert asked_for[0] == asked_for[1] <= 1 + 32  # what was under way the first time


def test_replies_of_the_cache_are_not_counted_as_spent(asked, teacher, tmp_path):
    server = teacher(otherwise=LONG)
    request = asked(f"h={server.url}#m", prices=PriceList(Prices(0.0, 10_000.0)), max_cost=50.0)
    compare(request)
    elsewhere = replace(request, out=str(tmp_path / "elsewhere"), max_cost=0.5)
    assert compare(elsewhere)["failed"] == {} and len(server.ledger) == 8
    assert not (tmp_path / "elsewhere/spent.jsonl").exists()


def test_models_of_one_file_are_told_apart_and_a_broken_one_is_named(tmp_path):
    file = tmp_path / "out/spent.jsonl"
    SpentFile(file, "a").add(10, 20)
    SpentFile(file, "b").add(1, 2)
    SpentFile(file, "a").add(10, 20)
    spend = Spend(Prices(1e6, 1e6), max_cost=100.0)
    spend.keep_in(SpentFile(file, "a"))
    assert spend.cost == 60 and SpentFile(file, "b").before() == (1, 2)
    for odd in ("no JSON", '{"who": "a", "prompt": "many"}', '{"who": "a"}'):
        file.write_text(f"{odd}\n", "utf-8")
        with pytest.raises(RunError, match=r"spent\.jsonl"):
            SpentFile(file, "a").before()


def test_the_command_on_the_page_has_prices_and_caps(asked, teacher, tmp_path, capsys):
    server = teacher(otherwise=Reply("x"))
    words = [f"h={server.url}#m", f"g={server.url}#n", "--data", asked().data]
    words += ["--out", str(tmp_path / "out"), "--prices", "2.5", "10", "--prices", "g=0.1,1e-07"]
    words += ["--max-cost", "3", "--judge", f"{server.url}#j", "--judge-prices", "1", "2"]
    command(["compare", *words])
    kept = json.loads((tmp_path / "out/comparison.json").read_text("utf-8"))["request"]
    repeated = shlex.split(again(kept))[2:]
    first, second = (verb.make_context("compare", list(w)).params for w in (words, repeated))
    assert first == second
    assert first["prices"] == PriceList(Prices(2.5, 10), {"g": Prices(0.1, 1e-7)})
    command(["compare", "--out", str(tmp_path / "out"), "--judge", f"{server.url}#other"])
    kept = json.loads((tmp_path / "out/comparison.json").read_text("utf-8"))["request"]
    assert shlex.split(again(kept))[-2:] == ["--judge", f"{server.url}#other"]
    capsys.readouterr()


def test_a_cap_is_on_the_model_whatever_it_is_called(asked, teacher):
    server = teacher(otherwise=LONG)
    capped = {"prices": PriceList(Prices(0.0, 10_000.0)), "max_cost": 3.0, "max_rows": 60}
    with pytest.raises(RunError, match="the cap of 3 is reached"):
        compare(asked(f"h={server.url}#m", **capped, max_new_tokens=200))
    n_asked = len(server.ledger)
    with pytest.raises(RunError, match="the cap of 3 is reached"):
        compare(asked(f"again={server.url}#m", **capped, max_new_tokens=300))
    assert len(server.ledger) == n_asked


@pytest.mark.parametrize("has_judge", [False, True])
def test_a_cap_without_prices_is_found_before_anything_is_asked(asked, teacher, has_judge):
    server = teacher(otherwise=LONG)
    priced = {"h": Prices(1, 1)} if has_judge else {"other": Prices(1, 1)}
    models = [f"h={server.url}#m", "other=tunesmith-tiny"]
    judge = JudgeRequest(f"{server.url}#j")
    asks = judge if has_judge else None
    request = asked(*models, judge=asks, max_cost=1.0, prices=PriceList(None, priced))
    word = f"judge {server.url}#j: .*--judge-prices" if has_judge else "h: .*--prices h="
    with pytest.raises(RecipeError, match=word):
        compare(request)
    assert len(server.ledger) == 0 and not Path(request.out).exists()
    with pytest.raises(RecipeError, match="--judge-prices"):
        replace(judge, max_cost=1.0).check()


def test_the_command_has_the_judge_whose_verdicts_are_shown(asked, teacher, monkeypatch):
    seeds, real = [], judge_module.tell_preferences

    def seen(folder, result, *, seed=0):
        seeds.append(seed)
        real(folder, result, seed=seed)

    monkeypatch.setattr(judge_module, "tell_preferences", seen)
    judge = teacher(otherwise=Reply(json.dumps(VERDICT)))
    models = [f"{name}={teacher(otherwise=Reply(name)).url}#m" for name in "ab"]
    request = asked(*models, seed=7)
    compare(request)
    own = JudgeRequest(f"{judge.url}#j", None, ("correct",), Prices(1, 2), 3.0)
    judged = judge_compared(request.out, own)
    command_of = again(judged["request"])
    assert "--judge-max-cost 3.0" in command_of and " --max-cost" not in command_of
    later = compare(request)
    assert later["judged"] == judged["judged"] and seeds == [7, 7, 7]
    assert again(later["request"]) == command_of
    words = shlex.split(command_of)[2:]
    told = verb.make_context("compare", words).params
    assert (told["judge_max_cost"], told["max_cost"]) == (3.0, None)
    assert judge_compared(request.out) == json.loads(json.dumps(later))
    shutil.rmtree(Path(request.out, "judge"))
    assert "--judge" not in again(judge_compared(request.out)["request"])
