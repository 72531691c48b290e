"""Encode: the rows of the sources -> a store of token ids, made once and found again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from tunesmith.core.cache import entry, new_entry
from tunesmith.core.code_hash import code_hash
from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Example
from tunesmith.data.files.located import shown
from tunesmith.data.files.section import Section
from tunesmith.data.read import Row, read_rows
from tunesmith.data.records import Notice
from tunesmith.data.settings import Data
from tunesmith.data.source import find_files
from tunesmith.tasks.store import Store, StoreWriter
from tunesmith.tasks.task import Limits, Outcome, Task
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer

PORTION = 512
"""Rows encoded at once."""
KIND = "encoded"
CODE = ("core", "data", "templates", "tasks", "pipelines/encode.py")
"""What decides how data becomes token ids; a change of it makes every entry anew."""
READING = ("path", "format", "split", "max_rows")
"""Fields of a source that decide which rows are read, and as what."""


def encoded_store(
    data: Data, task: Task, template: Template, tokenizer: Tokenizer, limits: Limits
) -> Store:
    """The store of a recipe's data, from the cache where nothing has changed.

    The key is a hash of the files' content, the way they are read, task, template, tokenizer,
    limits, and the code that does all this.

    Raises:
        DataError: a source cannot be read, or a row is too long and must not be.
    """
    key = _key(data, task, template, tokenizer, limits)
    found = Store.open(entry(KIND, key))
    if found is not None:
        return found
    with new_entry(KIND, key) as folder, StoreWriter(folder, len(tokenizer)) as writer:
        for portion in _portions(read_rows(data), writer.notices):
            writer.add(portion, encode_rows(portion, task, template, tokenizer, limits))
    made = Store.open(entry(KIND, key))
    assert made is not None
    return made


def encode_rows(
    rows: Sequence[Row], task: Task, template: Template, tokenizer: Tokenizer, limits: Limits
) -> list[Outcome]:
    """What becomes of every row: those that were read are encoded.

    Raises:
        DataError: an example is of a kind the task does not take, or too long and must not be.
    """
    examples = [row.example for row in rows if row.example is not None]
    for example in examples:
        task.require(example)
    try:
        encoded = iter(task.encode(examples, template, tokenizer, limits))
    except TemplateError:  # some row cannot be laid out; find out which
        encoded = iter([_alone(e, task, template, tokenizer, limits) for e in examples])
    return [
        Outcome(fate=row.fate, reason=row.reason) if row.example is None else next(encoded)
        for row in rows
    ]


def _alone(
    example: Example, task: Task, template: Template, tokenizer: Tokenizer, limits: Limits
) -> Outcome:
    try:
        return task.encode([example], template, tokenizer, limits)[0]
    except TemplateError as error:
        return Outcome(fate="rejected", reason=str(error))


def _portions(rows: Iterator[Row | Notice], notices: list[str]) -> Iterator[list[Row]]:
    portion: list[Row] = []
    for row in rows:
        if isinstance(row, Notice):
            notices.append(row.text)
            continue
        portion.append(row)
        if len(portion) == PORTION:
            yield portion
            portion = []
    if portion:
        yield portion


def _key(data: Data, task: Task, template: Template, tokenizer: Tokenizer, limits: Limits) -> str:
    sources = [source.model_dump(mode="json", include=set(READING)) for source in data.all_sources]
    digest = hashlib.sha256(
        json.dumps(
            {
                "sources": sources,
                "max_rows": data.max_rows,
                "task": task.model_dump(mode="json"),
                "template": template.model_dump(mode="json") if task.uses_template else None,
                "tokenizer": tokenizer.fingerprint,
                "limits": [limits.max_tokens, limits.too_long, limits.cut_from, limits.cut_answers],
                "code": code_hash(CODE),
                "tokenizers": version("tokenizers"),
            },
            sort_keys=True,
        ).encode()
    )
    for source in data.all_sources:
        notices: list[Notice] = []
        for split, files in find_files(source.path, source.split, notices.append).items():
            for file in files:
                digest.update(f"\x1d{split}\x1f{shown(file)}".encode())
                digest.update(_content(file.path if isinstance(file, Section) else file))
        digest.update(os.fsencode("\x1e".join(notice.text for notice in notices)))
    return digest.hexdigest()


def _content(place: Path) -> bytes:
    """A hash of a file, or of all files of a folder with their names."""
    if place.is_file():
        with place.open("rb") as content:
            return hashlib.file_digest(content, "sha256").digest()
    digest = hashlib.sha256()
    for file in sorted(place.rglob("*")):
        if file.is_file():
            digest.update(f"\x1d{shown(file.relative_to(place))}".encode())
            digest.update(_content(file))
    return digest.digest()
