"""extractive-qa in whole runs: killed and resumed, and answering."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from safetensors.torch import load_file  # noqa: E402

from tunesmith.chat.predictor import Predictor  # noqa: E402
from tunesmith.core.errors import RunError  # noqa: E402
from tunesmith.pipelines.evaluate import evaluate  # noqa: E402
from tunesmith.pipelines.load import load  # noqa: E402
from tunesmith.pipelines.merge import merge  # noqa: E402
from tunesmith.pipelines.null_threshold import tune_null_threshold  # noqa: E402
from tunesmith.pipelines.prepare import prepare, split_of  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.pipelines.weights import load_weights  # noqa: E402
from tunesmith.recipe import load_recipe, make_recipe  # noqa: E402
from tunesmith.training.loop import Trainer  # noqa: E402

METHODS = {
    "full": {"name": "full"},
    "freeze": {"name": "freeze", "layers": 1},
    "lora": {"name": "lora", "rank": 4, "dropout": 0.2},
    "qlora": {"name": "qlora", "rank": 4, "dropout": 0.2},
}
NAMES = ("Ana", "Bo", "Cy", "Dee", "Ed", "Flo")
THINGS = ("kettle", "lamp", "toaster", "radio")


def article(name: str, n: int) -> dict[str, Any]:
    """A context with two questions; its last article asks one without an answer."""
    thing = THINGS[n % len(THINGS)]
    context = f"{name} has a {thing}. " + "It leaks again. " * (n % 7) + f"A new one costs {n + 2}."
    asked = [(f"What does {name} have?", thing), ("What does it cost?", str(n + 2))]
    return {
        "title": f"{name} {n}",
        "paragraphs": [
            {
                "context": context,
                "qas": [
                    {
                        "id": f"{n}-{place}",
                        "question": question,
                        "is_impossible": n % 6 == 5 and place == 1,
                        "answers": []
                        if n % 6 == 5 and place == 1
                        else [{"text": text, "answer_start": context.rindex(text)}],
                    }
                    for place, (question, text) in enumerate(asked)
                ],
            }
        ],
    }


@pytest.fixture
def squad(tmp_path, recipe_fields) -> dict[str, Any]:
    """A recipe on a file as SQuAD v2 has it."""
    file = tmp_path / "squad.json"
    data = [article(NAMES[n % len(NAMES)], n) for n in range(18)]
    file.write_text(json.dumps({"version": "v2.0", "data": data}), "utf-8")
    fields = {key: recipe_fields[key] for key in ("model", "train", "evaluate", "out")}
    return fields | {
        "data": {"path": str(file), "max_tokens": 48, "validation_fraction": 0.25},
        "task": {"name": "extractive-qa", "doc_stride": 12},
        "optim": {"lr": 5e-3},
    }


class Killed(BaseException):
    pass


@pytest.mark.parametrize(
    "kind", ["full", "freeze", "lora", pytest.param("qlora", marks=pytest.mark.slow)]
)
def test_a_killed_run_ends_bitwise_as_one_that_was_not(squad, tmp_path, monkeypatch, kind):
    if kind == "qlora":
        pytest.importorskip("bitsandbytes")
    squad["method"] = METHODS[kind]
    whole = train(make_recipe({**squad, "out": str(tmp_path / "whole")}))
    assert whole.summary["eval_loss_best"] < whole.summary["eval_loss_first"]
    fit = Trainer.fit

    def fit_and_die(self, should_stop=lambda step: False):
        fit(self, lambda step: step == 4)
        raise Killed

    halves = make_recipe({**squad, "out": str(tmp_path / "halves")})
    monkeypatch.setattr(Trainer, "fit", fit_and_die)
    with pytest.raises(Killed):
        train(halves)
    monkeypatch.undo()
    resumed = train(halves, resume=True)
    for file in sorted(whole.artifact.glob("*.safetensors")):
        one, other = load_file(file), load_file(resumed.artifact / file.name)
        assert one.keys() == other.keys()
        assert any("qa_outputs" in key for key in one)
        assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.slow
def test_a_tuned_head_answers_the_questions_it_was_tuned_on(squad):
    """It learns them by heart, with the one that has no answer."""
    squad["train"] = {"epochs": 60, "batch_size": 8, "keep": "last", "eval_every_fraction": 1.0}
    squad["optim"] = {"lr": 3e-3}
    squad["method"] = "full"
    squad["data"]["validation_fraction"] = 0
    run = train(make_recipe(squad))
    model = load(run, batch_size=5)
    assert isinstance(model, Predictor)
    task = model.task
    assert task.no_answer is True  # settled by the data, and kept
    recipe = load_recipe(run.path / "recipe.yaml")
    asked = [row.example for row in split_of(prepare(recipe), recipe, "train")]
    answers = [found.answer for found in model.predict(asked)]
    right = [a in task.references(q) for a, q in zip(answers, asked, strict=True)]
    assert sum(right) / len(right) > 0.9
    assert {a for a, q in zip(answers, asked, strict=True) if not q.answers} == {""}
    # Alone and in a batch of other widths a question gets the same answer.
    assert [model.predict([question])[0].answer for question in asked[:6]] == answers[:6]


def test_no_answer_may_be_said_where_a_training_question_has_none(squad):
    recipe = make_recipe(squad)
    assert prepare(recipe).task.no_answer is True
    file = Path(squad["data"]["path"])
    records = json.loads(file.read_text("utf-8"))
    records["data"] = [
        a
        for a in records["data"]
        if not any(qa["is_impossible"] for p in a["paragraphs"] for qa in p["qas"])
    ]
    file.write_text(json.dumps(records), "utf-8")
    assert prepare(recipe).task.no_answer is False


def test_a_run_is_scored_by_head_and_by_writing(squad):
    squad["method"] = METHODS["lora"]
    run = train(make_recipe(squad))
    scores = evaluate(run)
    assert {"constant", "base/generate", "tuned/head"} <= scores.keys()
    for name in ("constant", "base/generate", "tuned/head"):
        assert {"f1", "exact_match"} <= scores[name].keys()
    assert scores["n"] == 4  # evaluate.max_rows
    merged = run.path.parent / "merged"
    assert merge(run, merged)["max_logit_difference"] < 1e-4
    theirs = transformers.LlamaForQuestionAnswering.from_pretrained(merged)
    ids = torch.randint(5, 3000, (1, 12), generator=torch.Generator().manual_seed(0))
    ours, _, _ = load_weights(str(run.artifact))
    with torch.no_grad():
        a, b = ours(ids), theirs.eval()(ids)
    torch.testing.assert_close(a.start_logits, b.start_logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(a.end_logits, b.end_logits, atol=1e-5, rtol=1e-5)


def test_the_threshold_of_no_answer_is_found_and_kept(squad):
    squad["method"] = METHODS["full"]
    squad["evaluate"] = {**squad["evaluate"], "max_rows": None, "roads": ["head"]}
    run = train(make_recipe(squad))
    before = evaluate(run)["tuned/head"]
    threshold = tune_null_threshold(run)
    assert threshold == before["best_null_threshold"]
    after = evaluate(run)["tuned/head"]
    assert after["f1"] == pytest.approx(before["best_f1"])
    assert after["f1"] >= before["f1"]
    assert load(run).task.null_threshold == threshold


def test_no_threshold_is_looked_for_where_every_question_has_an_answer(squad):
    squad["task"]["no_answer"] = False
    run = train(make_recipe(squad))
    with pytest.raises(RunError, match=r"no threshold to find.*task.no_answer=true"):
        tune_null_threshold(run)


def test_answers_can_be_learnt_in_words_too(squad):
    squad["task"] = "extractive-qa-in-words"
    squad["data"]["max_tokens"] = 200
    run = train(make_recipe(squad))
    assert run.summary["eval_loss_best"] < run.summary["eval_loss_first"]
    scores = evaluate(run)
    assert {"constant", "base", "tuned"} <= scores.keys()
    assert {"f1", "exact_match", "unread_fraction"} <= scores["tuned"].keys()
