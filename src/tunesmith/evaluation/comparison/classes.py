"""Classes: tables of a comparison where each answer is one class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunesmith.evaluation.confusion import ClassScores, Confusion

FIELDS = ("name", "n", "precision", "recall", "f1", "low", "high")


def confusions(result: Mapping[str, Any]) -> list[Confusion]:
    """Scores and answers by class, of every model that has them.

    Args:
        result: what ``comparison.json`` holds; a model's ``tables`` are ``classes`` and, where one
            class alone is right, ``confusion`` with ``counts`` and ``unread``.
    """
    found: list[Confusion] = []
    for name, model in result["models"].items():
        tables = model.get("tables") or {}
        if "classes" not in tables:
            continue
        classes = [
            ClassScores(**{key: one.get(key) for key in FIELDS}) for one in tables["classes"]
        ]
        counted = tables.get("confusion") or {}
        counts, unread = counted.get("counts", []), counted.get("unread", [])
        found.append(Confusion(name, classes, counts, unread))
    return found
