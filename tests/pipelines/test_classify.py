"""Classification in whole runs: by every method, killed and resumed, answered by every road."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

import tunesmith  # noqa: E402
from tunesmith.chat.local import LocalModel  # noqa: E402
from tunesmith.core.errors import DataError, ModelError, RecipeError, RunError  # noqa: E402
from tunesmith.core.examples import Conversation, Message  # noqa: E402
from tunesmith.pipelines.dry_run import dry_run  # noqa: E402
from tunesmith.pipelines.load import load_chat  # noqa: E402
from tunesmith.recipe import load_recipe, make_recipe  # noqa: E402
from tunesmith.templates.render import Learnt, render  # noqa: E402
from tunesmith.training.loop import Trainer  # noqa: E402

METHODS = {
    "full": "full",
    "freeze": {"name": "freeze", "layers": 0},
    "lora": {"name": "lora", "rank": 4, "dropout": 0.2},
    "qlora": {"name": "qlora", "rank": 4, "dropout": 0.2},
}
GOOD, BAD = "What a lovely, fine film", "A dull mess of a plot"


@pytest.fixture
def reviews(tmp_path, lines):
    records = (
        {"text": f"{text}. {'word ' * (n % 7)}{n}", "label": label}
        for n in range(32)
        for text, label in [(GOOD, "good") if n % 2 else (BAD, "bad")]
    )
    return lines(tmp_path / "reviews.jsonl", *records)


@pytest.fixture
def fields(tiny, reviews, tmp_path):
    return {
        "model": {"path": str(tiny)},
        "data": {"path": str(reviews), "validation_fraction": 0.25},
        "template": "summarization",
        "task": "classify",
        "method": "full",
        "optim": {"lr": 5e-3},
        "train": {"epochs": 2, "batch_size": 6, "micro_batch_size": 3, "eval_every_fraction": 0.34},
        "evaluate": {"max_new_tokens": 4},
        "out": str(tmp_path / "run"),
    }


class Killed(BaseException):
    pass


@pytest.mark.parametrize("kind", METHODS)
def test_a_killed_run_ends_bitwise_as_one_that_was_not(fields, tmp_path, monkeypatch, kind):
    if kind == "qlora":
        pytest.importorskip("bitsandbytes")
    fields["method"] = METHODS[kind]
    recipe = make_recipe({**fields, "out": str(tmp_path / "whole")})
    whole = tunesmith.train(recipe)
    planned = dry_run(recipe)["method"]["trained_parameters"]
    assert whole.summary["trainable_parameters"] == planned
    assert whole.summary["eval_loss_best"] < whole.summary["eval_loss_first"]
    fit = Trainer.fit

    def fit_and_die(self, should_stop=lambda step: False):
        fit(self, lambda step: step == 5)
        raise Killed

    halves = make_recipe({**fields, "out": str(tmp_path / "halves")})
    monkeypatch.setattr(Trainer, "fit", fit_and_die)
    with pytest.raises(Killed):
        tunesmith.train(halves)
    monkeypatch.undo()
    resumed = tunesmith.train(load_recipe(tmp_path / "halves/recipe.yaml"), resume=True)
    for file in whole.artifact.glob("*.safetensors"):
        assert file.read_bytes() == (resumed.artifact / file.name).read_bytes()
    assert (whole.path / "metrics.jsonl").read_bytes() == (
        resumed.path / "metrics.jsonl"
    ).read_bytes()
    if kind == "qlora":
        report = tunesmith.merge(whole, tmp_path / "merged")
        assert report["max_logit_difference"] < 1e-4
        answers = [tunesmith.load(m).predict([GOOD, BAD]) for m in (whole, tmp_path / "merged")]
        assert [p.answer for p in answers[0]] == [p.answer for p in answers[1]]


@pytest.fixture
def run(fields):
    return tunesmith.train(make_recipe({**fields, "train": {"epochs": 6, "batch_size": 8}}))


def test_every_road_is_scored_on_the_same_rows(run, fields):
    scores = tunesmith.evaluate(run)
    roads = ["constant", "base/likelihood", "base/generate", "tuned/head"]
    assert [name for name, row in scores.items() if isinstance(row, dict)] == roads
    assert scores["constant"]["accuracy"] == 0.5
    assert scores["tuned/head"]["accuracy"] == scores["tuned/head"]["f1/good"] == 1.0
    assert scores["base/generate"]["unread_fraction"] == 1.0
    assert (scores["n"], scores["left_out"]) == (8, 0)
    lines = run.lines("predictions.jsonl")
    assert len(lines) == 8
    [first, *_] = lines
    assert first["reference"] in ("good", "bad") and "alone: bad, good." in first["prompt"]
    head = first["answers"]["tuned/head"]
    assert head["answer"] == head["text"] == first["reference"] and head["accuracy"] == 1.0
    assert sum(head["weighed"].values()) == pytest.approx(1, abs=1e-5)
    page = (run.path / "report.html").read_text()
    assert "The tuned model scores 1.00 accuracy on 8 validation rows" in page
    assert "base/likelihood" in page and "Macro F1" in page and "Unreadable" in page
    only = make_recipe({**fields, "train": {"epochs": 6, "batch_size": 8},
                        "evaluate": {"roads": ["head"]}})  # fmt: skip
    scores = tunesmith.evaluate(only)
    assert [n for n, row in scores.items() if isinstance(row, dict)] == ["constant", "tuned/head"]
    changed = make_recipe({**fields, "task": {"name": "classify", "labels": ["good", "bad"]}})
    with pytest.raises(RunError, match="other settings under task"):
        tunesmith.evaluate(changed)


def test_a_recipe_that_was_not_run_has_its_base_scored(fields):
    scores = tunesmith.evaluate(make_recipe(fields))
    assert {"base/likelihood", "base/generate"} <= scores.keys()
    with pytest.raises(RecipeError, match="no model here answers task 'classify' by head"):
        tunesmith.evaluate(make_recipe({**fields, "evaluate": {"roads": ["head"]}}))


def test_likelihood_is_that_of_every_answer_alone(tiny):
    model = tunesmith.load(tiny, template="llama2", batch_size=4)
    asked = [
        Conversation((Message("user", f"Which? {'word ' * n}"),), "f:1") for n in (1, 9, 4, 0, 7)
    ]
    answers = ["good", "bad", "not at all so", "a", "b", "c"]
    found = model.weigh(asked, answers)
    for conversation, of_row in zip(asked, found, strict=True):
        for text, score in zip(answers, of_row, strict=True):
            messages = (*conversation.messages, Message("assistant", text))
            whole = Conversation(messages, "f:1")
            row = render(whole, model.template, model.tokenizer, Learnt("last"))
            ids = torch.as_tensor(row.input_ids, dtype=torch.int64)[None]
            with torch.no_grad():
                logs = model.causal_lm(ids).logits[0, :-1].float().log_softmax(-1)
            each = logs.gather(1, ids[0, 1:, None])[:, 0]
            assert score == pytest.approx(
                float(each[torch.as_tensor(row.supervised[1:])].sum()), abs=2e-4
            )
    lengths = [len(model.answer_ids(asked[0], text)) for text in answers]
    normalised = model.weigh(asked, answers, normalised=True)
    assert normalised[1] == pytest.approx([s / n for s, n in zip(found[1], lengths, strict=True)])


def test_the_same_data_is_learnt_in_words(fields):
    fields["task"] = {"name": "classify-in-words", "problem": "single", "labels": ["bad", "good"]}
    fields["train"] = {"epochs": 30, "batch_size": 8}
    run = tunesmith.train(make_recipe(fields))
    assert isinstance(tunesmith.load(run), LocalModel)
    scores = tunesmith.evaluate(run)
    roads = ["base/generate", "base/likelihood", "tuned/generate", "tuned/likelihood"]
    assert [name for name in scores if "/" in name] == roads
    assert scores["tuned/generate"]["accuracy"] == scores["tuned/likelihood"]["accuracy"] == 1.0
    assert scores["tuned/generate"]["unread_fraction"] == 0
    [one] = tunesmith.predict(run, texts=[GOOD])
    assert (one["origin"], one["answer"], one["n_cut"]) == ("text 1", "good", 0)
    assert one["finish_reason"] == "stop" and one["n_tokens"] > 0 and "answer_cut" not in one


def test_texts_and_files_are_predicted(run, tmp_path, lines):
    (tmp_path / "a.txt").write_text(f"{GOOD}\n\n{BAD}\n")
    lines(tmp_path / "b.jsonl", {"review": BAD}, {"review": GOOD + " word" * 400})
    of_text = list(tunesmith.predict(run, texts=[BAD], file=tmp_path / "a.txt", batch_size=2))
    assert [(e["answer"], e["origin"].rpartition("/")[2]) for e in of_text] == [
        ("bad", "text 1"), ("good", "a.txt:1"), ("bad", "a.txt:3")
    ]  # fmt: skip
    assert list(of_text[1]["weighed"]) == ["good", "bad"]
    bad, long = tunesmith.predict(run.path, file=tmp_path / "b.jsonl")
    assert bad["answer"] == "bad" and long["n_cut"] > 100
    with pytest.raises(DataError, match=r"c\.jsonl:1: no text; the record has \['stars'\]"):
        list(tunesmith.predict(run, file=lines(tmp_path / "c.jsonl", {"stars": 3})))
    with pytest.raises(ModelError, match="cannot be talked to. Use: tunesmith predict"):
        load_chat(run)
    found = subprocess.run(
        [sys.executable, "-m", "tunesmith", "predict", run.path, "-t", GOOD, "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(found.stdout)["predictions"][0]["answer"] == "good"


def test_a_chat_model_predicts_nothing(tiny):
    with pytest.raises(RecipeError, match="Talk to it: tunesmith chat"):
        list(tunesmith.predict(tiny, texts=["a"]))


def test_a_tuned_folder_stays_usable_without_our_notes(run, tmp_path):
    shutil.copytree(run.artifact, tmp_path / "copy")
    (tmp_path / "copy/tunesmith.json").unlink()
    texts = [GOOD, BAD]
    assert tunesmith.load(tmp_path / "copy").predict(texts) == tunesmith.load(run).predict(texts)


@pytest.mark.parametrize("kind", ["multi", "regression"])
def test_several_classes_and_numbers_are_scored(fields, tmp_path, lines, kind):
    records = [
        {"text": f"{'alpha ' * (n % 2)}{'beta ' * (n // 2 % 2)}word {n}",
         "label": [w for w, on in (("a", n % 2), ("b", n // 2 % 2)) if on]
         if kind == "multi" else n % 2 * 2.0 - 0.5}
        for n in range(48)
    ]  # fmt: skip
    fields["data"]["path"] = str(lines(tmp_path / "other.jsonl", *records))
    fields["train"] = {"epochs": 8, "batch_size": 8}
    run = tunesmith.train(make_recipe(fields))
    scores = tunesmith.evaluate(run)
    assert "base/likelihood" not in scores
    if kind == "multi":
        assert scores["tuned/head"]["accuracy"] > scores["constant"]["accuracy"]
        assert scores["tuned/head"]["micro_f1"] > 0.9
    else:
        assert scores["tuned/head"]["mse"] < 0.2 * scores["constant"]["mse"]
        assert scores["tuned/head"]["pearson"] > 0.9
        assert "squared error" in (run.path / "report.html").read_text()


def test_losses_of_tokens_are_not_shown_where_there_are_none(fields):
    from tunesmith.pipelines.preview import preview

    shown = preview(make_recipe(fields))
    assert shown["template"] is None and len(shown["examples"]) == 3
    with pytest.raises(RecipeError, match="has no loss on tokens"):
        preview(make_recipe(fields), with_loss=True)
