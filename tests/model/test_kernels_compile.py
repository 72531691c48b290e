"""Every kernel compiles for a GPU that is not here, and keeps what it holds in registers."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("torch")
triton = pytest.importorskip("triton")
pytestmark = pytest.mark.slow

WIDE, WHOLE, PLACES = "*bf16", "*fp32", "*i64"
KINDS = {
    **dict.fromkeys(("w_ptr", "x_ptr", "y_ptr", "grad_ptr", "added_ptr", "grad_x_ptr"), WIDE),
    **dict.fromkeys(("gate_ptr", "up_ptr", "out_ptr", "logits_ptr"), WIDE),
    **dict.fromkeys(("scale_ptr", "partial_ptr", "cos_ptr", "sin_ptr"), WHOLE),
    **dict.fromkeys(("normalisers_ptr", "picked_ptr", "weights_ptr"), WHOLE),
    "labels_ptr": PLACES,
    "hits_ptr": "*i8",
    "eps": "fp32",
}
CASES = [
    ("norm", "_forward", {"BLOCK": 4096}, 8),
    ("norm", "_forward", {"BLOCK": 16384}, 16),
    ("norm", "_backward", {"ROWS": 1, "HAS_ADDED": True, "WANTS_WEIGHT": False, "BLOCK": 8192}, 8),
    ("norm", "_backward", {"ROWS": 64, "HAS_ADDED": True, "WANTS_WEIGHT": True, "BLOCK": 8192}, 8),
    ("swiglu", "_forward", {"BLOCK": 1024}, 4),
    ("swiglu", "_backward", {"WANTS_PRODUCT": True, "BLOCK": 1024}, 4),
    ("rotary", "_rotate", {"INVERSE": True, "HEADS": 32, "HALF": 64}, 8),
    ("loss", "_sums", {"BLOCK": 4096}, 8),
    ("loss", "_gradient", {"HAS_WEIGHTS": True, "BLOCK": 4096}, 8),
]


@pytest.mark.parametrize(("module", "name", "constants", "n_warps"), CASES, ids=str)
def test_kernels_compile_for_hopper(module, name, constants, n_warps, tmp_path, monkeypatch):
    from importlib import import_module

    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TRITON_DEFAULT_FP_FUSION", "1")  # Triton 3.9 warns where it is not set
    kernel = getattr(import_module(f"tunesmith.model.kernels.triton_{module}"), name)
    if not hasattr(kernel, "cache_key"):
        pytest.skip("Triton interprets here (TRITON_INTERPRET=1)")
    names = kernel.arg_names
    source = ASTSource(
        fn=kernel,
        signature={n: "constexpr" if n in constants else KINDS.get(n, "i32") for n in names},
        constexprs={(names.index(n),): value for n, value in constants.items()},
        attrs={
            (i,): [["tt.divisibility", 16]]
            for i, n in enumerate(names)
            if n not in constants and n not in ("eps", "n_rows", "n_blocks")
        },
    )
    found = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": n_warps})
    assert "ld.global.v4" in found.asm["ptx"] or ".v4.b32" in found.asm["ptx"]
    cubin = tmp_path / "kernel.cubin"
    cubin.write_bytes(found.asm["cubin"])
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    used = subprocess.run(
        [tool, "--dump-resource-usage", cubin], capture_output=True, text=True, check=True
    ).stdout
    assert re.search(r"STACK:0\b", used), used  # nothing is spilt
