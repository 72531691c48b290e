"""Model identity: what tells a model from another one of the same name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tunesmith.chat.endpoint import is_hosted, parse_endpoint
from tunesmith.core.errors import ParkedError
from tunesmith.model.source import folder_here, is_hub_id
from tunesmith.pipelines.bases import base_and_revision
from tunesmith.pipelines.load import hosted_behind
from tunesmith.pipelines.weights import artifact_folder


def identity_of(model: str, served: str | None = None) -> list[Any]:
    """What tells a model from another of the same name: its files and its base's, or a name.

    Of one of the hub it is the snapshot that is on this machine; nothing is fetched.

    Args:
        model: as it is named.
        served: what the URL that it is, or that a prompted one asks, serves, where the URL names no
            model; see :func:`served_by`.
    """
    behind = [] if served is None else [["served", served]]
    if is_hosted(model):
        return [model, *behind]
    place, (base, revision) = artifact_folder(model), base_and_revision(model)
    folder = Path(place).expanduser()
    own: list[Any] = _files(folder) if folder.is_dir() else [model]
    if is_hosted(base):
        return [*own, *behind]
    if folder.is_dir() and base == place:
        return own
    there = folder_here(base, revision)
    if there is None:
        return own
    is_snapshot = is_hub_id(base) and not Path(base).expanduser().is_dir()
    return [*own, ["base", base, there.name if is_snapshot else _files(there)]]


def served_by(model: str, before: str | None = None) -> str | None:
    """The model behind a URL that names none, as its server tells now.

    A server that cannot be reached does not keep what it answered before from being used: what is
    missing is asked all the same, and then fails.

    Args:
        model: as it is named.
        before: what was served when it was asked last.

    Returns:
        None: it is on this machine, or named.

    Raises:
        EndpointError: the server cannot be asked, and what it served before is not known; or it
            serves several models.
    """
    hosted = hosted_behind(model)
    if hosted is None or parse_endpoint(hosted).model:
        return None
    from tunesmith.chat.hosted import HostedModel

    try:
        return HostedModel.open(hosted).endpoint.model
    except ParkedError as error:
        if before is None:
            raise
        print(f"{error} It served {before} before: what is kept of that counts.", file=sys.stderr)
        return before


def _files(folder: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of all files in a folder."""
    stats = ((file, file.stat()) for file in sorted(folder.rglob("*")) if file.is_file())
    return [(str(file.relative_to(folder)), stat.st_size, stat.st_mtime_ns) for file, stat in stats]
