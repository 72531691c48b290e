"""Answers that are kept one by one: what is there is found again, and nothing is thrown away."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.errors import RunError  # noqa: E402
from tunesmith.evaluation.roads import Answered  # noqa: E402
from tunesmith.pipelines import compared_answers, compared_likelihoods  # noqa: E402
from tunesmith.pipelines.answer_notes import answer_notes  # noqa: E402
from tunesmith.pipelines.compare import compare  # noqa: E402
from tunesmith.pipelines.compare_request import CompareRequest  # noqa: E402
from tunesmith.pipelines.kept_answers import answered_or_kept, is_kept  # noqa: E402
from tunesmith.tasks import TASKS  # noqa: E402


class Model:
    """Answers with the key that it is asked, and counts."""

    def __init__(self, keys):
        self.keys = keys
        self.asked = []

    def __call__(self, places):
        self.asked += [self.keys[place] for place in places]
        return [
            Answered(key, key, n_tokens=len(key), latency_s=1.0)
            for key in (self.keys[place] for place in places)
        ]


def kept(file, *keys):
    model = Model(keys)
    found = answered_or_kept(file, keys, model)
    assert [one.text for one in found.answered] == list(keys)
    return model.asked, found


def test_whatever_is_asked_between_the_answers_are_found_again(tmp_path):
    file = tmp_path / "a.jsonl"
    assert kept(file, "a", "b", "c")[0] == ["a", "b", "c"]
    assert kept(file, "b")[0] == []
    assert kept(file, "new", "c", "b", "a")[0] == ["new"]
    assert kept(file, "other")[0] == ["other"]
    before = file.read_bytes()
    assert kept(file, "a", "b", "c")[0] == [] and file.read_bytes() == before
    assert is_kept(file, ["a", "other", "new"]) and not is_kept(file, ["a", "unknown"])


def test_what_is_asked_twice_is_answered_once(tmp_path):
    assert kept(tmp_path / "a.jsonl", "a", "b", "a", "a")[0] == ["a", "b"]


def test_a_line_that_a_stop_has_torn_is_asked_again_and_costs_no_other(tmp_path):
    file = tmp_path / "a.jsonl"
    kept(file, "a", "b")
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    assert kept(file, "a", "b", "c")[0] == ["b", "c"]
    assert [json.loads(line)["key"] for line in file.read_text().splitlines()] == ["a", "b", "c"]


def test_an_answer_that_cannot_be_read_is_named_and_nothing_is_thrown_away(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"key": "a", "answer": {"kind": "plain"}, "seconds": 1}\n')
    with pytest.raises(RunError, match=r"a\.jsonl: an answer in it cannot be read"):
        kept(file, "a")
    assert file.read_text().startswith('{"key": "a"')


def test_some_of_the_answers_have_the_speed_that_all_had(tmp_path):
    file = tmp_path / "a.jsonl"
    whole = kept(file, "a", "bb", "cccc")[1]
    part = kept(file, "cccc", "a")[1]
    assert part.tokens_per_s == pytest.approx(whole.tokens_per_s)
    assert whole.seconds is not None
    assert part.seconds == pytest.approx(5 / 7 * whole.seconds)


def test_replies_of_the_cache_have_no_part_in_the_time(tmp_path):
    cached = Answered("b", "b", n_tokens=1000)

    def answer(places):
        return [Answered("a", "a", n_tokens=4, latency_s=1.0), cached]

    found = answered_or_kept(tmp_path / "a.jsonl", ["a", "b"], answer)
    assert found.took_s[1] is None and found.seconds is not None
    assert found.tokens_per_s == pytest.approx(4 / found.seconds)
    alone = answered_or_kept(tmp_path / "b.jsonl", ["b"], lambda places: [cached])
    assert alone.seconds is None and alone.tokens_per_s is None


def test_a_lone_request_behind_a_call_that_broke_off_tells_no_speed(tmp_path):
    found = answered_or_kept(
        tmp_path / "a.jsonl",
        ["a", "b", "c", "d"],
        lambda places: [
            Answered("x", "x", n_tokens=4, finish_reason="stop", latency_s=None if place else 1.0)
            for place in places
        ],
    )
    assert found.tokens_per_s is None and not found.is_all_timed
    [note] = answer_notes({"m": (found, "generate")}, [])
    assert note == "m: 3 of its 4 replies lay in the cache, so its speed is not known."


def test_what_is_asked_twice_took_its_time_once(tmp_path):
    once = kept(tmp_path / "a.jsonl", "a", "b")[1]
    twice = kept(tmp_path / "a.jsonl", "a", "b", "a", "a")[1]
    assert twice.seconds == pytest.approx(once.seconds) and twice.is_all_timed
    assert twice.took_s[2] == twice.took_s[0]
    assert twice.tokens_per_s == pytest.approx(once.tokens_per_s)


def test_that_nothing_can_be_answered_is_not_kept(tmp_path):
    file = tmp_path / "a.jsonl"
    unanswered = Answered("", "", why="too long")
    answered_or_kept(file, ["a", "b"], lambda places: [unanswered] * len(places))
    assert not file.exists()
    answered_or_kept(file, ["a", "b"], lambda places: [unanswered, Answered("b", "b")])
    assert is_kept(file, ["a", "b"])


@pytest.fixture
def asked(tmp_path, lines):
    def write(*numbers):
        rows = ({"instruction": f"Who comes on {n}?", "output": f"Guest {n}."} for n in numbers)
        return str(lines(tmp_path / "asked.jsonl", *rows))

    return write


@pytest.fixture
def request_of(tiny, tmp_path):
    def make(data, *models, **fields):
        given = {"max_new_tokens": 4, "out": str(tmp_path / "out"), "seed": 0, **fields}
        return CompareRequest(models or (f"a={tiny}",), data=data, **given)

    return make


@pytest.fixture
def answered(monkeypatch):
    """How many examples were answered, call by call; the real model answers."""
    seen = []
    real = compared_answers.answer_within_memory

    def counted(model, task, examples, road, **settings):
        seen.append(len(examples))
        return real(model, task, examples, road, **settings)

    monkeypatch.setattr(compared_answers, "answer_within_memory", counted)
    return seen


def test_fewer_rows_more_rows_and_other_lengths_cost_only_themselves(request_of, asked, answered):
    whole = request_of(asked(*range(6)))
    first = compare(whole)
    files = [Path(whole.out, f"comparison.{kind}") for kind in ("json", "md")]
    bytes_before = [file.read_bytes() for file in files]
    compare(replace(whole, max_rows=2))
    assert answered == [6]
    compare(replace(whole, max_new_tokens=5))
    assert answered == [6, 6]
    other = compare(request_of(asked(9, *range(6), 8)))  # every row but two moves by a line
    assert answered == [6, 6, 2] and other["n"] == 8
    asked(*range(6))
    assert compare(whole) == first and answered == [6, 6, 2]
    assert [file.read_bytes() for file in files] == bytes_before


def test_likelihoods_are_kept_one_by_one_too(request_of, asked, monkeypatch):
    seen = []
    real = compared_likelihoods.foretold_examples

    def counted(model, task, examples, window):
        seen.append(len(examples))
        return real(model, task, examples, window)

    monkeypatch.setattr(compared_likelihoods, "foretold_examples", counted)
    whole = request_of(asked(*range(6)), metrics=("perplexity",))
    first = compare(whole)
    compare(replace(whole, max_rows=2))
    compare(request_of(asked(9, *range(6)), metrics=("perplexity",)))
    asked(*range(6))
    assert compare(whole) == first and seen == [6, 1]


def test_texts_are_kept_one_by_one_too(request_of, tmp_path, lines, monkeypatch):
    texts = [{"text": text} for text in ("The kettle leaks.", "A new one comes.", "It is late.")]
    file = lines(tmp_path / "texts.jsonl", *texts)
    first = compare(request_of(str(file)))
    opened = []
    real = compared_likelihoods.opened_model
    monkeypatch.setattr(
        compared_likelihoods, "opened_model", lambda *given: (opened.append(1), real(*given))[1]
    )
    compare(request_of(str(file), max_rows=1))
    assert compare(request_of(str(file))) == first and not opened
    lines(file, *texts, {"text": "One more."})
    assert compare(request_of(str(file)))["n"] == 4 and opened


def test_answers_of_the_layout_before_are_left_and_told(request_of, asked, answered, capsys):
    request = request_of(asked(*range(3)))
    file = Path(request.out, "answers", "a.generate.jsonl")
    file.parent.mkdir(parents=True)
    old = '{"key": "0123"}\n{"answer": {"text": "x"}}\n{"answer": {"text": "y"}}\n{"seconds": 2}\n'
    file.write_text(old, "utf-8")
    compare(request)
    assert "2 answers in it were kept by an earlier version" in capsys.readouterr().err
    assert file.read_text("utf-8").startswith(old) and answered == [3]
    compare(request)
    assert "earlier version" not in capsys.readouterr().err and answered == [3]


def test_an_example_that_is_a_shot_is_another_question(recipe_fields, tmp_path):
    from tunesmith.core.examples import Conversation, Message
    from tunesmith.pipelines.asked_keys import origins_apart, questions
    from tunesmith.pipelines.prompt import prompt
    from tunesmith.recipe import make_recipe
    from tunesmith.tasks.sft import SupervisedFineTuning

    prompt(make_recipe(recipe_fields), tmp_path / "p", n_shots=1)
    apart = origins_apart(str(tmp_path / "p"))
    assert len(apart) == 2 and origins_apart("tunesmith-tiny") == frozenset()
    origins = [*sorted(apart), "elsewhere:1", "elsewhere:2"]
    same = [Conversation((Message("user", "Hm?"), Message("assistant", "x")), o) for o in origins]
    found = questions(SupervisedFineTuning(), same, apart)
    assert found[2] == found[3] and found[0] != found[1] != found[2]


def test_what_only_trains_is_no_part_of_what_is_asked():
    from tunesmith.pipelines.asked_keys import Asked
    from tunesmith.tasks.classify import Classify
    from tunesmith.tasks.sft import SupervisedFineTuning

    def key(task):
        return Asked([], task, 8, False).model_key([], [])

    plain = key(SupervisedFineTuning())
    assert key(SupervisedFineTuning(train_on="last", prompt_weight=0.5)) == plain
    single = Classify(problem="single", labels=["a", "b"])
    assert key(single.model_copy(update={"class_weights": "balanced"})) == key(single) != plain
    assert key(single.model_copy(update={"instruction": "Which?"})) != key(single)


@pytest.mark.parametrize("name", TASKS.names())
def test_fields_that_only_train_are_fields_of_their_task(name):
    task = TASKS.load(name)
    assert task.only_trains <= set(task.model_fields)
