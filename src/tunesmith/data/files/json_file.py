"""JSON files: one object per line, an array of objects, one object, or objects by id."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Literal, cast

import orjson

from tunesmith.core.errors import DataError
from tunesmith.data.files.json_array import SPACE, read_array, unread
from tunesmith.data.files.json_record import parse_record
from tunesmith.data.files.lines import lines_of
from tunesmith.data.files.located import LARGEST_RECORD, Item, Located, Notice

LARGEST = f"{LARGEST_RECORD // 2**20} MiB"
TOO_LARGE = b"too large"
"""Stands for the one line that is not held."""
HEAD = 2**20
"""Bytes within which an array's first line is looked for: 1 MiB."""
Shape = Literal["lines", "array", "object"]
SHAPES: dict[Shape, str] = {
    "lines": "one JSON object per line",
    "array": "one JSON array",
    "object": "one JSON object",
}


def read_json(name: str, suffix: str, blocks: Iterator[bytes]) -> Iterator[Item]:
    """Yields the records of a JSON file. What it holds is told by its start, not by its name.

    Args:
        name: of the file, for the origins.
        suffix: ``.jsonl``, ``.ndjson`` or ``.json``.
        blocks: the file in portions of UTF-8.
    """
    named_lines = suffix != ".json"
    head, blocks = _head(blocks)
    is_array_like = head.lstrip(SPACE).startswith(b"[")
    lines = lines_of([head] if is_array_like else blocks)
    before, first_line = _next_line(lines)
    between, second_line = _next_line(lines)
    first, second = first_line.strip(), second_line.strip()
    shape = _shape(first, second, named_lines=named_lines)
    if named_lines and _holds_lines(head):
        shape = "lines"
    if is_array_like:
        lines = lines_of(blocks)
    else:
        lines = itertools.chain(before, [first_line], between, [second_line], lines)
    if first and named_lines != (shape == "lines"):
        yield Notice(f"{name}: named {suffix}, but holds {SHAPES[shape]}; it is read as such.")
    if shape == "array":
        yield from read_array(name, blocks)
    elif shape == "lines":
        yield from _read_lines(name, lines)
    else:
        yield from _read_object(name, lines)


def _head(blocks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The start of a file, and all of it."""
    head = b""
    for block in blocks:
        head += block
        if len(head) >= HEAD or head.lstrip(SPACE)[:1] not in (b"", b"["):
            break
    return head, itertools.chain([head], blocks)


def _next_line(lines: Iterator[bytes | None]) -> tuple[Iterator[bytes], bytes]:
    """The blank lines before the next one that is not, and that one; empty at the end."""
    for n_blank, line in enumerate(lines):
        if line is None or line.strip():
            return itertools.repeat(b"\n", n_blank), TOO_LARGE if line is None else line
    return iter(()), b""


def _holds_lines(head: bytes) -> bool:
    """Whether an object starts below the end of another and no comma between: in no value."""
    lines = filter(None, map(bytes.strip, head.split(b"\n")))
    return any(
        above.endswith(b"}") and below.startswith(b"{")
        for above, below in itertools.pairwise(lines)
    )


def _shape(first: bytes, second: bytes, *, named_lines: bool) -> Shape:
    """What a file holds, by its first two lines.

    A broken line of JSON lines must not be taken for the start of something else, nor the first
    line of an array for a broken line: it ends where JSON goes on, and no line of JSON does.
    """
    goes_on = first[-1:] in (b"[", b"{", b",", b":")
    if first.startswith(b"["):
        if second and not goes_on and (_is_object(second) or (named_lines and _is_json(first))):
            return "lines"
        return "array"
    if named_lines:
        return "object" if first == b"{" and second.startswith(b'"') else "lines"
    if second and not goes_on and (_is_object(second) or _is_object(first)):
        return "lines"
    return "object"


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _is_object(line: bytes) -> bool:
    return line.startswith(b"{") and _is_json(line)


def _read_lines(name: str, lines: Iterable[bytes | None]) -> Iterator[Located | DataError]:
    for number, raw in enumerate(lines, 1):
        if raw is None or raw is TOO_LARGE:
            yield DataError(f"{name}:{number}: a line of more than {LARGEST}. Cut the record up.")
        elif len(raw) > 2 or raw.strip():
            found = parse_record(raw, f"{name}:{number}")
            if not isinstance(found, DataError) or raw.strip():
                yield found


def _read_object(name: str, lines: Iterable[bytes | None]) -> Iterator[Located | DataError]:
    """One record, or records by id where every value of the object is an object itself."""
    held = bytearray()
    for line in lines:
        held += line or b""
        if line is None or line is TOO_LARGE or len(held) > LARGEST_RECORD:
            raise DataError(f"{name}: one JSON object of more than {LARGEST}. Save it as .jsonl.")
    raw = bytes(held)
    if not raw.strip():
        return
    found = parse_record(raw, f"{name}:1")
    if isinstance(found, DataError):
        n_lines = raw.count(b"\n") + (not raw.endswith(b"\n"))
        yield DataError(f"{found} {unread(n_lines)}")
        return
    _, value = found
    if value and all(isinstance(inner, dict) for inner in value.values()):
        for number, (key, inner) in enumerate(cast("dict[str, dict[str, Any]]", value).items(), 1):
            yield f"{name}:{_place(key, number)}", inner
    else:
        yield found


def _place(key: str, number: int) -> str:
    """An id as a place in one word; its number where it would be none."""
    is_plain = key.isprintable() and ":" not in key and 0 < len(key) <= 100
    return key if is_plain else f"#{number}"
