"""Examples that a model can never answer, and what else is to be known of how answers came."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("httpx")

from tunesmith.chat.chat_model import Completion, Sampling  # noqa: E402
from tunesmith.chat.endpoint import parse_endpoint  # noqa: E402
from tunesmith.chat.hosted import HostedModel  # noqa: E402
from tunesmith.chat.patience import Failure, Patience  # noqa: E402
from tunesmith.core.errors import EndpointError, RunError  # noqa: E402
from tunesmith.core.examples import Conversation, Labelled, Message  # noqa: E402
from tunesmith.evaluation.roads import answer  # noqa: E402
from tunesmith.pipelines.compare import compare  # noqa: E402
from tunesmith.pipelines.compare_request import CompareRequest  # noqa: E402
from tunesmith.pipelines.load import load_chat  # noqa: E402
from tunesmith.pipelines.prompt import prompt  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.synthesize.teacher.script import Fault, Reply, Rule  # noqa: E402
from tunesmith.tasks.classify import Classify  # noqa: E402
from tunesmith.tasks.sft import SupervisedFineTuning  # noqa: E402

TOO_LONG = Fault("status", 400, code="context_length_exceeded", message="too long")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def request_of(tmp_path, lines):
    rows = [{"instruction": f"Who comes on day {n}?", "output": f"Guest {n}."} for n in range(6)]
    file = lines(tmp_path / "asked.jsonl", *rows)

    def make(*models, **fields):
        given = {"data": str(file), "out": str(tmp_path / "out"), "seed": 0, **fields}
        return CompareRequest(models, **given)

    return make


def note(found, words):
    [one] = [one for one in found["notes"] if words in one]
    return one


def test_one_request_that_is_too_long_costs_one_answer_and_is_told(request_of, teacher):
    server = teacher(Rule("day 3", (TOO_LONG,)), otherwise=Reply("Guest 1."))
    request = request_of(f"h={server.url}#any", f"good={teacher().url}#any")
    found = compare(request)
    assert found["failed"] == {} and set(found["models"]) == {"h", "good"}
    told = found["models"]["h"]
    assert told["unanswered_fraction"] == pytest.approx(1 / 6)
    assert "empty_fraction" not in told and "unanswered_fraction" not in found["models"]["good"]
    assert "h: 1 of 6 examples was not answered and is scored as an empty answer" in (
        sentence := note(found, "not answered")
    )
    assert "asked.jsonl:4" in sentence and "too long" in sentence
    files = [Path(request.out, f"comparison.{kind}").read_bytes() for kind in ("json", "md")]
    n_asked = len(server.ledger)
    assert compare(request) == found and len(server.ledger) == n_asked
    assert [Path(request.out, f"comparison.{k}").read_bytes() for k in ("json", "md")] == files


def test_a_model_that_answers_nothing_is_a_row_with_the_reason_and_is_asked_again(
    request_of, teacher
):
    server = teacher(Rule("day", (TOO_LONG, Reply("Guest 1."))))
    good = f"good={teacher().url}#any"
    found = compare(request_of(f"h={server.url}#any", good))
    assert "none of 6 examples could be answered" in found["failed"]["h"]
    assert "too long" in found["failed"]["h"]
    found = compare(request_of(f"h={server.url}#any", good))
    assert set(found["models"]) == {"h", "good"} and found["failed"] == {}


def test_what_may_pass_is_no_answer_and_what_never_will_is_a_reason(teacher):
    server = teacher(
        Rule("day 3", (Fault("status", 500), Reply("Guest 3."))), Rule("4", (TOO_LONG,))
    )
    endpoint = parse_endpoint(f"{server.url}#any")
    model = HostedModel(endpoint, patience=Patience(tries=1))
    many = [Conversation((Message("user", f"day {n}"),), f"f:{n}") for n in range(5)]
    with pytest.raises(EndpointError, match="1 of 5 requests were not answered, the first: f:3: "):
        model.outcomes(many, Sampling())
    *others, last = model.outcomes(many, Sampling())
    assert all(isinstance(one, Completion) for one in others)
    assert last == Failure("400 too long", may_pass=False)
    with pytest.raises(EndpointError, match="1 of 5 requests were not answered, the first: f:4: "):
        model.complete(many, Sampling())


def long_system(n_words, text="Hm?"):
    return Conversation((Message("system", "x " * n_words), Message("user", text)), f"f:{n_words}")


@pytest.mark.parametrize("is_prompted", [False, True])
def test_a_local_model_answers_what_fits_and_says_why_the_rest_does_not(
    tiny, recipe_fields, tmp_path, is_prompted
):
    place = tiny
    if is_prompted:
        prompt(make_recipe({**recipe_fields, "template": "alpaca"}), place := tmp_path / "p")
    model = load_chat(place, template="alpaca")
    examples = [long_system(n) for n in (1, 900, 2)]
    found = answer(
        model,
        SupervisedFineTuning(),
        examples,
        "generate",
        max_new_tokens=3,
        leaves_unanswered=True,
    )
    assert [bool(one.why) for one in found] == [False, True, False]
    assert found[1].why.startswith("the prompt does not fit") and found[1].text == ""
    assert found[1].told()["finish_reason"] == "unanswered"
    alone = answer(model, SupervisedFineTuning(), examples[2:], "generate", max_new_tokens=3)
    assert found[2] == alone[0]


def test_weighed_answers_leave_out_what_does_not_fit(tiny):
    class Asks(Classify):
        def ask(self, example):
            assert isinstance(example, Labelled)
            return long_system(int(example.text))

    task = Asks(problem="single", labels=["bad", "good"])
    texts = [Labelled(text, "good", f"f:{text}") for text in ("900", "1", "2", "901")]
    model = load_chat(tiny, template="alpaca")
    found = answer(model, task, texts, "likelihood", leaves_unanswered=True)
    assert [bool(one.why) for one in found] == [True, False, False, True]
    assert found[0].answer is None and found[1].answer in ("bad", "good")
    assert found[1:3] == answer(model, task, texts[1:3], "likelihood")
    none = answer(model, task, texts[:1], "likelihood", leaves_unanswered=True)
    assert [bool(one.why) for one in none] == [True]


def test_replies_of_the_cache_have_no_speed(request_of, teacher, tmp_path):
    server = teacher(otherwise=Reply("Guest 1."))
    model = f"h={server.url}#any"
    found = compare(request_of(model, max_rows=2))
    assert found["models"]["h"]["tokens_per_s"] > 0
    found = compare(request_of(model, max_rows=2, out=str(tmp_path / "again")))
    assert not {"tokens_per_s", "seconds"} & set(found["models"]["h"])
    assert "speed is not known" in note(found, "lay in the cache")
    found = compare(request_of(model, out=str(tmp_path / "more")))
    assert "2 of its replies lay in the cache" in note(found, "lay in the cache")
    assert found["models"]["h"]["tokens_per_s"] > 0 and len(server.ledger) == 6


def test_an_endpoint_that_takes_no_temperature_is_told(request_of, teacher, tmp_path):
    words = "Unsupported value: 'temperature' does not support 0.0 with this model."
    fault = Fault("status", 400, "unsupported_value", words, "temperature")
    server = teacher(Rule("day 0", (fault, Reply("Guest 0."))))
    request = request_of(f"h={server.url}#any")
    found = compare(request)
    assert "does not take temperature: 6 of 6" in note(found, "does not take")
    assert compare(request) == found
    elsewhere = compare(request_of(f"h={server.url}#any", out=str(tmp_path / "again")))
    assert "does not take temperature: 6 of 6" in note(elsewhere, "does not take")


def test_examples_that_had_no_room_before_a_request_are_told(recipe_fields, tmp_path, lines):
    prompt(make_recipe(recipe_fields), tmp_path / "p", n_shots=2)
    rows = [
        {"dialogue": "user: my kettle leaks. " * n, "summary": "A kettle leaks."} for n in (1, 18)
    ]
    file = lines(tmp_path / "asked.jsonl", *rows)
    request = CompareRequest(
        (f"p={tmp_path / 'p'}",), data=str(file), out=str(tmp_path / "out"), max_new_tokens=3
    )
    found = compare(request)
    assert "p: before 1 of 2 requests" in note(found, "of its examples had room")
    assert compare(request) == found


def test_no_model_left_is_an_error_with_the_first_reason(request_of, teacher):
    with pytest.raises(RunError, match="no model answered; the first: .*too long"):
        compare(request_of(f"h={teacher(otherwise=TOO_LONG).url}#any"))
