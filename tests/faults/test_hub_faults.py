"""Fault 24: the model hub does not answer. A real socket accepts, and says nothing."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.slow

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def silent_hub() -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def command(bench, endpoint: str, *args: object) -> subprocess.CompletedProcess[str]:
    """A process of its own: the hub's library reads its settings when it is imported."""
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(bench.folder / "home")}
    del environment["HF_HUB_OFFLINE"]
    return subprocess.run(
        [sys.executable, "-m", "tunesmith", "train", str(bench.folder / "recipe.yaml"), *args],
        env={**environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def put_in_cache(bench) -> None:
    """As huggingface_hub keeps a model: snapshots by commit, and what ``main`` is."""
    home = bench.folder / "home" / "hub" / "models--someone--some-llama"
    shutil.copytree(bench.fields["model"]["path"], home / "snapshots" / COMMIT)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(COMMIT)


def test_case_24_a_silent_hub_is_one_line_of_error_or_the_copy_here(bench, silent_hub):
    cached = Path(bench.fields["model"]["path"])
    bench.write(model={"path": "someone/some-llama"})
    started = time.monotonic()
    done = command(bench, silent_hub)
    assert time.monotonic() - started < 60  # its library alone waits for minutes
    assert done.returncode == 2
    [line] = done.stderr.strip().splitlines()
    assert line.startswith(
        "error: someone/some-llama: not on this machine, and the hub does not give it "
        f"({silent_hub}: no answer in 8 s)."
    )
    bench.fields["model"]["path"] = str(cached)
    put_in_cache(bench)
    bench.write(model={"path": "someone/some-llama"})
    done = command(bench, silent_hub)
    assert done.returncode == 0, done.stderr
    assert "the hub does not answer" in done.stderr
    assert "the copy here is used" in done.stderr
