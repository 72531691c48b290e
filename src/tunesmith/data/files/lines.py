"""Lines: portions of bytes -> lines, ended by a line feed and by nothing else."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

from tunesmith.data.files.located import LARGEST_RECORD


def lines_of(blocks: Iterable[bytes]) -> Iterator[bytes | None]:
    r"""Every line with its line feed; None for one that is larger than a record may be.

    U+0085, U+2028, ``\x0b``, ``\x0c`` and a lone ``\r`` end no line.
    """
    rest: list[bytes] = []
    n_rest = 0
    for block in blocks:
        lines = io.BytesIO(block).readlines()
        if n_rest and lines[0].endswith(b"\n"):
            n_rest += len(lines[0])
            rest.append(lines[0])
            yield b"".join(rest) if n_rest <= LARGEST_RECORD else None
            rest, n_rest = [], 0
            del lines[0]
        if lines and not lines[-1].endswith(b"\n"):
            last = lines.pop()
            n_rest += len(last)
            if n_rest <= LARGEST_RECORD:
                rest.append(last)
            else:
                rest.clear()
        yield from lines
    if n_rest:
        yield b"".join(rest) if n_rest <= LARGEST_RECORD else None
