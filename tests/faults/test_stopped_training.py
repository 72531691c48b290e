"""Faults 1 to 4: a training that is killed or told to stop."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.runs import EVENTS, METRICS, Run  # noqa: E402
from tunesmith.pipelines.equal_runs import equal_runs  # noqa: E402
from tunesmith.training.checkpoint import newest_checkpoint  # noqa: E402

pytestmark = pytest.mark.slow

FORWARD = "tunesmith.model.task_model:TaskModel.forward"
FLUSH = "tunesmith.training.checkpoint:flush"
N_FLUSHES = 8
"""Of one save: four files, their folder, the marker, and the folders again."""
UPDATE = "torch.nn.utils:clip_grad_norm_"


@pytest.fixture(scope="module")
def place_of_whole(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("whole") / "run"


@pytest.fixture
def whole(bench, place_of_whole) -> Run:
    """The run that nobody stops; made once."""
    if not place_of_whole.exists():
        done = bench.train(f"out={place_of_whole}")
        assert done.code == 0, done.err
    return Run(place_of_whole)


def assert_resumes_exactly(bench, whole: Run) -> None:
    done = bench.train("--resume")
    assert done.code == 0, done.err
    assert [one for one in equal_runs(whole, Run(bench.out)) if not one.is_equal] == []
    assert (bench.out / METRICS).read_bytes() == (whole.path / METRICS).read_bytes()


def verified_step(bench) -> int | None:
    place, _ = newest_checkpoint(bench.out / "checkpoints")
    return None if place is None else int(place.name.removeprefix("step-"))


def test_case_01_killed_ten_times_it_ends_as_the_run_that_was_not(bench, whole):
    """Before a micro-batch, of a step or of an evaluation; a life may reach the next checkpoint."""
    draw = random.Random(1)
    for life in range(10):
        resume = ["--resume"] if life else []
        done = bench.train(*resume, accident=("kill_at", FORWARD, draw.randint(1, 8)))
        assert done.code == -signal.SIGKILL, done.err
    assert_resumes_exactly(bench, whole)


def test_case_01_the_real_command_is_killed_from_outside_and_goes_on_exactly(bench, whole):
    """One process with nothing arranged in it; its log says when, not a clock."""
    bench.write(train={"epochs": 40, "eval_every_fraction": 0.02})
    whole_run = Run(bench.folder / "whole")
    assert bench.train(f"out={whole_run.path}").code == 0
    command = [sys.executable, "-m", "tunesmith", "train", str(bench.folder / "recipe.yaml")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:  # "step 5/120  eval loss ..."
        if line.startswith("step ") and int(line.split()[1].split("/")[0]) >= 4:
            process.kill()
            break
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not Run(bench.out).is_finished
    assert_resumes_exactly(bench, whole_run)


@pytest.mark.parametrize("boundary", range(1, N_FLUSHES + 1))
def test_case_02_killed_inside_the_second_save(bench, whole, boundary):
    """The first checkpoint is used, unless the second was whole already."""
    done = bench.train(accident=("kill_at", FLUSH, N_FLUSHES + boundary))
    assert done.code == -signal.SIGKILL, done.err
    resumed = bench.train("--resume", accident=("signal_at", FORWARD, 1, signal.SIGTERM))
    assert resumed.code == 143, resumed.err
    marker_is_in_place = boundary >= 7
    assert f"resumed at step {4 if marker_is_in_place else 2} of 6" in resumed.err
    is_named = "step-00000004 is unfinished (its marker was never written)" in resumed.err
    renamed_without_marker = boundary == 6
    assert is_named == renamed_without_marker
    assert (bench.out / "checkpoints/unfinished-step-00000004").exists() == is_named
    assert_resumes_exactly(bench, whole)


def test_case_02_killed_inside_the_first_save_it_starts_anew(bench, whole):
    done = bench.train(accident=("kill_at", FLUSH, 6))
    assert done.code == -signal.SIGKILL, done.err
    assert_resumes_exactly(bench, whole)


@pytest.mark.parametrize(
    ("where", "at", "saved_step"),
    [
        pytest.param(FORWARD, 1, 0, id="in the first evaluation"),
        pytest.param(FORWARD, 5, 1, id="in the first batch"),
        pytest.param(FORWARD, 9, 2, id="in a later evaluation"),
        pytest.param(FORWARD, 11, 2, id="while a general text is scored"),
        pytest.param(FORWARD, 14, 3, id="between two micro-batches"),
        pytest.param(UPDATE, 5, 5, id="in a step"),
        pytest.param(FORWARD, 25, 6, id="in the last evaluation"),
    ],
)
def test_case_03_told_to_stop_it_saves_and_goes_on_exactly(bench, whole, where, at, saved_step):
    done = bench.train(accident=("signal_at", where, at, signal.SIGTERM))
    assert done.code == 143, done.err
    assert f"stopped at step {saved_step} of 6; the state is saved" in done.error
    assert verified_step(bench) == saved_step
    assert_resumes_exactly(bench, whole)


def test_case_03_told_while_a_checkpoint_is_written_it_saves_the_step_it_is_at(bench, whole):
    """Training went on meanwhile, to a step that only the machine knows."""
    done = bench.train(accident=("signal_at", FLUSH, 3, signal.SIGTERM))
    assert done.code == 143, done.err
    saved_step = verified_step(bench)
    assert saved_step is not None and saved_step >= 2
    assert f"stopped at step {saved_step} of 6; the state is saved" in done.error
    assert_resumes_exactly(bench, whole)


def test_case_04_a_second_interrupt_ends_it_at_once_and_harms_nothing(bench, whole):
    """The second one comes in the middle of the save that the first has asked for."""
    bench.write()
    first = bench.train(accident=("signal_at", UPDATE, 3, signal.SIGINT))
    assert first.code == 130 and verified_step(bench) == 3, first.err
    assert "once more to stop at once" in first.error
    second = bench.train("--resume", accident=("interrupted_twice", UPDATE, 1, FLUSH, 4))
    assert second.code == 130, second.err
    assert "Traceback" not in second.err
    assert verified_step(bench) in (3, 4)  # the thread that writes may just come to its end
    assert_resumes_exactly(bench, whole)


def test_what_befell_a_run_is_kept(bench):
    bench.train(accident=("kill_at", FLUSH, N_FLUSHES + 1))  # in the second save, of step 4
    bench.train("--resume")
    told = [json.loads(line)["text"] for line in (bench.out / EVENTS).read_text().splitlines()]
    assert any("taken over" in text for text in told)
    assert told[-1] == "resumed at step 2 of 6"
