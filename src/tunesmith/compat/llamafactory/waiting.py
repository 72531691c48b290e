"""Waiting: which parts and settings of a converted recipe are not here yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from tunesmith.core.registry import Registry
from tunesmith.data import FORMATS
from tunesmith.methods import METHODS
from tunesmith.objectives import OBJECTIVES
from tunesmith.tasks import TASKS
from tunesmith.templates import TEMPLATES

TABLES: dict[str, Registry[Any]] = {
    "template": TEMPLATES,
    "task": TASKS,
    "method": METHODS,
    "objective": OBJECTIVES,
}


def waiting_for(fields: Mapping[str, Any]) -> list[str]:
    """Names such as ``task preference`` or ``method.dora``; empty: the recipe is complete here."""
    found: list[str] = []
    for kind, table in TABLES.items():
        found += _missing(kind, table, fields.get(kind))
    data = cast("Mapping[str, Any]", fields.get("data", {}))
    for source in cast("list[dict[str, Any]]", data.get("sources", [])):
        found += _missing("format", FORMATS, source.get("format"))
    return list(dict.fromkeys(found))


def _missing(kind: str, table: Registry[Any], part: Any) -> list[str]:
    if part is None:
        return []
    settings = {"name": part} if isinstance(part, str) else cast("dict[str, Any]", part)
    name = settings["name"]
    if name not in table.entries and name not in table.names():
        return [f"{kind} {name}"]
    known = table.load(name).model_fields
    return [f"{kind} {name}: {key}" for key in settings if key not in known]
