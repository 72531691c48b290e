"""Settings of the data: which sources are read, mixed and split, and what does not fit."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from tunesmith.core.part import Settings
from tunesmith.data import FORMATS
from tunesmith.data.format import Format

AnyFormat = Annotated[SerializeAsAny[Format], BeforeValidator(FORMATS.parse)]
SourcePath = str | dict[str, str]


class Source(Settings):
    """One of several data sets that are mixed."""

    path: SourcePath
    """A file, a folder, a glob, a bundled name, ``hf:owner/name[/subset]``, or one of these per
    split."""
    format: AnyFormat | None = None
    """How records are written; None: told from the first record of each file."""
    split: str | None = None
    """The one split of the source that is taken, as training data; None: all, each as its name
    says."""
    weight: float | None = Field(default=None, gt=0)
    """Share of the mixture, against the other sources' weights; None: not weighed."""
    max_rows: int | None = Field(default=None, gt=0)
    """Rows read from the start of each split; None: all. Further rows are not looked at."""
    num_samples: int | None = Field(default=None, gt=0)
    """Training rows taken by a seeded draw; more than there are: some come again. None: all."""


class Data(Settings):
    """Which examples are read, and what happens to those that do not fit."""

    path: SourcePath | None = None
    """A file, a folder, a glob, a bundled name, ``hf:owner/name[/subset]``, or one of these per
    split. For several data sets, see ``sources``."""
    format: AnyFormat | None = None
    """How records are written; None: told from the first record of each file."""
    sources: list[Source] = []
    """Several data sets to mix, in place of ``path`` and ``format``."""
    mix: Literal["concat", "shrink", "repeat"] = "concat"
    """How sources are mixed. ``concat``: all their rows. With weights, ``shrink`` takes no row
    twice and leaves rows out until the shares fit; ``repeat`` leaves none out and takes rows
    again."""
    validation_fraction: float = Field(default=0.1, ge=0, lt=1)
    """Share of the training rows held out where the source has no validation split."""
    split_by: Literal["prompt", "group"] = "prompt"
    """What is never split apart: rows that ask the same, or also rows of one document or
    dialogue."""
    bad_rows: Literal["error", "reject"] = "error"
    """What a record that cannot be used does: stop with its place, or be counted and left out."""
    max_rows: int | None = Field(default=None, gt=0)
    """Rows read from the start of each split of each source; None: all."""
    max_tokens: int | None = Field(default=None, gt=1)
    """Longest example in tokens; None: the positions of the model, at most 2,048."""
    too_long: Literal["cut", "drop", "error"] = "cut"
    """What a longer example does. ``cut`` shortens what the model is given, never what it learns,
    and where that is not enough the run stops with the place."""
    cut_from: Literal["end", "start"] = "end"
    """Which side of the material ``cut`` takes away."""
    cut_answers: bool = False
    """Whether ``cut`` may also take the end of an answer away, where its prompt alone is too long.
    Such a row teaches no end; it is counted."""

    @model_validator(mode="after")
    def _names_data(self) -> Data:
        if (self.path is None) == (not self.sources):
            raise ValueError("name the data once: either with path, or as a list under sources.")
        if self.sources and self.format is not None:
            raise ValueError("with sources, each one has its own format.")
        weighed = [source.weight is not None for source in self.sources]
        if any(weighed) != (self.mix != "concat") or (any(weighed) and not all(weighed)):
            raise ValueError(
                "weights and mix belong together: give every source a weight and set mix to "
                "shrink or repeat, or give none."
            )
        return self

    @property
    def all_sources(self) -> list[Source]:
        """The sources, a single path as one of them."""
        if self.path is None:
            return self.sources
        return [Source(path=self.path, format=self.format)]
