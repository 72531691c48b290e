"""From a run to scores, a merged model and a report, on a random tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import tunesmith  # noqa: E402
from tunesmith.chat.chat_model import Sampling  # noqa: E402
from tunesmith.core.errors import DataError, ModelError, RecipeError, RunError  # noqa: E402
from tunesmith.core.examples import Conversation, Message  # noqa: E402
from tunesmith.core.runs import PREDICTIONS, Run  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.templates.render import render  # noqa: E402


@pytest.fixture(scope="module")
def fields(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("use")
    rows = [
        {"dialogue": f"user: my kettle {n} leaks", "summary": f"Kettle {n} leaks."}
        for n in range(24)
    ]
    (folder / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {
        "model": {"path": str(tiny)},
        "data": {"path": str(folder / "d.jsonl"), "validation_fraction": 0.25},
        "template": "summarization",
        "optim": {"lr": 2e-2},
        "train": {"epochs": 3, "batch_size": 6},
        "evaluate": {"max_new_tokens": 8},
    }


@pytest.fixture(scope="module")
def run(fields, tmp_path_factory) -> Run:
    out = str(tmp_path_factory.mktemp("out") / "lora")
    return tunesmith.train(make_recipe({**fields, "out": out}))


@pytest.fixture(scope="module")
def full_run(fields, tmp_path_factory) -> Run:
    out = str(tmp_path_factory.mktemp("out") / "full")
    return tunesmith.train(make_recipe({**fields, "method": "full", "out": out}))


def ask(text: str) -> Conversation:
    return Conversation((Message("user", "Summarize.", text),), "f:1")


@pytest.mark.parametrize("kind", ["run", "full_run"])
def test_scores_are_given_for_every_model_and_repeat(request, kind):
    found = request.getfixturevalue(kind)
    first = tunesmith.evaluate(found)
    predictions = (found.path / PREDICTIONS).read_bytes()
    second = tunesmith.evaluate(found.path)
    assert {k for k, v in first.items() if isinstance(v, dict)} == {"constant", "base", "tuned"}
    for name in ("constant", "base", "tuned"):
        assert set(first[name]) >= {"rouge1", "rouge2", "rougeL", "rougeLsum", "cut_fraction"}
        assert first[name] == second[name]
    assert predictions == (found.path / PREDICTIONS).read_bytes()
    assert first["n"] == 6
    assert first["split"] == "validation"
    page = (found.path / "report.html").read_text()
    assert f"{first['tuned']['rougeL']:.2f}" in page


def test_base_and_tuned_are_asked_the_same_token_ids_as_in_training(run):
    model = tunesmith.load(run)
    asked = ask("user: my kettle 3 leaks")
    answered = Conversation((*asked.messages, Message("assistant", "x")), "f:1")
    trained = render(answered, model.template, model.tokenizer).input_ids.tolist()
    for one in (model, model.base()):
        ids = one.prompt(asked, 16).input_ids.tolist()
        assert ids == trained[: len(ids)]
    assert model.template.name == "summarization"


def test_the_base_below_the_adapter_is_the_base(run, tiny):
    below = tunesmith.load(run).base()
    alone = tunesmith.load(str(tiny), template="summarization")
    sampling = Sampling(max_new_tokens=12)
    asked = [ask("user: my kettle 3 leaks"), ask("user: no")]
    assert below.complete(asked, sampling) == alone.complete(asked, sampling)


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-4), ("bfloat16", 1.0)])
def test_fault_28_a_merged_model_answers_as_base_and_adapter(run, tmp_path, dtype, bound):
    transformers = pytest.importorskip("transformers")
    result = tunesmith.merge(run, tmp_path / "merged", dtype=dtype)
    assert result["max_logit_difference"] <= bound
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    assert next(theirs.parameters()).dtype == getattr(torch, dtype)
    ids = torch.randint(5, 3000, (1, 20), generator=torch.Generator().manual_seed(1))
    ours = tunesmith.load(run).causal_lm
    difference = (theirs(ids).logits.float() - ours(ids).logits).abs().max().item()
    assert difference <= bound
    card = (tmp_path / "merged/README.md").read_text()
    assert "base_model:" in card
    assert "max_steps" in card
    assert tunesmith.load(tmp_path / "merged").template.name == "summarization"


def test_merging_into_a_folder_that_holds_something_is_refused(run, tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(RunError, match="exists already; nothing was touched"):
        tunesmith.merge(run, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_fault_27_a_merge_that_fails_leaves_no_half_model(run, tmp_path, monkeypatch):
    from tunesmith.pipelines import merge as module

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "copy_tokenizer", fail)
    with pytest.raises(KeyboardInterrupt):
        tunesmith.merge(run, tmp_path / "merged")
    assert list(tmp_path.iterdir()) == []


def test_fault_18_an_adapter_on_changed_weights_is_refused(fields, tiny, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    base = tmp_path / "base"
    shutil.copytree(tiny, base)
    recipe = make_recipe({**fields, "model": {"path": str(base)}, "out": str(tmp_path / "run")})
    run = tunesmith.train(recipe)
    weights = load_file(base / "model.safetensors")
    weights["model.norm.weight"] += 1
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ModelError, match=r"tuned on other weights .*fingerprint \w{12}, there \w{12}"
    ):
        tunesmith.load(run)


def test_fault_19_another_tokenizer_beside_the_weights_is_refused(fields, tmp_path):
    run = tunesmith.train(make_recipe({**fields, "out": str(tmp_path / "run")}))
    file = run.artifact / "tokenizer_config.json"
    file.write_text(file.read_text().replace("###", "##"))
    with pytest.raises(ModelError, match="not the one the model was tuned with"):
        tunesmith.load(run)


def test_an_unfinished_run_says_how_to_go_on(run, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(run.path, copy)
    (copy / "summary.json").unlink()
    with pytest.raises(RunError, match=r"not finished. Go on with: tunesmith train .* --resume"):
        tunesmith.evaluate(copy)


def test_a_recipe_that_was_not_run_scores_its_base_alone(fields, tmp_path):
    scores = tunesmith.evaluate(make_recipe({**fields, "out": str(tmp_path / "none")}))
    assert "base" in scores
    assert "tuned" not in scores


def test_data_without_answers_cannot_be_scored(tiny, tmp_path, lines):
    asked = ({"messages": [{"role": "user", "content": f"Once {n}?"}]} for n in range(20))
    answered = {"messages": [{"role": "user", "content": "Who?"},
                             {"role": "assistant", "content": "I."}]}  # fmt: skip
    data = {"train": str(lines(tmp_path / "a.jsonl", answered)),
            "test": str(lines(tmp_path / "b.jsonl", *asked))}  # fmt: skip
    recipe = make_recipe(
        {
            "model": {"path": str(tiny)},
            "data": {"path": data, "validation_fraction": 0, "bad_rows": "reject"},
        }
    )
    with pytest.raises(DataError, match="none of 20 test rows is left"):
        tunesmith.evaluate(recipe)


def test_the_report_of_a_run_holds_no_way_out(run):
    page = (Path(run.path) / "report.html").read_text()
    assert "src=" not in page.replace("default-src", "")
    assert "default-src 'none'" in page


def test_a_run_is_good_from_every_directory(fields, tiny, tmp_path, monkeypatch):
    import os

    monkeypatch.chdir(tmp_path)
    relative = {"path": os.path.relpath(tiny)}
    recipe = make_recipe({**fields, "model": relative, "out": "run"})
    run_summary = tunesmith.train(recipe).summary
    monkeypatch.chdir("/")
    assert tunesmith.evaluate(tmp_path / "run")["tuned"]["rougeL"] >= 0
    assert tunesmith.load(tmp_path / "run").has_adapter
    resumed = tunesmith.load_recipe(tmp_path / "run/recipe.yaml")
    assert tunesmith.train(resumed, resume=True).summary == run_summary


def test_scores_of_a_run_are_not_replaced_by_those_of_another_recipe(run, fields):
    other = make_recipe({**fields, "template": "alpaca", "out": str(run.path)})
    with pytest.raises(RunError, match="made with other settings under template"):
        tunesmith.evaluate(other)
    assert tunesmith.evaluate(make_recipe({**fields, "out": str(run.path)}))["tuned"]


def test_reading_a_stream_of_the_base_does_not_switch_the_adapter_off(run):
    model = tunesmith.load(run)
    sampling = Sampling(max_new_tokens=12)
    expected = model.complete([ask("user: my kettle 3 leaks")], sampling)
    half_read = model.base().stream(ask("user: my kettle 3 leaks"), sampling)
    next(half_read)
    assert model.complete([ask("user: my kettle 3 leaks")], sampling) == expected


def test_as_a_teacher_a_tuned_model_is_another_than_its_base(run, full_run, tiny, tmp_path):
    from tunesmith.pipelines.open_teacher import open_teacher

    tunesmith.merge(run, tmp_path / "merged")
    names = (run.path, run.artifact, full_run.path, tmp_path / "merged", tiny)
    by_run, by_artefact, *others = (
        open_teacher(str(name), template="summarization").endpoint for name in names
    )
    assert by_run.model == by_artefact.model
    assert len({one.model for one in (by_run, *others)}) == 4


def test_a_template_that_is_not_there_gets_a_suggestion(run):

    with pytest.raises(RecipeError, match="Did you mean 'alpaca'"):
        tunesmith.load(run, template="alpca")
