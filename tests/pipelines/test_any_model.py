"""One name, any model: what is hosted is talked to, scored and prompted like what is here."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("httpx")

import tunesmith  # noqa: E402
from tunesmith.chat.chat_model import ChatModel, Sampling  # noqa: E402
from tunesmith.chat.hosted import HostedModel  # noqa: E402
from tunesmith.chat.prompted import Prompted  # noqa: E402
from tunesmith.chat.spend import Prices  # noqa: E402
from tunesmith.cli.main import run as command  # noqa: E402
from tunesmith.core.errors import EndpointError, ModelError, RecipeError  # noqa: E402
from tunesmith.core.examples import Conversation, Message  # noqa: E402
from tunesmith.pipelines.load import load_chat  # noqa: E402
from tunesmith.pipelines.prompt import prompt  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.synthesize.teacher.script import Fault, Reply, Rule  # noqa: E402

ASKED = Conversation((Message("user", "Sum up.", "user: my kettle leaks."),), "asked")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))


def test_every_name_gives_a_chat_model(teacher, tiny, recipe_fields, tmp_path):
    server = teacher(models=("served",))
    prompt(make_recipe(recipe_fields), tmp_path / "here", n_shots=1)
    prompt(make_recipe(recipe_fields), tmp_path / "there", n_shots=1, hosted=server.url)
    for name in (
        str(tiny),
        "tunesmith-tiny",
        server.url,
        f"{server.url}#other",
        tmp_path / "here",
        tmp_path / "there",
    ):
        model = load_chat(name)
        assert isinstance(model, ChatModel)
        [whole] = model.complete([ASKED], Sampling(max_new_tokens=4))
        assert whole.finish_reason in ("stop", "length") and whole.n_prompt_tokens > 0
        assert whole.latency_s > 0 and whole.cost is None
        pieces = model.stream(ASKED, Sampling(max_new_tokens=4))
        text = ""
        while True:
            try:
                text += next(pieces)
            except StopIteration as end:
                assert end.value == whole and text == whole.text
                break


def test_what_a_hosted_answer_costs_is_known_where_prices_are(teacher):
    server = teacher(otherwise=Reply("x" * 400))
    model = tunesmith.load(server.url, prices=Prices(1.0, 10_000.0))
    assert isinstance(model, HostedModel)
    [answer] = model.complete([ASKED], Sampling())
    assert answer.n_tokens == 100
    assert answer.cost == pytest.approx((answer.n_prompt_tokens + 1_000_000) / 1e6)
    with pytest.raises(ModelError, match="Leave template out"):
        tunesmith.load(server.url, template="alpaca")
    with pytest.raises(EndpointError, match="0 or more"):
        Prices(-1.0, 1.0)


def test_chat_streams_and_marks_what_is_not_whole(teacher, capsys):
    server = teacher(
        Rule("long", (Reply("half of an ans", finish_reason="length"),)),
        Rule("bad", (Reply("", finish_reason="content_filter"),)),
        Rule("no", (Reply("", refusal="I will not."),)),
        otherwise=lambda asked: Reply(f"{len(asked.messages)} messages, {asked.streams}"),
    )
    for message, out, err in (
        ("hello", "1 messages, True", ""),
        ("long", "half of an ans", "cut after 4 tokens"),
        ("bad", "", "withheld"),
        ("no", "I will not.", "declined"),
    ):
        assert command(["chat", server.url, "-m", message]) == 0
        told = capsys.readouterr()
        assert told.out == f"{out}\n" and err in told.err
        assert bool(told.err) == bool(err)
    assert command(["chat", server.url, "-m", "long", "--json", "--prices", "1", "2"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["finish_reason"] == "length" and told["cost"] > 0 and told["latency_s"] > 0


def test_a_conversation_goes_on_behind_an_error(teacher, capsys, monkeypatch):
    server = teacher(
        Rule("boom", (Fault("status", 400, message="not that"),)),
        otherwise=lambda asked: Reply(" | ".join(m["content"] for m in asked.messages)),
    )
    monkeypatch.setattr("sys.stdin", io.StringIO("one\nboom\ntwo\n\n"))
    assert command(["chat", server.url]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == ["one", "", "one | one | two"]
    assert "not that" in told.err and told.err.count("error:") == 1


@pytest.mark.parametrize(
    "fault, told",
    [
        (Fault("status", 401, "invalid_api_key"), "the key was refused"),
        (Fault("status", 429, headers={"Retry-After": "600"}), "asks to wait for 600 s"),
        (Fault("status", 404, "model_not_found"), "name of the model"),
    ],
    ids=["401", "throttled", "404"],
)
def test_what_goes_wrong_is_one_line(teacher, capsys, fault, told):
    server = teacher(otherwise=fault)
    assert command(["chat", f"{server.url}#m", "-m", "x"]) == 2
    err = capsys.readouterr().err
    assert told in err and len(err.splitlines()) == 1 and err.startswith("error: ")


@pytest.mark.parametrize(
    "line, told",
    [
        ("chat http://127.0.0.1:9/v1 -m x", "Is the server running?"),
        ("chat openai:gpt-4o -m x", "Set OPENAI_API_KEY"),
        ("chat opnai:gpt-4o -m x", "no such model folder"),
        ("chat openai -m x", "name the model too"),
        ("chat {url} --base -m x", "has no adapter"),
        ("chat {url} --template alpaca -m x", "Leave template out"),
        ("chat {url} -i nope.txt", "cannot be read"),
        ("chat {url} -m x --max-cost 3", "needs the prices"),
        ("predict {url} -t x", "tunesmith prompt RECIPE --model"),
    ],
)
def test_a_mistake_about_a_hosted_model_is_told(teacher, capsys, monkeypatch, line, told):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert command(line.format(url=f"{teacher().url}#m").split()) == 2
    got = capsys.readouterr()
    assert told in got.err and "Traceback" not in got.err and got.out == ""


@pytest.mark.slow
def test_a_hosted_model_needs_no_torch(teacher, recipe_fields, tmp_path):
    url = teacher().url
    prompt(make_recipe(recipe_fields), tmp_path / "p", n_shots=1, hosted=url)
    for name in (url, str(tmp_path / "p")):
        code = (
            "import sys; sys.modules['torch'] = None; from tunesmith.cli.main import run; "
            f"sys.exit(run(['chat', {name!r}, '-m', 'x']))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "OK\n"), done.stderr


@pytest.mark.slow
def test_a_hosted_model_is_scored_beside_a_run_and_paid_for_once(
    teacher, recipe_fields, tmp_path, capsys
):
    server = teacher(
        Rule("leaks 3", (Reply("", refusal="No."),)),
        otherwise=Reply("It leaks.", finish_reason="length"),
    )
    run = tunesmith.train(make_recipe({**recipe_fields, "trackers": []}))
    name = f"hosted={server.url}"
    line = ["eval", str(run.path), "--model", name, "--model", "tunesmith-tiny"]
    line += ["--prices", "1", "100", "--json"]
    assert command(line) == 0
    first = json.loads(capsys.readouterr().out)
    n_asked = len(server.ledger)
    assert {"constant", "base", "tuned", "hosted", "tunesmith-tiny"} <= first.keys()
    assert n_asked == first["n"] and first["hosted"]["cut_fraction"] > 0
    assert first["hosted"]["cost_per_1000"] > 0 and "cost_per_1000" not in first["base"]
    page = (run.path / "report.html").read_text()
    assert "hosted" in page and "It leaks." in page
    assert command(line) == 0
    again = json.loads(capsys.readouterr().out)
    refused = first["hosted"].get("refused_fraction", 0) * first["n"]
    assert len(server.ledger) - n_asked == round(refused)  # a refusal is not kept
    assert again["hosted"] == first["hosted"]


def test_what_cannot_be_scored_in_words_is_refused_before_anything_is_loaded(
    recipe_fields, tmp_path, lines, monkeypatch
):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(RecipeError, match="'tuned' is taken"):
        tunesmith.evaluate(make_recipe(recipe_fields), beside=["tuned=openai:gpt-4o"])
    with pytest.raises(EndpointError, match="needs a key"):
        tunesmith.evaluate(make_recipe(recipe_fields), beside=["x=openai:gpt-4o"])
    texts = lines(tmp_path / "t.jsonl", *({"text": f"Rain falls {n}."} for n in range(12)))
    fields = {**recipe_fields, "task": "causal-lm", "data": {"path": str(texts)}}
    fields.pop("template", None)
    with pytest.raises(RecipeError, match="'causal-lm' is not judged by what a model writes"):
        tunesmith.evaluate(make_recipe(fields), beside=["openai:gpt-4o"])


def test_a_prompt_gives_a_hosted_model_a_task(teacher, recipe_fields, tmp_path, lines, capsys):
    rows = ({"text": f"It {'leaks' if n % 2 else 'works'} {n}.", "label": "ab"[n % 2]}
            for n in range(12))  # fmt: skip
    data = {"path": str(lines(tmp_path / "l.jsonl", *rows)), "validation_fraction": 0.25}
    fields = {**recipe_fields, "task": "classify", "template": "alpaca", "data": data}

    def by_word(asked):
        return Reply("a", "length") if "works" in asked.text else Reply("b")

    server = teacher(otherwise=by_word)
    recipe = tmp_path / "r.yaml"
    recipe.write_text(json.dumps(fields))
    folder = str(tmp_path / "p")
    line = ["prompt", str(recipe), "--shots", "2", "--out", folder, "--model", server.url]
    assert command(line) == 0
    assert isinstance(tunesmith.load(folder), Prompted)
    capsys.readouterr()
    assert command(["predict", folder, "-t", "It leaks.", "-t", "It works.", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["predictions"]
    assert [one["answer"] for one in found] == ["b", "a"]
    assert [one.get("answer_cut") for one in found] == [None, True]
    scores = tunesmith.evaluate(folder)
    assert scores["prompted/generate"]["accuracy"] == 1.0 == scores["base/generate"]["accuracy"]
    assert "prompted/likelihood" not in scores
    (tmp_path / "p" / "prompt.json").write_text("[]")
    with pytest.raises(ModelError, match="broken"):
        tunesmith.load(folder)
