"""What kept answers are kept by: whatever changes them has them asked anew."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tunesmith.evaluation.roads import Answered  # noqa: E402
from tunesmith.methods.lora import LoRA  # noqa: E402
from tunesmith.methods.method import BaseIdentity  # noqa: E402
from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.source import folder_here  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402
from tunesmith.pipelines import compared_answers  # noqa: E402
from tunesmith.pipelines.compare import compare  # noqa: E402
from tunesmith.pipelines.compare_request import CompareRequest  # noqa: E402
from tunesmith.pipelines.model_identity import identity_of  # noqa: E402


@pytest.fixture
def films(tmp_path, lines):
    """A recipe whose data are of two classes, with other settings of ``evaluate`` each time."""
    rows = [{"text": f"A {w} film {n}.", "label": w} for n in range(4) for w in ("good", "bad")]
    lines(tmp_path / "films.jsonl", *rows)

    def recipe(**evaluate):
        file = tmp_path / "recipe.yaml"
        fields = {
            "model": {"path": "tunesmith-tiny"},
            "task": {"name": "classify", "problem": "single", "labels": ["good", "bad"]},
            "data": {"path": str(tmp_path / "films.jsonl"), "validation_fraction": 0.5},
            "evaluate": {"max_new_tokens": 4, **evaluate},
            "out": str(tmp_path / "run"),
        }
        file.write_text(json.dumps(fields), "utf-8")
        return CompareRequest(
            ("a=tunesmith-tiny",), data=str(file), out=str(tmp_path / "out"), seed=0
        )

    return recipe


def test_other_roads_than_were_wanted_before_are_gone(films):
    assert set(compare(films(roads=["likelihood"]))["models"]) == {"a"}
    road = "answers/a.generate.jsonl"
    out = Path(films(roads=["generate"]).out)
    assert not (out / road).exists()
    compare(films(roads=["generate"]))
    assert (out / road).is_file()
    assert json.loads((out / "answers/a.roads.json").read_text())["roads"] == ["generate"]
    assert set(compare(films())["models"]) == {"a/likelihood", "a/generate"}


def test_likelihoods_are_normalised_as_the_recipe_says(films, monkeypatch):
    seen = []

    def answered(model, task, examples, road, *, length_normalised, **settings):
        seen.append(length_normalised)
        return [Answered("good", "good") for _ in examples]

    monkeypatch.setattr(compared_answers, "answer_within_memory", answered)
    for normalised in (False, True, True):
        compare(films(roads=["likelihood"], length_normalised=normalised))
    assert seen == [False, True]


def test_other_tools_are_another_question(tmp_path, lines, monkeypatch):
    turns = [{"role": "user", "content": "Rain?"}, {"role": "assistant", "content": "No."}]
    n_asked = []

    def answered(model, task, examples, road, **settings):
        n_asked.append(len(examples))
        return [Answered("No.", "No.") for _ in examples]

    monkeypatch.setattr(compared_answers, "answer_within_memory", answered)
    for name in ("weather", "weather", "clock"):
        tool = {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
        file = lines(tmp_path / "asked.jsonl", {"messages": turns, "tools": [tool]})
        compare(CompareRequest(("tunesmith-tiny",), data=str(file), out=str(tmp_path / "out")))
    assert n_asked == [1, 1]


@pytest.fixture
def base(tiny, tmp_path):
    return Path(shutil.copytree(tiny, tmp_path / "base"))


def replace_weights(base):
    [file] = base.glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-4] + b"\0\0\0\0")


def test_an_adapter_is_another_model_on_replaced_weights(base, tmp_path):
    model = load_model(Model(path=str(base)), device=torch.device("cpu"))
    method = LoRA(rank=2)
    method.apply(model)
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    method.save(model, adapter, BaseIdentity(str(base), None, "x"))
    before = identity_of(str(adapter))
    assert identity_of(str(adapter)) == before
    replace_weights(base)
    assert identity_of(str(adapter)) != before


def test_a_prompted_model_is_another_on_replaced_weights(base, tmp_path):
    folder = tmp_path / "prompted"
    folder.mkdir()
    (folder / "prompt.json").write_text(json.dumps({"model": {"path": str(base)}}), "utf-8")
    before = identity_of(str(folder))
    replace_weights(base)
    assert identity_of(str(folder)) != before


def test_a_model_of_the_hub_is_told_by_its_snapshot_and_nothing_is_fetched(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    assert folder_here("owner/name") is None and identity_of("owner/name") == ["owner/name"]
    kept = tmp_path / "cache" / "models--owner--name"
    for commit in ("1" * 40, "2" * 40):
        (kept / "snapshots" / commit).mkdir(parents=True)
        (kept / "refs").mkdir(exist_ok=True)
        (kept / "refs" / "main").write_text(commit)
        assert identity_of("owner/name") == ["owner/name", ["base", "owner/name", commit]]
