"""The errors a user can meet. Each message names the place, the fact and the next step.

::

    TunesmithError
    ├── RecipeError         a key or a value of a recipe, or parts that do not fit together
    ├── DataError           a file, a record or a field of the data
    ├── TemplateError       a conversation cannot be turned into tokens without doubt
    ├── ModelError          a model folder, its weights or its tokenizer
    ├── RunError            a run directory: taken, full, damaged, or another run's
    ├── EndpointError       a hosted model cannot be asked, or not now
    │   └── ParkedError     ... the same command goes on later; nothing is lost
    ├── DivergedError       training met a loss or a gradient that is no number
    └── MissingExtraError   a library that is an optional extra is not installed

The command line prints the message alone and exits with ``exit_code``; a traceback is only ever
shown for mistakes of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TunesmithError(Exception):
    """Root of all errors that are answered with one message and no traceback."""

    exit_code = 2


class RecipeError(TunesmithError):
    """A recipe says something we cannot do."""


class DataError(TunesmithError):
    """The data cannot be used as it is."""


class TemplateError(TunesmithError):
    """A conversation cannot be rendered the same way in training and in use."""


class ModelError(TunesmithError):
    """A model or its tokenizer cannot be used as it is."""


class RunError(TunesmithError):
    """A run directory cannot be used as it is."""


class EndpointError(TunesmithError):
    """A hosted model refuses, is not there, or costs more than is allowed."""


class ParkedError(EndpointError):
    """A hosted model cannot be asked now; what was answered is kept, and the job can go on."""


class DivergedError(TunesmithError):
    """The loss or the gradient stopped being a number."""


class MissingExtraError(TunesmithError):
    """An optional library is needed and not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {package!r}, which is not installed. "
            f"Install it with: pip install 'tunesmith[{extra}]'"
        )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that suggests the nearest known word and lists them all.

    Args:
        word: what was written.
        known: what could have been meant.

    Returns:
        For example ``"Did you mean 'lora'? Known: full, lora."``.
    """
    names = sorted(known)
    near = difflib.get_close_matches(word.lower(), [n.lower() for n in names], n=1, cutoff=0.5)
    suggestion = next((n for n in names if near and n.lower() == near[0]), None)
    listing = f"Known: {', '.join(names)}." if names else "None are known."
    return f"Did you mean {suggestion!r}? {listing}" if suggestion else listing
