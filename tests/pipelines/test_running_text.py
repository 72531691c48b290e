"""Running text from a file to a tuned model whose perplexity stands beside its base's."""

from __future__ import annotations

import json
import math

import pytest

torch = pytest.importorskip("torch")

import tunesmith  # noqa: E402
from tunesmith.cli.main import run as command  # noqa: E402
from tunesmith.core.errors import DataError, ModelError, RecipeError  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402

SENTENCES = ["The kettle leaks.", "A new one comes on Monday.", "It is warm again, said Ana."]


@pytest.fixture
def fields(recipe_fields, tmp_path, lines):
    texts = [" ".join(SENTENCES[(n + i) % 3] for i in range(1 + n % 7)) for n in range(30)]
    file = lines(tmp_path / "texts.jsonl", *({"text": text} for text in texts))
    return {
        **recipe_fields,
        "task": "causal-lm",
        "template": None,
        "data": {"path": str(file), "validation_fraction": 0.2, "max_tokens": 32},
    }


def test_base_and_tuned_read_the_same_text(fields, capsys):
    run = tunesmith.train(make_recipe(fields))
    found = tunesmith.evaluate(run)
    base, tuned = found["models"]["base"], found["models"]["tuned"]
    assert list(found["models"]) == ["base", "tuned"]
    for key in ("perplexity", "word_perplexity", "bits_per_byte"):
        assert tuned[key] < base[key]
    assert (found["context_tokens"], found["stride_tokens"]) == (32, 16)
    nats = math.log(base["perplexity"]) * found["n_tokens"]
    assert math.log(base["word_perplexity"]) * found["n_words"] == pytest.approx(nats)
    assert base["bits_per_byte"] * math.log(2) * found["n_bytes"] == pytest.approx(nats)
    page = (run.path / "report.html").read_text()
    assert "Tuning took the perplexity of the validation text from" in page
    assert f"{tuned['bits_per_byte']:.3f}" in page
    assert "ROUGE" not in page
    capsys.readouterr()
    assert command(["eval", str(run.path)]) == 0
    shown = capsys.readouterr().out
    assert "per word" in shown and "windows of 32 tokens that move on by 16" in shown
    assert command(["eval", str(run.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["models"] == found["models"]


@pytest.mark.parametrize("settings", [{"packing": True}, {}])
@pytest.mark.parametrize("documents", ["apart", "joined"])
def test_short_documents_fill_lines_apart_or_joined(fields, documents, settings):
    fields = {**fields, "task": {"name": "causal-lm", "documents": documents}}
    fields["train"] = {**fields["train"], **settings}
    summary = tunesmith.train(make_recipe(fields)).summary
    assert summary["eval_loss_best"] < summary["eval_loss_first"]
    rows = prepare(make_recipe(fields)).encoded["train"]
    is_full = rows.lengths == 32
    assert is_full[:-1].all() if documents == "joined" else not is_full[:-1].all()


def test_a_single_text_is_judged_by_its_held_out_end(fields, tmp_path):
    file = tmp_path / "book.txt"
    file.write_text(" ".join(SENTENCES * 40) + "\n")
    fields = {**fields, "data": {"path": str(file), "validation_fraction": 0.2, "max_tokens": 32}}
    found = tunesmith.evaluate(make_recipe(fields))
    end = " ".join(SENTENCES * 40)[-found["n_bytes"] :]
    assert found["n"] == 1
    assert found["n_words"] == pytest.approx(len(end.split()), abs=1)
    assert 0.15 * 3200 < found["n_bytes"] < 0.25 * 3200


def test_what_cannot_be_scored_is_told(fields):
    with pytest.raises(DataError, match="the split 'test' has no text to score"):
        tunesmith.evaluate(make_recipe(fields), split="test")
    with pytest.raises(RecipeError, match=r"stride_tokens=32, .* Set it to 31 or less"):
        tunesmith.evaluate(make_recipe({**fields, "evaluate": {"stride_tokens": 32}}))


@pytest.mark.slow
def test_perplexity_of_wikitext_falls_from_the_base(shared, tmp_path):
    """A part of WikiText-2, its articles joined to full rows."""
    text = (shared / "wikitext-2/valid.txt").read_text("utf-8")
    file = tmp_path / "wikitext.txt"
    file.write_text(text[:120_000], "utf-8")
    run = tunesmith.train(
        make_recipe(
            {
                "model": {"path": str(shared / "models/stories260K-hf")},
                "data": {"path": str(file), "validation_fraction": 0.15, "max_tokens": 256},
                "task": {"name": "causal-lm", "documents": "joined"},
                "method": "full",
                "optim": {"lr": 2e-3},
                "train": {"epochs": 2, "batch_size": 8, "packing": True},
                "out": str(tmp_path / "run"),
            }
        )
    )
    models = tunesmith.evaluate(run)["models"]
    print(models)
    for key, most in {"perplexity": 0.8, "word_perplexity": 0.5, "bits_per_byte": 0.95}.items():
        assert models["tuned"][key] < most * models["base"][key]


def scored(fields):
    found = tunesmith.evaluate(make_recipe(fields))["models"]
    return {name: figures["perplexity"] for name, figures in found.items()}


@pytest.mark.parametrize("method", [{"name": "lora", "rank": 4}, "full"])
def test_the_base_of_a_recipe_that_goes_on_is_what_it_starts_from(fields, tmp_path, method):
    fields = {**fields, "method": {"name": "lora", "rank": 4}}
    run = tunesmith.train(make_recipe(fields))
    first = scored(fields)
    model = {**fields["model"], "adapter": str(run.path)}
    second = {**fields, "model": model, "method": method, "out": str(tmp_path / "second")}
    assert scored(second) == {"base": pytest.approx(first["tuned"], rel=1e-4)}
    tunesmith.train(make_recipe(second))
    assert scored(second)["base"] == pytest.approx(first["tuned"], rel=1e-4)
    nowhere = {**second, "model": {**model, "adapter": "/does/not/exist"}, "out": str(tmp_path)}
    with pytest.raises(ModelError, match="holds no adapter"):
        scored(nowhere)


def test_an_unrun_recipe_is_scored_with_its_weights_in_few_bits(fields):
    pytest.importorskip("bitsandbytes")
    rounded, exact = (
        scored({**fields, "method": {"name": name, "rank": 4}}) for name in ("qlora", "lora")
    )
    assert rounded["base"] != pytest.approx(exact["base"], rel=1e-5)


def test_base_and_tuned_are_scored_in_the_type_that_the_recipe_names(fields):
    model = {**fields["model"], "dtype": "bfloat16"}
    still = {**fields, "model": model, "method": "full", "optim": {"lr": 1e-30}}
    tunesmith.train(make_recipe(still))
    found = scored(still)
    assert found["tuned"] == found["base"]
