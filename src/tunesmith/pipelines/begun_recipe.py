"""Begun recipe: what an earlier version kept of a recipe, with the keys that came since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import TypeAdapter, ValidationError

from tunesmith.recipe import Recipe


def with_new_keys(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """A kept recipe in which keys that it could not know have their defaults.

    A default is what was done before there was the key. What the present version cannot read stays
    as it is.

    Args:
        before: of a checkpoint, by the recipe's groups.
        now: of the present run, likewise.
    """
    return {key: _filled(value, _parsed(key, value), now.get(key)) for key, value in before.items()}


def _parsed(key: str, value: Any) -> Any:
    """A group as the present version writes it, with every default; itself where it cannot."""
    field = Recipe.model_fields.get(key)
    if field is None:
        return value
    form: Any = field.annotation
    for mark in field.metadata:
        form = Annotated[form, mark]
    adapter: TypeAdapter[Any] = TypeAdapter(form)
    try:
        return adapter.dump_python(adapter.validate_python(value), mode="json")
    except ValidationError:
        return value


def _filled(before: Any, parsed: Any, now: Any) -> Any:
    """What was kept, and of what is there now the keys that only its parsed form has."""
    if not (isinstance(before, dict) and isinstance(parsed, dict) and isinstance(now, dict)):
        return before
    kept, whole, present = (cast("dict[str, Any]", each) for each in (before, parsed, now))
    new = {key: whole[key] for key in present if key in whole and key not in kept}
    inner = {key: _filled(kept[key], whole.get(key), present.get(key)) for key in kept}
    return {**inner, **new}
