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
    judge = given.pop("judge", None)
    if isinstance(judge, Mapping):  # a noun of its own, whose options stand beside the others
        given |= {"judge": judge.get("model"), **{k: v for k, v in judge.items() if k != "model"}}
    for name, value in given.items():
        if name in UNSAID or value is None or value is False:
            continue
        option = f"--{NAMES.get(name, name).replace('_', '-')}"
        if value is True:
            words.append(option)
        elif isinstance(value, Mapping):
            words += [word for k, v in value.items() for word in (option, f"{k}={v}")]
        elif isinstance(value, list | tuple):
            words += [word for one in value for word in (option, str(one))]
        else:
            words += [option, str(value)]
    return shlex.join(words)
