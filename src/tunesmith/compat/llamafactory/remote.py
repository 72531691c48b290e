"""Remote: ``dataset_dir: REMOTE:owner/name`` -> the folder of a copy of what it describes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tunesmith.compat.llamafactory.dataset_info import FILE, HUBS, REMOTE
from tunesmith.core.errors import DataError
from tunesmith.core.extras import require


def fetched(dataset_dir: str, names: list[str], *, cache: Path | None = None) -> str:
    """Fetches the descriptions from the hub, and the files that they name beside them.

    Args:
        dataset_dir: ``REMOTE:`` and a data set on the Hugging Face hub that holds
            ``dataset_info.json``.
        names: the sets that are used; files of others are left there.
        cache: where copies are kept; None: the hub's own cache.

    Returns:
        The folder that holds the descriptions.

    Raises:
        DataError: it cannot be fetched; gives the address.
    """
    hub = require("huggingface_hub", extra="hub", purpose=f"Reading {dataset_dir!r}")
    repo = dataset_dir.removeprefix(REMOTE)

    def copy(name: str) -> Path:
        try:
            return Path(
                hub.hf_hub_download(
                    repo, name, repo_type="dataset", cache_dir=None if cache is None else str(cache)
                )
            )
        except Exception as error:  # the library raises a dozen kinds for "not there"
            raise DataError(
                f"dataset_dir: https://huggingface.co/datasets/{repo}/resolve/main/{name} cannot "
                f"be fetched ({type(error).__name__}). Check the name and the network, or get a "
                f"copy elsewhere with: hf download {repo} --repo-type dataset --local-dir data, "
                "and write dataset_dir: data."
            ) from error

    file = copy(FILE)
    descriptions: dict[str, Any] = json.loads(file.read_text("utf-8-sig"))
    for name in names:
        described = descriptions.get(name, {})
        if "file_name" in described and not any(described.get(key) for key in HUBS):
            copy(described["file_name"])
    return str(file.parent)
