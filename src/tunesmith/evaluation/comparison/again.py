"""Again: the command that repeats a comparison."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

NAMES = {"metrics": "metric", "templates": "template", "criteria": "criterion"}
"""Options that are not called as the fields of a request: one at a time."""
UNSAID = {"models", "seed"}
"""Fields that are no options: models stand alone, and the seed is the same for everyone."""


def again(request: Mapping[str, Any]) -> str:
    """The command, quoted for a shell.

    A request holds no key: those come from the environment, and an address with one is refused.

    Args:
        request: of ``comparison.json``.
    """
    words = ["tunesmith", "compare", *request["models"]]
    given = dict(request)
    given["prices"] = _listed(given.get("prices"))
    judge = given.pop("judge", None)
    if isinstance(judge, Mapping):  # a noun of its own, whose options stand beside the others
        given |= {"judge": judge.get("model")} | {k: judge.get(k) for k in ("rubric", "criteria")}
        given["judge_prices"] = _pair(judge.get("prices"))
        given["judge_max_cost"] = judge.get("max_cost")
    for name, value in given.items():
        if name in UNSAID or value is None or value is False:
            continue
        option = f"--{NAMES.get(name, name).replace('_', '-')}"
        if value is True:
            words.append(option)
        elif name in ("prices", "judge_prices"):
            words += [word for one in value for word in (option, *one.split(" "))]
        elif isinstance(value, Mapping):
            words += [word for k, v in value.items() for word in (option, f"{k}={v}")]
        elif isinstance(value, list | tuple):
            words += [word for one in value for word in (option, str(one))]
        else:
            words += [option, str(value)]
    return shlex.join(words)


def _listed(prices: Mapping[str, Any] | None) -> list[str]:
    """What stands behind each ``--prices``: those of all models, then those of single ones."""
    if prices is None:
        return []
    single = (prices.get("by_name") or {}).items()
    named = [f"{name}={_pair(one)[0].replace(' ', ',')}" for name, one in single]
    return [*_pair(prices.get("others")), *named]


def _pair(prices: Mapping[str, float] | None) -> list[str]:
    """Prices of prompt and answer, as one text; none where they are not known."""
    if prices is None:
        return []
    return [f"{prices['prompt']:.15g} {prices['answer']:.15g}"]
