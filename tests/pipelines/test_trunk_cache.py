"""States of frozen layers, computed once: the same numbers as without, and exact at a resume."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from safetensors.torch import load_file, save_file  # noqa: E402

from tests.conftest import write_lines  # noqa: E402
from tunesmith.core.cache import cache_dir  # noqa: E402
from tunesmith.core.errors import RecipeError, RunError  # noqa: E402
from tunesmith.core.runs import EVENTS, METRICS, Run  # noqa: E402
from tunesmith.model.kernels import choice  # noqa: E402
from tunesmith.pipelines import trunk_cache, trunk_states  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.pipelines.trunk_cache import RECORD  # noqa: E402
from tunesmith.pipelines.trunk_states import KIND  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training.activations import STATES  # noqa: E402
from tunesmith.training.settings import Train  # noqa: E402

HEAD_ONLY = {"name": "freeze", "layers": 0, "extra_modules": ["lm_head"]}
LAST_LAYER = {"name": "freeze", "layers": 1}
NORM_ABOVE = {"name": "freeze", "layers": 0, "extra_modules": ["model.norm", "lm_head"]}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def tune(recipe_fields, tmp_path):
    def run(out: str, method: dict[str, Any], *, resume: bool = False, **fields: Any) -> Run:
        settings = {**recipe_fields["train"], "epochs": 3, **fields.pop("train", {})}
        changed = {**recipe_fields, "method": method, "train": settings, **fields}
        recipe = make_recipe({**changed, "out": str(tmp_path / out)}, overrides=[])
        return train(recipe, resume=resume)

    return run


def weights(run: Run) -> dict[str, torch.Tensor]:
    return {k: t for f in run.artifact.glob("*.safetensors") for k, t in load_file(f).items()}


def losses(run: Run) -> list[float]:
    return [line.get("loss", line.get("eval_loss")) for line in run.lines(METRICS)]


def entries() -> list[Path]:
    return sorted((cache_dir() / KIND).glob("*"))


def told(run: Run) -> str:
    return (run.path / EVENTS).read_text() if (run.path / EVENTS).is_file() else ""


def assert_alike(a: Run, b: Run, within: float = 1e-6) -> None:
    assert losses(a) == pytest.approx(losses(b), rel=within)
    theirs = weights(b)
    for name, tensor in weights(a).items():
        assert (tensor - theirs[name]).abs().max() < within, name


def labelled(tmp_path: Path) -> str:
    rows = [{"text": f"it is {w} and {n}", "label": w} for n in range(12) for w in ("good", "bad")]
    return str(write_lines(tmp_path / "labels.jsonl", *rows))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "layer", "place"),
    [
        pytest.param(HEAD_ONLY, None, "disk", id="head"),
        pytest.param(LAST_LAYER, 1, "memory", id="last layer"),
        pytest.param(NORM_ABOVE, 2, "disk", id="norm"),
    ],
)
def test_weights_and_losses_are_those_without_it(tune, method, layer, place):
    plain = tune("plain", method, train={"trunk_cache": "off"})
    cached = tune("cached", method, train={"trunk_cache": place})
    assert plain.summary["trunk_cache"] is None
    found = cached.summary["trunk_cache"]
    assert found["splits"] == ["train", "validation"]
    assert found["layer"] == layer
    assert (found["where"] == "memory") == (place == "memory") == (entries() == [])
    assert_alike(plain, cached)


@pytest.mark.slow
def test_packed_lines_take_it_too(tune):
    settings = {"packing": True, "micro_batch_size": None}
    plain = tune("plain", LAST_LAYER, train={**settings, "trunk_cache": "off"})
    cached = tune("cached", LAST_LAYER, train={**settings, "trunk_cache": "memory"})
    assert_alike(plain, cached)


def test_a_classification_head_needs_one_state_a_text(tune, tmp_path):
    fields = {
        "task": "classify",
        "template": None,
        "data": {"path": labelled(tmp_path), "validation_fraction": 0.25},
    }
    method = {"name": "freeze", "layers": 0}
    plain = tune("plain", method, train={"trunk_cache": "off"}, **fields)
    cached = tune("cached", method, train={"trunk_cache": "memory"}, **fields)
    found = cached.summary["trunk_cache"]
    assert found["states"] == found["rows"] == 24
    assert_alike(plain, cached)


def test_windows_of_questions_take_it_too(tune, tmp_path):
    rows = [
        {
            "question": f"When does kettle {n} come?",
            "context": f"The kettle {n} leaks. It comes on day {n} again.",
            "answers": {
                "text": [f"day {n}"],
                "answer_start": [len(f"The kettle {n} leaks. It comes on ")],
            },
        }
        for n in range(12)
    ]
    fields = {
        "task": "extractive-qa",
        "template": None,
        "data": {
            "path": str(write_lines(tmp_path / "qa.jsonl", *rows)),
            "validation_fraction": 0.25,
        },
    }
    plain = tune("plain", LAST_LAYER, train={"trunk_cache": "off"}, **fields)
    cached = tune("cached", LAST_LAYER, train={"trunk_cache": "memory"}, **fields)
    assert cached.summary["trunk_cache"]["splits"] == ["train", "validation"]
    assert_alike(plain, cached)


def test_pairs_take_it_too(tune, tmp_path):
    rows = [
        {
            "prompt": f"Kettle {n} leaks.",
            "chosen": f"A new one comes on day {n}.",
            "rejected": "No.",
        }
        for n in range(12)
    ]
    fields = {
        "task": "preference",
        "data": {
            "path": str(write_lines(tmp_path / "pairs.jsonl", *rows)),
            "validation_fraction": 0.25,
        },
        "template": "alpaca",
    }
    plain = tune("plain", LAST_LAYER, train={"trunk_cache": "off"}, **fields)
    cached = tune("cached", LAST_LAYER, train={"trunk_cache": "memory"}, **fields)
    assert_alike(plain, cached)
    shares = {"trunk_cache": "memory", "share_prefixes": True}
    shared = tune("shared", LAST_LAYER, train=shares, **fields)
    assert shared.summary["shared_fraction"] > 0.2
    assert_alike(plain, shared)


def test_in_bfloat16_the_states_are_those_of_the_computation(tune):
    settings = {"precision": "bfloat16"}
    plain = tune("plain", LAST_LAYER, train={**settings, "trunk_cache": "off"})
    cached = tune("cached", LAST_LAYER, train={**settings, "trunk_cache": "memory"})
    assert losses(plain) == pytest.approx(losses(cached), rel=2e-3)


@pytest.fixture
def whole_and_paused(tune, tmp_path, recipe_fields):
    """A run in one go, and one that paused, both with the cache on the disk."""
    whole = tune("whole", LAST_LAYER, train={"trunk_cache": "disk"})
    fields = {**recipe_fields, "method": LAST_LAYER, "out": str(tmp_path / "paused")}
    fields["train"] = {**fields["train"], "epochs": 3, "trunk_cache": "disk"}
    train(make_recipe(fields, overrides=[]), until=0.3)
    assert not (tmp_path / "paused" / "summary.json").exists()
    return whole


def assert_resumes_exactly(tune, whole: Run) -> Run:
    resumed = tune("paused", LAST_LAYER, resume=True, train={"trunk_cache": "disk"})
    theirs = weights(whole)
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in weights(resumed).items())
    assert losses(resumed) == losses(whole)
    return resumed


def test_a_resume_reads_what_was_kept(tune, whole_and_paused):
    resumed = assert_resumes_exactly(tune, whole_and_paused)
    assert "computed before, read from" in told(resumed)


def test_a_resume_makes_what_is_gone_anew_to_the_bit(tune, whole_and_paused):
    (entry,) = entries()
    shutil.rmtree(entry)
    resumed = assert_resumes_exactly(tune, whole_and_paused)
    assert "to the last bits" not in told(resumed)
    assert entries() == [entry]


def test_a_resume_makes_what_is_damaged_anew_and_says_so(tune, whole_and_paused):
    (entry,) = entries()
    content = bytearray((entry / STATES).read_bytes())
    content[1000] ^= 4
    (entry / STATES).write_bytes(content)
    resumed = assert_resumes_exactly(tune, whole_and_paused)
    assert "damaged; its activations are computed again" in told(resumed)


def test_a_resume_does_as_its_run_began(tune, whole_and_paused):
    """Whatever room there is now: without the states, the last bits would be others."""
    (entry,) = entries()
    shutil.rmtree(entry.parent)
    entry.parent.write_text("a file, where nothing can be kept")
    resumed = assert_resumes_exactly(tune, whole_and_paused)
    assert resumed.summary["trunk_cache"]["where"] == "memory"


def last_layer_mb(model: Path) -> float:
    """Of the weights that train."""
    tensors = load_file(model / "model.safetensors")
    return sum(t.nbytes for name, t in tensors.items() if "layers.1." in name) / 1e6


def test_a_resume_takes_all_of_the_room_that_its_states_need(
    tune, whole_and_paused, tiny, monkeypatch
):
    """At the start half of what is free stays free; a resume without them is another run."""
    shutil.rmtree(cache_dir() / KIND)
    (cache_dir() / KIND).write_text("a file, where nothing can be kept")
    mb = whole_and_paused.summary["trunk_cache"]["mb"]
    own = 3 * last_layer_mb(tiny)  # gradients and moments, which are the run's own
    monkeypatch.setattr(trunk_states, "available_memory_mb", lambda: own + 1.5 * mb)
    resumed = assert_resumes_exactly(tune, whole_and_paused)
    assert resumed.summary["trunk_cache"]["where"] == "memory"


def test_a_resume_without_room_ends_and_leaves_the_record(
    tune, whole_and_paused, tmp_path, monkeypatch
):
    shutil.rmtree(cache_dir() / KIND)
    (cache_dir() / KIND).write_text("a file, where nothing can be kept")
    monkeypatch.setattr(trunk_states, "available_memory_mb", lambda: 1e-6)
    paused = Run(tmp_path / "paused")
    before = paused.read(RECORD)
    with pytest.raises(RunError, match=r"make room, or .* --allow-changed train"):
        tune("paused", LAST_LAYER, resume=True, train={"trunk_cache": "disk"})
    assert paused.read(RECORD) == before and before["splits"]


def paused(recipe_fields, tmp_path, place: str) -> Run:
    fields = {**recipe_fields, "method": LAST_LAYER, "out": str(tmp_path / "paused")}
    fields["train"] = {**fields["train"], "epochs": 3, "trunk_cache": place}
    return train(make_recipe(fields, overrides=[]), until=0.3)


def test_a_resume_in_memory_stays_there(tune, recipe_fields, tmp_path):
    paused(recipe_fields, tmp_path, "memory")
    run = tune("paused", LAST_LAYER, resume=True, train={"trunk_cache": "memory"})
    assert run.summary["trunk_cache"]["where"] == "memory"
    assert entries() == []


@pytest.mark.parametrize("place", ["memory", "disk"])
def test_a_resume_leaves_room_for_the_run_itself(tune, recipe_fields, tmp_path, monkeypatch, place):
    """All that its states need is there, and not what its checkpoints and moments take."""
    run = paused(recipe_fields, tmp_path, place)
    shutil.rmtree(cache_dir() / KIND, ignore_errors=True)
    n_bytes = run.read(RECORD)["mb"] * 1e6
    free = {"memory": 0.0, "disk": 0.0, place: 1.2 * n_bytes}
    monkeypatch.setattr(trunk_states, "available_memory_mb", lambda: free["memory"] / 1e6)
    usage = SimpleNamespace(free=free["disk"])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(RunError) as refused:
        tune("paused", LAST_LAYER, resume=True, train={"trunk_cache": place})
    told_of = told(run) if place == "disk" else str(refused.value)
    assert re.search(rf"free {place}, without .* that the run itself needs, 90% may be", told_of)
    assert entries() == []


def test_what_began_in_memory_takes_no_more_of_a_disk_than_a_beginning(tmp_path, monkeypatch):
    run = Run(tmp_path)
    work = SimpleNamespace(n_bytes=60)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100))
    for where, refused in (("memory", True), (str(tmp_path), False)):
        keeping = trunk_cache._Keeping(Train(), run, {"splits": ["train"], "where": where})
        wanted = replace(keeping.wanted(torch.nn.Linear(1, 1)), needed={})
        assert wanted.place == "auto"
        assert bool(wanted.no_room("disk", work)) == refused


def test_only_another_base_of_the_angles_is_another_entry(tune, tiny, tmp_path):
    """The weights are the same, and so are all their hashes."""
    settings = {"trunk_cache": "disk", "epochs": 1}
    first = tune("first", LAST_LAYER, train=settings)
    changed = tmp_path / "changed"
    shutil.copytree(tiny, changed)
    config = json.loads((changed / "config.json").read_text())
    config["rope_parameters"]["rope_theta"] = 5e5
    (changed / "config.json").write_text(json.dumps(config))
    model = {"path": str(changed)}
    second = tune("second", LAST_LAYER, train=settings, model=model)
    assert len(entries()) == 2
    assert first.summary["trunk_cache"]["sha256"] != second.summary["trunk_cache"]["sha256"]
    plain = tune("plain", LAST_LAYER, train={**settings, "trunk_cache": "off"}, model=model)
    assert_alike(plain, second)


def test_other_rates_and_seeds_use_the_same_states(tune):
    first = tune("first", LAST_LAYER, train={"trunk_cache": "disk"})
    other = tune("other", LAST_LAYER, train={"trunk_cache": "disk", "seed": 7}, optim={"lr": 1e-3})
    assert first.summary["trunk_cache"]["sha256"] == other.summary["trunk_cache"]["sha256"]
    assert "computed before, read from" in told(other)
    assert len(entries()) == 1


def test_other_weights_have_other_states(tune, tiny, tmp_path):
    """One weight of one frozen layer is another."""
    tune("first", LAST_LAYER, train={"trunk_cache": "disk", "epochs": 1})
    changed = tmp_path / "changed"
    shutil.copytree(tiny, changed)
    tensors = load_file(changed / "model.safetensors")
    tensors["model.layers.0.mlp.up_proj.weight"][0, 0] += 1e-3
    save_file(tensors, changed / "model.safetensors", metadata={"format": "pt"})
    model = {"path": str(changed)}
    tune("second", LAST_LAYER, train={"trunk_cache": "disk", "epochs": 1}, model=model)
    assert len(entries()) == 2
    tensors["model.layers.1.mlp.up_proj.weight"][0, 0] += 1e-3  # it trains
    save_file(tensors, changed / "model.safetensors", metadata={"format": "pt"})
    tune("third", LAST_LAYER, train={"trunk_cache": "disk", "epochs": 1}, model=model)
    assert len(entries()) == 2


@pytest.mark.parametrize(
    ("method", "settings", "reason"),
    [
        pytest.param({"name": "lora"}, {}, "the first layer trains", id="lora"),
        pytest.param({"name": "full"}, {}, "the embeddings train", id="full"),
        pytest.param(LAST_LAYER, {"neftune_alpha": 5}, "the embeddings have noise", id="noise"),
        pytest.param(LAST_LAYER, {"fused": False}, "train.fused=false", id="not fused"),
    ],
)
def test_where_states_change_it_is_refused_or_left(tune, method, settings, reason):
    settings = {**settings, "epochs": 1}
    with pytest.raises(RecipeError, match=f"train.trunk_cache=disk: .*{reason}"):
        tune("wanted", method, train={**settings, "trunk_cache": "disk"})
    run = tune("left", method, train=settings)
    assert run.summary["trunk_cache"]["splits"] == []
    assert reason in run.summary["trunk_cache"]["reason"]


def test_what_is_larger_than_allowed_is_not_kept(tune):
    with pytest.raises(RunError, match=r"train.trunk_cache_gb allows 1e-06"):
        tune("wanted", LAST_LAYER, train={"trunk_cache": "disk", "trunk_cache_gb": 1e-6})
    assert entries() == []


def test_other_kernels_are_another_entry(tune, monkeypatch):
    tune("first", LAST_LAYER, train={"trunk_cache": "disk", "epochs": 1})
    monkeypatch.setattr(choice, "kernels_in_use", lambda device: ["norm"])
    tune("second", LAST_LAYER, train={"trunk_cache": "disk", "epochs": 1})
    assert len(entries()) == 2
    monkeypatch.setattr(choice, "triton_version", lambda: "another")
    tune("third", LAST_LAYER, train={"trunk_cache": "disk", "epochs": 1})
    assert len(entries()) == 3
