"""Own: a metric in one file of the user's, a plain function of an answer and its references.

    def score(answer: str, references: tuple[str, ...]) -> float:
        return float(answer.strip().endswith("."))

The file is run as code, so it is only ever one that a command or a recipe names, never one that
came with a model, a run or a data set.
"""

from __future__ import annotations

import hashlib
import math
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from numbers import Real
from pathlib import Path
from types import ModuleType
from typing import Any

from tunesmith.core.answers import Answer, shown
from tunesmith.core.errors import DataError, RecipeError, did_you_mean
from tunesmith.evaluation.metrics.metric import Scores
from tunesmith.evaluation.own_files import file_of

FUNCTION = "score"
NOT_THERE = (
    "lock.json",
    "tunesmith.json",
    "prompt.json",
    "adapter_config.json",
    "*.safetensors",
    "*.gguf",
    "dataset_info.json",
)
"""What marks a folder of a run, a model or a data set; code in one of these is not run."""
DEPTH = 3
"""Folders above a file that are looked at, its own among them."""
RESERVED = frozenset(
    {
        *("text", "cut", "answer", "weighed", "finish_reason", "n_prompt_tokens", "n_tokens"),
        *("latency_s", "cost", "why", "scores", "tables", "template", "seconds", "length_ratio"),
        *("tokens_per_s", "mean_tokens", "cost_per_1000", "value", "low", "high"),
    }
)
"""What else is told of an answer, or of a model beside its scores."""
RESERVED_END = "_fraction"
"""Of the shares of answers."""


class ScoreError(DataError):
    """One answer could not be scored.

    Attributes:
        place: which of the answers, from 0.
        told: what happened.
    """

    def __init__(self, place: int, told: str) -> None:
        super().__init__(f"answer {place + 1}: {told}")
        self.place = place
        self.told = told


@dataclass(frozen=True, slots=True)
class OwnMetric:
    """A metric in a file of the user's.

    Attributes:
        name: of its score.
        file: absolute.
        sha256: of the file.
        function: scores one answer.
        higher_is_better: of its score.
        scale: between what it lies; empty: unbounded.
        about: the first sentence of the function's docstring.
    """

    name: str
    file: Path
    sha256: str
    function: Callable[[str, tuple[str, ...]], Any]
    higher_is_better: bool
    scale: str
    about: str

    def score(self, answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        """The mean over all answers; one that cannot be read is the empty text.

        Raises:
            ScoreError: the function raised, or returned no number.
        """
        found = [
            self._one(place, shown(answer), tuple(shown(one) for one in accepted))
            for place, (answer, accepted) in enumerate(zip(answers, references, strict=True))
        ]
        mean = math.fsum(found) / len(found)
        return Scores({self.name: mean}, [{self.name: value} for value in found])

    def _one(self, place: int, answer: str, references: tuple[str, ...]) -> float:
        try:
            value = self.function(answer, references)
        except Exception as error:
            told = f"{_place(error, self.file)}: {type(error).__name__}: {error}"
            raise ScoreError(place, told) from error
        number = float(value) if isinstance(value, Real) else math.nan
        if not math.isfinite(number):
            told = f"{self.file}: returned {value!r:.80}, which is no number. Return a float."
            raise ScoreError(place, told)
        return number


def own_metric(name: str) -> OwnMetric:
    """Loads a metric from the user's own file.

    Args:
        name: ``FILE.py``, or ``FILE.py:FUNCTION``.

    Raises:
        RecipeError: there is no such file or function, the file is broken, or it lies in the folder
            of a run, a model or a data set.
    """
    text = file_of(name)
    file = Path(text).expanduser().absolute()
    _require_own(file)
    try:
        source = file.read_bytes()
    except FileNotFoundError:
        near = did_you_mean(file.name, [p.name for p in _python_files(file.parent)])
        raise RecipeError(f"metric {name!r}: no such file, {file}. {near}") from None
    except OSError as error:
        raise RecipeError(f"metric {name!r}: {file} cannot be read ({error.strerror}).") from None
    module = _module(file, source)
    wanted = name.removeprefix(text).removeprefix(":") or FUNCTION
    function = getattr(module, wanted, None)
    if not callable(function):
        known = [key for key, one in vars(module).items() if callable(one) and key[0] != "_"]
        raise RecipeError(
            f"{file}: no function {wanted!r}. {did_you_mean(wanted, known)} Write it as "
            f"{wanted}(answer: str, references: tuple[str, ...]) -> float."
        )
    default = wanted if wanted != FUNCTION else file.stem
    return OwnMetric(
        _free(getattr(module, "NAME", default), file),
        file,
        hashlib.sha256(source).hexdigest(),
        function,
        bool(getattr(module, "HIGHER_IS_BETTER", True)),
        _scale(getattr(module, "SCALE", None), file),
        (function.__doc__ or "").strip().partition("\n")[0],
    )


def _free(name: Any, file: Path) -> str:
    """The name of a score, where nothing else in tables and files of answers is called so.

    Raises:
        RecipeError: something is.
    """
    told = str(name).strip()
    if told and told not in RESERVED and not told.endswith(RESERVED_END):
        return told
    fact = "is no name" if not told else "is the name of something else that is told of answers"
    raise RecipeError(f"{file}: the score is called {told!r}, which {fact}. Set NAME = to another.")


def _require_own(file: Path) -> None:
    """Checks that a file did not come with a model, a run or a data set."""
    for folder in list(file.resolve().parents)[:DEPTH]:
        for mark in NOT_THERE:
            if next(folder.glob(mark), None) is not None:
                raise RecipeError(
                    f"{file}: lies in {folder}, which holds a run, a model or a data set "
                    f"({mark}). Code from there is not run; put your metric elsewhere."
                )


def _python_files(folder: Path) -> list[Path]:
    return list(folder.glob("*.py")) if folder.is_dir() else []


@cache
def _module(file: Path, source: bytes) -> ModuleType:
    """Runs a file once, without a place on the import path and without writing bytecode."""
    module = ModuleType(f"tunesmith_own_{hashlib.sha256(source).hexdigest()[:12]}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module  # dataclasses look their module up there
    try:
        exec(compile(source, str(file), "exec"), module.__dict__)
    except SyntaxError as error:
        raise RecipeError(f"{file}:{error.lineno}: {error.msg}.") from None
    except Exception as error:
        told = f"{_place(error, file)}: {type(error).__name__}: {error}"
        raise RecipeError(f"{told}. The file must load by itself.") from error
    return module


def _scale(value: Any, file: Path) -> str:
    """Between what the scores lie, in words."""
    if value is None:
        return ""
    match value:
        case (int() | float() as low, int() | float() as high) if low < high:
            return f"{low:g} to {high:g}"
        case _:
            raise RecipeError(f"{file}: SCALE={value!r}. Write two numbers, as SCALE = (0, 1).")


def _place(error: BaseException, file: Path) -> str:
    """The last line of the user's file that an error came through."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(file)
    ]
    return f"{file}:{lines[-1]}" if lines else str(file)
