"""Faults 5, 6, 23, 27 and 28: disks that are full or closed, and what is merged."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.runs import Run  # noqa: E402
from tunesmith.pipelines.merge import BOUNDS  # noqa: E402
from tunesmith.training.checkpoint import newest_checkpoint  # noqa: E402

pytestmark = pytest.mark.slow

BOTH_FIGURES = r"the disk is full: the checkpoint of step \d+ needs [\d.]+ MB, [\d.]+ MB are free"


@contextmanager
def small_disk(place: Path, kib: int) -> Iterator[None]:
    """A real file system of so many KiB."""
    place.mkdir()
    try:
        command = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def fill(disk: Path, *, leave_kib: int) -> Path:
    file = disk / "filled"
    with file.open("wb") as stream:
        stream.write(b"x" * max(0, shutil.disk_usage(disk).free - leave_kib * 1024))
    return file


def test_case_05_a_full_disk_gives_both_figures_and_harms_nothing(bench):
    """Room is there at the start, and taken by somebody else after step 4 was saved."""
    disk = bench.folder / "disk"
    with small_disk(disk, 4096):
        bench.write(out=str(disk / "run"))
        done = bench.train(accident=("fills_disk", str(disk), 4))
        assert done.code == 2, done.err
        assert re.search(BOTH_FIGURES, done.error), done.err
        assert "go on with --resume" in done.error
        place, notes = newest_checkpoint(disk / "run" / "checkpoints")
        assert place is not None
        assert (place.name, notes) == ("step-00000004", [])
        (disk / "filled").unlink()
        again = bench.train("--resume")
        assert again.code == 0, again.err
        assert "resumed at step 4 of 6" in again.error


def test_case_06_a_disk_that_is_too_small_is_refused_at_the_start(bench):
    disk = bench.folder / "disk"
    with small_disk(disk, 300):
        bench.write(out=str(disk / "run"), method={"name": "full"})
        done = bench.train()
        assert done.code == 2
        assert re.search(r"about \d+ MB are needed for checkpoints .* 0 MB are free", done.error)
        assert not list(disk.iterdir())


@pytest.mark.parametrize("closed", ["out", "cache"])
def test_case_23_a_closed_directory_is_told_before_the_model_loads(bench, closed):
    """The weights are broken, which nobody gets to see."""
    model = bench.folder / "model"
    shutil.copytree(bench.fields["model"]["path"], model)
    (model / "model.safetensors").write_bytes(b"never read")
    place = bench.folder / "closed"
    place.mkdir(mode=0o555)
    bench.write(model={"path": str(model)})
    if closed == "out":
        bench.write(out=str(place / "run"))
    env = {"TUNESMITH_CACHE": str(place)} if closed == "cache" else {}
    done = bench.train(accident=("without_privilege",), env=env)
    assert done.code == 2
    expected = (
        f"error: {place}/run: cannot be written (Permission denied). Choose another directory"
        if closed == "out"
        else f"error: {place}/encoded: the cache cannot be written (Permission denied). Set "
        "TUNESMITH_CACHE to a directory that can."
    )
    assert expected in done.error
    assert not bench.out.exists()


@pytest.fixture
def tuned(bench):
    done = bench.train()
    assert done.code == 0, done.err
    return bench


@pytest.mark.parametrize(
    "where",
    [
        "tunesmith.pipelines.merge:save_weights",
        "tunesmith.pipelines.merge:copy_tokenizer",
        "tunesmith.pipelines.merge:largest_difference",
    ],
)
def test_case_27_a_killed_merge_leaves_no_half_model(tuned, where):
    target = tuned.folder / "merged"
    if where.endswith("largest_difference"):
        where = "tunesmith.export.merge:largest_difference"
    done = tuned.run("merge", tuned.out, target, accident=("kill_at", where, 1))
    assert done.code == -signal.SIGKILL, done.err
    assert not target.exists()
    assert tuned.run("merge", tuned.out, target).code == 0
    assert (target / "model.safetensors").is_file()
    assert not list(tuned.folder.glob(".*.draft"))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_case_28_merged_weights_answer_as_base_and_adapter_do(tuned, dtype):
    """Loaded by transformers and PEFT, not by us."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    target = tuned.folder / "merged"
    done = tuned.run("merge", tuned.out, target, "--dtype", dtype)
    assert done.code == 0, done.err
    base = AutoModelForCausalLM.from_pretrained(tuned.fields["model"]["path"])
    beside = PeftModel.from_pretrained(base, Run(tuned.out).artifact).eval()
    merged = AutoModelForCausalLM.from_pretrained(target, dtype="auto").eval()
    assert merged.dtype == getattr(torch, dtype)
    ids = torch.randint(0, 1000, (2, 40), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        difference = (beside(ids).logits - merged(ids).logits.float()).abs().max().item()
    assert difference <= BOUNDS[dtype]
    assert BOUNDS["float32"] == 1e-4
    found = re.search(r"the largest difference to base and adapter is (\S+)", done.out)
    assert found is not None and float(found[1]) <= BOUNDS[dtype]
