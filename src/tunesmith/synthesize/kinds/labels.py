"""Labels: {"quote": "The kettle leaks since Monday.", "label": "complaint"}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field, field_validator

from tunesmith.core.errors import did_you_mean
from tunesmith.core.examples import Example, Labelled
from tunesmith.synthesize.draft import Draft
from tunesmith.synthesize.kinds.kind import Item, Kind, origin, read_item, stripped
from tunesmith.synthesize.kinds.stretch import find_stretch, stretch_of
from tunesmith.synthesize.passage import Passage
from tunesmith.synthesize.sentences import Span


class LabelledStretch(Item):
    """A stretch of the passage and the label that fits it."""

    quote: str
    label: str


class Labels(Kind):
    """Stretches of passages, each with one of given labels."""

    shape: ClassVar[type[BaseModel]] = LabelledStretch
    makes: ClassVar[type[Example]] = Labelled
    room: ClassVar[int] = 200

    name: Literal["labels"] = "labels"
    labels: tuple[str, ...] = Field(min_length=2)
    """Names of the classes, as they shall stand in the rows."""

    @field_validator("labels")
    @classmethod
    def _check_labels(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        names = [label.strip().casefold() for label in labels]
        if not all(names):
            raise ValueError("a label is empty. Take it out.")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the label {twice[0]!r} is there twice. Write it once.")
        return tuple(label.strip() for label in labels)

    def told(self, passage: Passage, n: int) -> dict[str, str]:
        """The labels, one to a line."""
        return {"labels": "\n".join(f"- {label}" for label in self.labels)}

    def form(self, n: int) -> dict[str, Any]:
        """With the labels."""
        form = super().form(n)
        items = form["properties"]["items"]["items"]["properties"]
        items["label"]["enum"] = list(self.labels)
        return form

    def draft(self, item: Mapping[str, Any], passage: Passage) -> Draft:
        """Takes a stretch as it stands in the passage, and the label as it is written here."""
        read = read_item(LabelledStretch, item)
        quote, said = stripped(quote=read.quote, label=read.label)
        label = next((one for one in self.labels if one.casefold() == said.casefold()), None)
        if label is None:
            raise ValueError(f"no label {said[:60]!r}. {did_you_mean(said[:60], self.labels)}")
        text = stretch_of(passage.text, quote, "quote")
        return Draft(self.name, (), (text,), label=label)

    def claims(self, draft: Draft) -> tuple[str, ...]:
        """None: its text is the passage's own."""
        return ()

    def example(self, draft: Draft, passage: Passage, span: Span | None) -> Labelled:
        """The stretch and its label."""
        (text,) = draft.quotes
        place = find_stretch(passage.text, text, within=span)
        return Labelled(text, draft.label, origin(passage, place), group=passage.document)
