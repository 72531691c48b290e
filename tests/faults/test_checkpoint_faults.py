"""Faults 7, 8, 11 to 14 and 26: what stands on disk, who holds it, and what the clock says."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from tunesmith.core.holder import BOOT_ID  # noqa: E402
from tunesmith.core.runs import HOLDER, Run, locked_run  # noqa: E402
from tunesmith.training.checkpoint import MARKER, checkpoints  # noqa: E402

pytestmark = pytest.mark.slow

UPDATE = "torch.nn.utils:clip_grad_norm_"


@pytest.fixture
def stopped(bench):
    """A run that was told to stop after step 5 of 6; checkpoints of the steps 2, 4 and 5."""
    bench.write(train={"keep_checkpoints": 3})
    done = bench.train(accident=("signal_at", UPDATE, 5, signal.SIGTERM))
    assert done.code == 143, done.err
    assert names(bench) == ["step-00000002", "step-00000004", "step-00000005"]
    return bench


def names(bench) -> list[str]:
    return [place.name for place in checkpoints(bench.out / "checkpoints")]


def rewrite_marker(place: Path, *, without: str | None = None) -> None:
    """A marker that fits what is there now, as if it had been saved so."""
    import hashlib

    entries = json.loads((place / MARKER).read_text())
    for name in list(entries):
        if name == without:
            del entries[name]
            continue
        content = (place / name).read_bytes()
        entries[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (place / MARKER).write_text(json.dumps(entries))


def test_case_07_truncated_and_flipped_files_are_named_and_the_one_before_is_used(stopped):
    last, middle, _ = checkpoints(stopped.out / "checkpoints")[::-1]
    with (last / "weights.safetensors").open("r+b") as file:
        file.truncate(100)
    content = bytearray((middle / "optimizer.safetensors").read_bytes())
    content[-1] ^= 1
    (middle / "optimizer.safetensors").write_bytes(content)
    done = stopped.train("--resume")
    assert done.code == 0, done.err
    assert "step-00000005 is damaged (weights.safetensors has 100 bytes instead of" in done.error
    assert "step-00000004 is damaged (optimizer.safetensors is not what was written)" in done.error
    assert "resumed at step 2 of 6" in done.error


def test_case_08_a_missing_state_is_refused_and_never_begun_anew(stopped):
    """First a file of every checkpoint is gone; then all fits, but one state is not in it."""
    backup = stopped.folder / "backup"
    shutil.copytree(stopped.out, backup)
    for place in checkpoints(stopped.out / "checkpoints"):
        (place / "random.safetensors").unlink()
    for _ in range(2):  # the second time as well
        done = stopped.train("--resume")
        assert done.code == 2
        assert "every checkpoint is damaged" in done.error
    for kind, reason in (
        ("random", "no random state for 'cpu'"),
        ("optimizer", "no optimizer state for"),
        ("state", "holds no 'step'"),
    ):
        shutil.rmtree(stopped.out)
        shutil.copytree(backup, stopped.out)
        place = checkpoints(stopped.out / "checkpoints")[-1]
        if kind == "state":
            state = json.loads((place / "state.json").read_text())
            del state["step"]
            (place / "state.json").write_text(json.dumps(state))
        else:
            tensors = load_file(place / f"{kind}.safetensors")
            gone = next(iter(tensors)).rpartition("/")[0] if kind == "optimizer" else "cpu"
            kept = {key: t for key, t in tensors.items() if not key.startswith(gone)}
            save_file(kept, place / f"{kind}.safetensors")
        rewrite_marker(place)
        done = stopped.train("--resume")
        assert (done.code, reason in done.error) == (2, True), done.err
        assert not Run(stopped.out).is_finished


def test_case_11_a_second_process_is_refused_with_the_holder(stopped):
    with locked_run(stopped.out, resume=True):
        done = stopped.train("--resume")
    assert done.code == 2
    assert f"in use by process {os.getpid()} on {socket.gethostname()}" in done.error


def test_case_12_the_lock_of_a_killed_process_is_taken_over_and_logged(stopped):
    killed = stopped.train("--resume", accident=("kill_at", UPDATE, 1))
    assert killed.code == -signal.SIGKILL
    done = stopped.train("--resume")
    assert done.code == 0, done.err
    told = f"was held by process {killed.pid} on {socket.gethostname()}, which is gone; taken over"
    assert told in done.error
    assert told in (stopped.out / "events.jsonl").read_text()


@pytest.mark.skipif(not BOOT_ID.exists(), reason="the system does not tell its starts apart")
def test_case_12_a_lock_from_before_a_reboot_is_taken_over_and_logged(stopped):
    (stopped.out / HOLDER).write_text(f"process {os.getpid()} on elsewhere\nan earlier boot\n")
    done = stopped.train("--resume")
    assert done.code == 0, done.err
    assert "on elsewhere, before this machine was started, which is gone; taken over" in done.error


def test_a_start_that_was_killed_before_it_was_a_run_is_no_obstacle(bench):
    bench.out.mkdir()
    for name in (HOLDER, "lock.json", ".ledger.json.draft"):
        (bench.out / name).write_text("half")
    assert bench.train().code == 0


def test_case_13_checkpoints_go_by_step_whatever_their_times(stopped):
    for place, year in zip(
        checkpoints(stopped.out / "checkpoints"), (2055, 1975, 2001), strict=True
    ):
        moment = (year - 1970) * 31_556_952
        for one in (place, *place.iterdir()):
            os.utime(one, (moment, moment))
    done = stopped.train("--resume")
    assert done.code == 0, done.err
    assert "resumed at step 5 of 6" in done.error
    assert names(stopped) == ["step-00000004", "step-00000005", "step-00000006"]


def test_case_14_a_clock_that_jumps_by_an_hour_shows_nowhere(bench):
    done = bench.train(accident=("in_a_terminal",), env={"COLUMNS": "160", "TERM": "xterm"})
    assert done.code == 0, done.err
    assert "tuning" in done.error
    remaining = re.findall(r"-?\d+:\d\d:\d\d", done.err)
    assert not [text for text in remaining if text.startswith("-") or int(text.split(":")[0]) > 0]
    times = [json.loads(line) for line in (bench.out / "times.jsonl").read_text().splitlines()]
    assert all(0 <= entry["seconds"] < 600 for entry in times)
    assert 0 < Run(bench.out).summary["seconds"] < 600
    assert Run(bench.out).summary["tokens_per_s"] > 0


@pytest.mark.parametrize("accident", ["vanishes", "is_damaged"])
def test_case_26_the_best_checkpoint_is_missing_at_the_end(bench, accident):
    """The first step helps, and the second goes too far."""
    bench.write(
        method={"name": "full"},
        optim={"lr": 0.03, "schedule": "constant", "warmup_fraction": 0},
        train={"max_steps": 2, "eval_every_fraction": 0.5},
    )
    done = bench.train(accident=(f"best_checkpoint_{accident}",))
    assert done.code == 0, done.err
    assert "the best checkpoint cannot be used" in done.error
    assert "The last weights are kept" in done.error
    summary = Run(bench.out).summary
    assert summary["best_step"] == 1
    assert summary["eval_loss_model"] > summary["eval_loss_best"]
    assert (bench.out / "model" / "model.safetensors").is_file()
