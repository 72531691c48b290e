"""Registry: a table of names and dotted strings; a part's module loads when it is chosen."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar, cast

from pydantic import ValidationError

from tunesmith.core.errors import RecipeError, did_you_mean
from tunesmith.core.part import Part, PartError, explain

P = TypeVar("P", bound=Part)


class Registry(Generic[P]):
    """Maps the names of one kind of part to their classes.

    A plugin outside this package registers under the entry point group ``tunesmith.<kind>``; a
    built-in name cannot be taken over by one.
    """

    def __init__(self, kind: str, entries: Mapping[str, str]) -> None:
        self.kind = kind
        self.entries = dict(entries)

    def names(self) -> list[str]:
        """All known names, built in or plugged in, sorted."""
        return sorted({*self.entries, *self._plugins()})

    def load(self, name: str) -> type[P]:
        """Imports and returns the class called ``name``.

        Raises:
            RecipeError: there is none; the message suggests the nearest name.
        """
        target = self.entries.get(name) or self._plugins().get(name)
        if target is None:
            raise RecipeError(f"no {self.kind} named {name!r}. {did_you_mean(name, self.names())}")
        module, _, attribute = target.partition(":")
        return cast("type[P]", getattr(importlib.import_module(module), attribute))

    def parse(self, value: Any) -> P:
        """Makes a part from its short form (a name), its long form (a mapping) or itself.

        Raises:
            PartError: the name or one of the fields is wrong; holds all of them.
        """
        if isinstance(value, Part):
            return cast("P", value)
        if isinstance(value, str):
            value = {"name": value}
        if not isinstance(value, Mapping) or "name" not in value:
            raise PartError(
                [("", f"write a name or a mapping with 'name'. Known: {', '.join(self.names())}.")]
            )
        fields = dict(cast("Mapping[str, Any]", value))
        try:
            cls = self.load(str(fields["name"]))
        except RecipeError as error:
            raise PartError([("", str(error))]) from None
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise PartError(explain(cls, error)) from None

    def _plugins(self) -> dict[str, str]:
        return {point.name: point.value for point in entry_points(group=f"tunesmith.{self.kind}")}
