"""Chosen: a metric as somebody names it, with its settings or in a file of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from tunesmith.core.answers import Answer
from tunesmith.core.errors import RecipeError
from tunesmith.core.part import PartError
from tunesmith.evaluation.metrics import METRICS
from tunesmith.evaluation.metrics.likelihood import LikelihoodMetric
from tunesmith.evaluation.metrics.metric import Kind, Parts, Scores
from tunesmith.evaluation.metrics.own import OwnMetric, own_metric
from tunesmith.evaluation.own_files import is_own
from tunesmith.evaluation.perplexity import Foretold


@dataclass(frozen=True, slots=True)
class Chosen:
    """A metric that is used: what its scores are called and mean, and how they are had.

    Attributes:
        told: as it was named.
        gives: names of its scores; the first is the one to judge by.
        headings: words for them in tables.
        score: of answers against their reference answers.
        foretell: of how well texts are foretold; None: it compares answers.
        higher_is_better: of all its scores.
        about: what they say.
        details: how they differ from each other.
        scales: between what they lie where that is not 0 to 1; empty: unbounded.
        empty: what an answer without text says.
        fits: answers that it can score.
        require_usable: raises where something that it needs is not here.
        same_counts: scores that tell models apart only where these count alike, as tokens.
        source: ``file`` and ``sha256`` of one that is the user's own.
    """

    told: str
    gives: tuple[str, ...]
    headings: Mapping[str, str]
    score: Callable[[Sequence[Answer], Sequence[Sequence[Answer]]], Scores]
    foretell: Callable[[Sequence[Foretold]], Scores] | None = None
    higher_is_better: bool = True
    about: str = ""
    details: str = ""
    scales: Mapping[str, str] = field(default_factory=dict)
    empty: str = "an empty answer"
    fits: frozenset[Kind] = frozenset({"text", "classes", "numbers"})
    require_usable: Callable[[], None] = lambda: None
    source: Mapping[str, str] = field(default_factory=dict)
    same_counts: frozenset[str] = frozenset()


def chosen(names: Iterable[str]) -> list[Chosen]:
    """The metrics of some names, in their order.

    A name is that of a metric, with settings behind it (``rouge:units=jieba``), or a file of one's
    own (``my_metric.py``, ``my_metric.py:function``). Where two give scores of one name, as with
    two settings of one metric, those of the later one carry its settings.

    Raises:
        RecipeError: there is no such metric, setting, file or function, or two cannot be told
            apart.
    """
    found: list[Chosen] = []
    for name in names:
        one = _one(name)
        taken = {score for other in found for score in (*other.gives, *other.headings)}
        if taken & {*one.gives, *one.headings}:
            one = _marked(one)
        if taken & {*one.gives, *one.headings}:
            raise RecipeError(
                f"metric {name!r}: its scores are called as those of another metric here "
                f"({', '.join(one.gives)}). Name it once, or give a file of your own another NAME."
            )
        found.append(one)
    return found


def _one(name: str) -> Chosen:
    if is_own(name):
        return _own(name, own_metric(name))
    kind, _, settings = name.partition(":")
    if kind not in METRICS.names() and kind.replace("_", "-") in METRICS.names():
        kind = kind.replace("_", "-")
    METRICS.load(kind)  # an unknown name is answered with the nearest one
    try:
        metric = METRICS.parse({"name": kind, **_settings(name, settings)})
    except PartError as error:
        raise RecipeError(f"metric {name!r}: {error}") from None
    return Chosen(
        name,
        metric.gives,
        metric.headings,
        metric.score,
        metric.foretell if isinstance(metric, LikelihoodMetric) else None,
        metric.higher_is_better,
        metric.about,
        metric.details,
        metric.scales,
        metric.empty,
        metric.fits,
        metric.require_usable,
        same_counts=metric.same_counts,
    )


def _settings(name: str, text: str) -> dict[str, Any]:
    """Settings written ``key=value,key=value``; values are YAML, as in a recipe."""
    found: dict[str, Any] = {}
    for setting in filter(None, text.split(",")):
        key, sign, value = setting.partition("=")
        if not sign:
            raise RecipeError(
                f"metric {name!r}: settings are written NAME:KEY=VALUE, as in rouge:units=jieba."
            )
        try:
            found[key.strip()] = value if key.strip() in _texts(name) else yaml.safe_load(value)
        except yaml.YAMLError:
            raise RecipeError(
                f"metric {name!r}: {key.strip()}={value} is no YAML value. Write a number, true, "
                "false or a word, in quotes where it has signs."
            ) from None
    return found


def _texts(name: str) -> set[str]:
    """Settings that are text, so that 2.0 is the name of a version and no number."""
    fields = METRICS.load(name.partition(":")[0].replace("_", "-")).model_fields
    return {key for key, one in fields.items() if not _is_yaml(one.annotation)}


def _is_yaml(annotation: Any) -> bool:
    return any(word in str(annotation) for word in ("int", "float", "bool"))


def _own(name: str, own: OwnMetric) -> Chosen:
    return Chosen(
        name,
        (own.name,),
        {own.name: own.name},
        own.score,
        higher_is_better=own.higher_is_better,
        about=own.about,
        scales={} if own.scale == "0 to 1" else {own.name: own.scale},
        source={"file": str(own.file), "sha256": own.sha256},
    )


def _marked(one: Chosen) -> Chosen:
    """The same with its settings in the names of its scores."""
    settings = one.told.partition(":")[2].split(",")
    mark = ", ".join(setting.partition("=")[2] for setting in settings)
    if not mark or one.source:
        return one

    def named(score: str) -> str:
        return f"{score}/{mark}"

    def scored(answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        return _renamed(one.score(answers, references), named)

    def foretold(texts: Sequence[Foretold]) -> Scores:
        assert one.foretell is not None
        return _renamed(one.foretell(texts), named)

    return replace(
        one,
        gives=tuple(map(named, one.gives)),
        headings={named(score): f"{words} ({mark})" for score, words in one.headings.items()},
        scales={named(score): words for score, words in one.scales.items()},
        same_counts=frozenset(map(named, one.same_counts)),
        score=scored,
        foretell=None if one.foretell is None else foretold,
    )


def _renamed(scores: Scores, named: Callable[[str], str]) -> Scores:
    parts: dict[str, Parts] = {named(name): part for name, part in scores.parts.items()}
    return Scores(
        {named(name): value for name, value in scores.values.items()},
        [{named(name): value for name, value in row.items()} for row in scores.rows],
        parts,
        scores.notes,
    )


def own_hashes(names: Iterable[str]) -> dict[str, str]:
    """SHA-256 by file of the user's own metrics among some names.

    Raises:
        RecipeError: one of the names is wrong.
    """
    return {one.source["file"]: one.source["sha256"] for one in chosen(names) if one.source}
