r"""Lines: portions of bytes -> lines, ended by a line feed and by nothing else.

U+0085, U+2028, ``\x0b``, ``\x0c`` and a lone ``\r`` end no line.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

from tunesmith.data.files.located import LARGEST_RECORD


def lines_of(blocks: Iterable[bytes]) -> Iterator[bytes | None]:
    """Every line with its line feed; None for one that is larger than a record may be."""
    for portion in whole_lines(blocks):
        if portion is None:
            yield None
        else:
            yield from io.BytesIO(portion).readlines()


def whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes | None]:
    """Portions of whole lines; None stands for one line that is larger than a record may be."""
    rest: list[bytes] = []  # of a line that has not ended yet
    n_rest = 0
    for block in blocks:
        if n_rest > LARGEST_RECORD:
            end_of_rest = block.find(b"\n") + 1
            if not end_of_rest:
                continue
            yield None
            n_rest, block = 0, block[end_of_rest:]
        end = block.rfind(b"\n") + 1
        if end:
            yield b"".join([*rest, block[:end]])
            rest, n_rest = [], 0
        if end < len(block):
            rest.append(block[end:])
            n_rest += len(block) - end
            if n_rest > LARGEST_RECORD:
                rest.clear()
    if n_rest:
        yield None if n_rest > LARGEST_RECORD else b"".join(rest)
