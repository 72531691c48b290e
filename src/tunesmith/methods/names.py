"""Names: which of a model's modules a name or a pattern in a recipe means; no torch here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tunesmith.core.errors import RecipeError, did_you_mean


def named(names: Sequence[str], wanted: Iterable[str], key: str, kind: str = "layer") -> list[str]:
    """The modules whose name ends with one of the wanted ones, in the model's order.

    Args:
        names: full names of the modules that may be meant.
        wanted: last part of a name or several, as ``q_proj``, ``mlp.up_proj``, ``lm_head``.
        key: of the recipe, for the error.
        kind: of module, for the error.

    Raises:
        RecipeError: one of the wanted names is no module's.
    """
    found: set[str] = set()
    for want in wanted:
        matches = {name for name in names if name == want or name.endswith(f".{want}")}
        if not matches:
            known = {name.rpartition(".")[2] for name in names}
            raise RecipeError(f"{key}: no {kind} named {want!r}. {did_you_mean(want, known)}")
        found |= matches
    return [name for name in names if name in found]
