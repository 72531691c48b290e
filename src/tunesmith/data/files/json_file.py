"""JSON files: one object per line, an array of objects, one object, or objects by id."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Literal, cast

import orjson

from tunesmith.core.errors import DataError
from tunesmith.data.files.json_array import LOST, SPACE, read_array
from tunesmith.data.files.json_record import parse_record
from tunesmith.data.files.lines import lines_of
from tunesmith.data.files.located import LARGEST_RECORD, Item, Located, Notice

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
    if head.lstrip(SPACE).startswith(b"["):
        first, second = _first_two(lines_of([head]))
        shape = _shape(first, second, named_lines=named_lines)
        if named_lines and _holds_lines(head):
            shape = "lines"
        lines = lines_of(blocks) if shape == "lines" else iter(())
    else:
        lines = lines_of(blocks)
        start: list[bytes | None] = []
        first, second = _first_two(_kept(lines, start))
        shape = _shape(first, second, named_lines=named_lines)
        lines = itertools.chain(start, lines)
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
        if len(head) >= HEAD or not head.lstrip(SPACE).startswith(b"["):
            break
    return head, itertools.chain([head], blocks)


def _kept(lines: Iterator[bytes | None], keep: list[bytes | None]) -> Iterator[bytes | None]:
    for line in lines:
        keep.append(line)
        yield line


def _first_two(lines: Iterator[bytes | None]) -> tuple[bytes, bytes]:
    """The first two lines that are not blank; empty where there is none."""
    found = (line.strip() if line is not None else b"?" for line in lines)
    first, second, *_ = *itertools.islice(filter(None, found), 2), b"", b""
    return first, second


def _holds_lines(head: bytes) -> bool:
    """Whether an object starts below the end of another and no comma between, as in no array."""
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
        if raw is None:
            size = f"{LARGEST_RECORD // 2**20} MiB"
            yield DataError(f"{name}:{number}: a line of more than {size}. Cut the record up.")
            continue
        found = parse_record(raw, f"{name}:{number}")
        if isinstance(found, DataError) and not raw.strip():
            continue
        yield found


def _read_object(name: str, lines: Iterable[bytes | None]) -> Iterator[Located | DataError]:
    """One record, or records by id where every value of the object is an object itself."""
    held: list[bytes] = []
    n_held = 0
    for line in lines:
        n_held += LARGEST_RECORD + 1 if line is None else len(line)
        if line is None or n_held > LARGEST_RECORD:
            size = f"{LARGEST_RECORD // 2**20} MiB"
            raise DataError(f"{name}: one JSON object of more than {size}. Save it as JSON lines.")
        held.append(line)
    raw = b"".join(held)
    if not raw.strip():
        return
    found = parse_record(raw, f"{name}:1")
    if isinstance(found, DataError):
        yield DataError(f"{found} {LOST}")
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
