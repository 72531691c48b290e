"""tunesmith: from your own documents and dialogues to a tuned, measured, served Llama."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tunesmith.pipelines.bases import Bases
    from tunesmith.pipelines.evaluate import evaluate
    from tunesmith.pipelines.load import load
    from tunesmith.pipelines.merge import merge
    from tunesmith.pipelines.predict import predict
    from tunesmith.pipelines.runner import Runner
    from tunesmith.pipelines.train import train
    from tunesmith.recipe import Recipe, load_recipe

__version__ = "0.1.0"
__all__ = [
    "Bases",
    "Recipe",
    "Runner",
    "evaluate",
    "load",
    "load_recipe",
    "merge",
    "predict",
    "train",
]

_HOMES = {
    "Bases": "tunesmith.pipelines.bases",
    "Recipe": "tunesmith.recipe",
    "Runner": "tunesmith.pipelines.runner",
    "evaluate": "tunesmith.pipelines.evaluate",
    "load": "tunesmith.pipelines.load",
    "load_recipe": "tunesmith.recipe",
    "merge": "tunesmith.pipelines.merge",
    "predict": "tunesmith.pipelines.predict",
    "train": "tunesmith.pipelines.train",
}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used, so that ``import tunesmith`` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tunesmith' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
