"""The GPU benchmark runs from end to end on a processor, so that only the figures are missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
GPU = Path(__file__).parent.parent / "benchmarks" / "gpu.py"


@pytest.mark.slow
def test_its_smoke_run_leaves_every_figure(tmp_path):
    out = tmp_path / "gpu.json"
    done = subprocess.run(
        [sys.executable, str(GPU), "--smoke", "--no-peers", "--out", str(out)]
        + ["--cases", "lora", "dpo"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert found["cases"]["dpo"]["shared_fraction"] > 0
    assert found["cases"]["dpo"]["tokens_per_s_unshared"] > 0
    assert all(row["is_met"] is None for row in found["verdicts"])
    for case in ("lora", "dpo"):
        entry = found["cases"][case]
        assert entry["tokens_per_s"] > 0 and entry["share_of_limit"] > 0, entry
        assert entry["fused"] is True
    kernels = found["cases"]["kernels"]
    assert all(one["difference"] < 1e-2 for one in kernels.values() if isinstance(one, dict))
    assert found["smoke"] is True


def test_without_a_gpu_it_says_so():
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    done = subprocess.run([sys.executable, str(GPU)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no CUDA device" in done.stderr and "--smoke" in done.stderr
