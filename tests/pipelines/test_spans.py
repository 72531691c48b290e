"""extractive-qa in whole runs: killed and resumed, and answering."""

from __future__ import annotations

import json
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from tunesmith.chat.span_model import SpanModel  # noqa: E402
from tunesmith.core.examples import SpanQuestion  # noqa: E402
from tunesmith.pipelines.load import load_weights  # noqa: E402
from tunesmith.pipelines.prepare import limits_of, prepare, split_of  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import load_recipe, make_recipe  # noqa: E402
from tunesmith.templates.tokenizer import Tokenizer  # noqa: E402
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
    recipe = make_recipe(squad)
    run = train(recipe)
    recipe = load_recipe(run.path / "recipe.yaml")
    assert recipe.task.no_answer is True  # settled by the data, and kept
    prepared = prepare(recipe)
    asked = [
        row.example
        for row in split_of(prepared, recipe, "train")
        if isinstance(row.example, SpanQuestion)
    ]
    network, folder, _ = load_weights(str(run.artifact))
    tokenizer = Tokenizer.from_folder(folder)
    model = SpanModel(network, tokenizer, recipe.task, limits_of(recipe, folder), batch_size=5)
    answers = model.answer(asked)
    right = [a.text in recipe.task.references(q) for a, q in zip(answers, asked, strict=True)]
    assert sum(right) / len(right) > 0.9
    assert {a.text for a, q in zip(answers, asked, strict=True) if not q.answers} == {""}
    # Alone and in a batch of other widths a question gets the same answer.
    alone = [model.answer([question])[0] for question in asked[:6]]
    assert [a.text for a in alone] == [a.text for a in answers[:6]]
    assert [a.null_margin for a in alone] == pytest.approx(
        [a.null_margin for a in answers[:6]], abs=1e-4
    )
