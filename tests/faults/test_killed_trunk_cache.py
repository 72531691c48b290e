"""States of frozen layers: a training that is killed while they are computed, and after."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.runs import METRICS, Run  # noqa: E402
from tunesmith.pipelines.equal_runs import equal_runs  # noqa: E402

pytestmark = pytest.mark.slow

FORWARD = "tunesmith.model.task_model:TaskModel.forward"
ADD = "tunesmith.training.activations:ActivationWriter.add"
RENAME = "tunesmith.pipelines.trunk_states:finish"
METHOD = "method={name: freeze, layers: 1}"
CACHED = ("train.trunk_cache=disk", METHOD)


def left(cache: Path) -> list[str]:
    return sorted(place.name[:7] for place in (cache / "activations").iterdir())


def test_killed_again_and_again_it_ends_as_the_run_that_was_not(bench, tmp_path):
    """While states are written, when they are renamed, in training; then the cache is gone."""
    apart = {"TUNESMITH_CACHE": str(tmp_path / "apart")}
    whole = Run(tmp_path / "whole")
    done = bench.train(f"out={whole.path}", *CACHED, env=apart)
    assert done.code == 0, done.err

    cache = tmp_path / "cache"
    env = {"TUNESMITH_CACHE": str(cache)}
    done = bench.train(*CACHED, accident=("kill_at", ADD, 1), env=env)
    assert done.code == -signal.SIGKILL, done.err
    assert left(cache) == [".draft-"]
    for accident in (("kill_at", RENAME, 1), ("kill_at", FORWARD, 3), ("kill_at", FORWARD, 9)):
        done = bench.train("--resume", *CACHED, accident=accident, env=env)
        assert done.code == -signal.SIGKILL, done.err
        assert len(left(cache)) == 1
    assert "computed before, read from" in done.err
    done = bench.train("--resume", *CACHED, env={"TUNESMITH_CACHE": str(tmp_path / "new")})
    assert done.code == 0, done.err
    assert [one for one in equal_runs(whole, Run(bench.out)) if not one.is_equal] == []
    assert (bench.out / METRICS).read_bytes() == (whole.path / METRICS).read_bytes()
