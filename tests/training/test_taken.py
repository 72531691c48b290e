"""Between log points the host asks the device for no number."""

from __future__ import annotations

from pathlib import Path
from traceback import walk_stack

import pytest

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from tunesmith.core.runs import METRICS, TIMES, Run  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training.taken import log_every  # noqa: E402

ASKING = {"_local_scalar_dense", "nonzero", "masked_select", "_unique2", "unique_dim", "equal"}
"""Operations whose answer the host waits for, or whose size it has to know."""

HOST = ("model/packed.py", "model/line.py")
"""Batches in the making: what these ask for lies on the host."""

ON_A_CPU = ("_count_on_top",)
"""Functions that go another way elsewhere."""


class Asked(TorchDispatchMode):
    """Counts what is read off the device."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        if name in ASKING and not any(
            frame.f_code.co_filename.endswith(HOST) or frame.f_code.co_name in ON_A_CPU
            for frame, _ in walk_stack(None)
        ):
            self.found.append(name)
        return function(*args, **(kwargs or {}))


class Watching:
    def __init__(self):
        self.steps = []

    def step_done(self, values):
        self.steps.append(values)

    def evaluated(self, values):
        pass

    def save(self, checkpoint):
        pass


@pytest.fixture
def kinds(recipe_fields, tmp_path, lines):
    pairs = [
        {"prompt": f"Question {i}", "chosen": f"Good {'so ' * (i % 5)}", "rejected": f"No {i}"}
        for i in range(12)
    ]
    singles = [
        {"prompt": f"Question {i}", "completion": f"So {i}", "label": i % 3 > 0} for i in range(12)
    ]
    data = {
        "pairs": {"path": str(lines(tmp_path / "pairs.jsonl", *pairs))},
        "singles": {"path": str(lines(tmp_path / "singles.jsonl", *singles))},
    }
    preference = {**recipe_fields, "template": "alpaca", "task": "preference"}
    packed = {**recipe_fields["train"], "packing": True}
    return {
        "sft": recipe_fields,
        "packed": {**recipe_fields, "train": packed},
        "full": {**recipe_fields, "method": "full"},
        "no limit": {**recipe_fields, "optim": {"lr": 1e-2, "clip_norm": 0}},
        "dpo": {**preference, "data": data["pairs"], "objective": "dpo"},
        "orpo": {**preference, "data": data["pairs"], "objective": "orpo"},
        "kto": {**preference, "data": data["singles"], "objective": "kto"},
    }


@pytest.mark.parametrize("kind", ["sft", "packed", "full", "no limit", "dpo", "orpo", "kto"])
def test_a_step_asks_for_nothing_until_it_is_logged(kinds, kind):
    recipe = make_recipe(kinds[kind])
    trainer = build_trainer(recipe, prepare(recipe), Watching())
    trainer._step(0)  # the optimizer makes its state
    with Asked() as asked:
        trainer._unread.append(trainer._step(1))
        between = list(asked.found)
        trainer.progress.step = 2
        trainer._log()
    assert between == []
    assert asked.found  # the log point does ask, and this would be seen
    assert trainer.watcher.steps[0]["loss"] > 0


def test_every_step_is_logged_the_same_whenever_it_is_read(recipe_fields, tmp_path):
    logs = []
    for every in (1, 2, 5, 100):
        fields = {**recipe_fields, "out": str(tmp_path / str(every))}
        fields["train"] = {**fields["train"], "log_every_steps": every}
        run = train(make_recipe(fields))
        logs.append((run.path / METRICS).read_bytes())
        steps = [line["step"] for line in run.lines(TIMES) if line["kind"] == "train"]
        assert steps == [1, 2, 3, 4, 5, 6]
        assert run.summary["tokens_per_s"] > 0
    assert len(set(logs)) == 1


def test_a_resumed_run_reads_at_the_same_steps(recipe_fields, tmp_path):
    fields = {**recipe_fields, "train": {**recipe_fields["train"], "log_every_steps": 4}}
    whole = train(make_recipe({**fields, "out": str(tmp_path / "whole")}))
    train(make_recipe(fields), until=0.5)
    train(make_recipe(fields), resume=True)
    run = Run(Path(fields["out"]))
    assert (run.path / METRICS).read_bytes() == (whole.path / METRICS).read_bytes()


def test_a_processor_is_read_after_every_step_and_a_gpu_after_ten():
    assert [log_every(None, torch.device(kind)) for kind in ("cpu", "cuda")] == [1, 10]
    assert log_every(3, torch.device("cuda")) == 3
