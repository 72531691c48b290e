"""Names: what documents are called, wherever they lie and however their source was typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """A file and the source that it was found in."""

    above: tuple[str, ...]
    """Absolute place of the source without its own name, from the root."""
    own: tuple[str, ...]
    """The source's own name and the path within it."""

    @classmethod
    def of(cls, path: Path, folder: Path | None) -> Place:
        """The place of a file.

        Args:
            path: the file, as it was found.
            folder: that was named; None where the file itself was.
        """
        if folder is None:
            return cls(path.parent.resolve().parts, (path.name,))
        there = folder.resolve()
        own = (there.name,) if there.name else ()  # the root has no name
        return cls(
            there.parts[: len(there.parts) - len(own)], (*own, *path.relative_to(folder).parts)
        )


def names_of(places: Sequence[Place]) -> list[str]:
    """A name for each file, none twice.

    A name is as short as can be: folders above a source are added where two sources would give one
    name, and to all files of these.

    Args:
        places: none twice.
    """
    depths = dict.fromkeys((_source(place) for place in places), 0)
    while True:
        names = [_name(place, depths[_source(place)]) for place in places]
        owners: dict[str, set[tuple[str, ...]]] = {}
        for name, place in zip(names, places, strict=True):
            owners.setdefault(name, set()).add(_source(place))
        deeper = {
            source
            for among in owners.values()
            if len(among) > 1
            for source in among
            if depths[source] < len(source)
        }
        if not deeper:
            return names
        for source in deeper:
            depths[source] += 1


def _source(place: Place) -> tuple[str, ...]:
    """What tells sources apart: files of one folder are one source, and never share a name."""
    return place.above if len(place.own) == 1 else (*place.above, place.own[0])


def _name(place: Place, depth: int) -> str:
    above = place.above[max(0, len(place.above) - depth) :] if depth else ()
    return "/".join(part.strip("/") for part in (*above, *place.own))
