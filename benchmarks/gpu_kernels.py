"""Each kernel beside plain torch at the shapes of a 7B model: which wins, and whether both agree.

    python benchmarks/gpu_kernels.py [--smoke]

Prints one line of JSON. A kernel that does not win is to be deleted.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from functools import partial

import torch
from gpu_work import time_of

from tunesmith.model.device import default_device
from tunesmith.model.kernels.cases import LLAMA_7B, Sizes, cases
from tunesmith.model.kernels.choice import forced, uses_kernel
from tunesmith.model.kernels.trial import beside

LONG = replace(LLAMA_7B, tokens=16384, rows=4096)
SMALL = Sizes(tokens=8, width=64, inner=96, heads=4, vocabulary=200, rows=8)


def main() -> None:
    """Measures all of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    smoke = parser.parse_args().smoke
    device = default_device()
    found = beside(cases(device, SMALL if smoke else LONG), partial(time_of, device=device))
    with forced("all"):
        for one in found.values():
            one["is_kernel"] = uses_kernel(one["kernel"], torch.empty(0, device=device))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
