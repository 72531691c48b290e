"""Hub: a model's files from the hub, or from its cache where the hub does not answer."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tunesmith.core.errors import ModelError
from tunesmith.core.extras import require

PATIENCE_S = 8.0
"""How long a hub may take to say its first word; its library alone would wait for minutes."""


def fetch(path: str, revision: str | None, patterns: list[str]) -> Path:
    """The folder of a model of the hub, fetched if it is not here.

    Args:
        path: ``owner/name``.
        revision: branch, tag or commit; None: the main branch.
        patterns: of the files that are wanted.

    Raises:
        ModelError: it cannot be had.
    """
    hub = require("huggingface_hub", extra="train", purpose=f"Fetching {path!r} from the hub")
    known = require("huggingface_hub.constants", extra="train", purpose=f"Fetching {path!r}")
    wanted: dict[str, Any] = {"revision": revision, "allow_patterns": patterns}
    silence = None if known.HF_HUB_OFFLINE else _silence(known.ENDPOINT, path)
    try:
        if silence is None:
            return Path(hub.snapshot_download(path, **wanted))
        found = Path(hub.snapshot_download(path, **wanted, local_files_only=True))
    except Exception as error:  # the library raises a dozen kinds for "cannot be had"
        lines = str(error).strip().splitlines()
        reason = silence or f"{type(error).__name__}: {lines[0] if lines else ''}"
        raise ModelError(
            f"{path}: not on this machine, and the hub does not give it ({reason}). Check the "
            "name, the network and your access, or set model.path to a folder."
        ) from None
    print(f"{path}: the hub does not answer ({silence}); the copy here is used.", file=sys.stderr)
    return found


def kept_copy(path: str, revision: str | None) -> Path | None:
    """The snapshot of a model that the hub's cache holds; None: none, or there is no such cache.

    Args:
        path: ``owner/name``.
        revision: branch, tag or commit; None: the main branch.
    """
    try:
        hub = require("huggingface_hub", extra="train", purpose="Finding models of the hub")
        return Path(hub.snapshot_download(path, revision=revision, local_files_only=True))
    except Exception:  # as in fetch: a dozen kinds for "is not here"
        return None


def _silence(endpoint: str, path: str) -> str | None:
    """Why a hub does not answer; None if it does, whatever it says."""
    request = urllib.request.Request(f"{endpoint}/api/models/{path}", method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S):
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return None
    except OSError as error:  # refused, unknown host, timed out
        reason = getattr(error, "reason", error)
        timed_out = isinstance(reason, TimeoutError)
        return f"{endpoint}: " + (f"no answer in {PATIENCE_S:g} s" if timed_out else str(reason))
