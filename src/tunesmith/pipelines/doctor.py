"""Doctor: what this machine has, and what of tunesmith can run on it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from typing import Any

from tunesmith.core.bundled import BUNDLED
from tunesmith.core.cache import cache_dir
from tunesmith.core.extras import is_installed
from tunesmith.pipelines.resume import versions

EXTRAS = {
    "train": ("torch", "transformers", "peft", "safetensors", "tensorboard"),
    "qlora": ("bitsandbytes",),
    "hub": ("datasets", "huggingface_hub"),
}


def doctor() -> dict[str, Any]:
    """Looks at processor, memory, disk, GPU, libraries and bundled files.

    Returns:
        Facts by name; ``missing`` has the install command of every extra that is not complete.
    """
    missing = {
        extra: f"pip install 'tunesmith[{extra}]'"
        for extra, packages in EXTRAS.items()
        if not all(is_installed(package) for package in packages)
    }
    return {
        "platform": f"{platform.system()} {platform.machine()}, Python {sys.version.split()[0]}",
        "cores": os.cpu_count(),
        "memory_gib": _memory_gib(),
        "free_disk_gib": round(shutil.disk_usage(".").free / 2**30, 1),
        "cache": str(cache_dir()),
        "cache_mb": _cache_mb(),
        "gpu": _gpu() if is_installed("torch") else "torch is not installed",
        "versions": versions(),
        "bundled": {name: path.is_dir() for name, path in BUNDLED.items()},
        "missing": missing,
    }


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError):
        return None


def _cache_mb() -> dict[str, float]:
    """What each kind of entry takes."""
    return {
        kind.name: round(sum(f.stat().st_size for f in kind.rglob("*") if f.is_file()) / 1e6, 1)
        for kind in sorted(cache_dir().glob("*"))
        if kind.is_dir()
    }


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        return "none"
    free, total = torch.cuda.mem_get_info()
    return f"{torch.cuda.get_device_name()}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
