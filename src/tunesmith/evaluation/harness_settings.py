"""Harness settings: what a task of the harness says of its answers -> how they are written here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunesmith.chat.chat_model import Sampling
from tunesmith.core.errors import DataError

LONGEST_ANSWER = 256
"""Tokens of an answer where a task sets no limit, as in the harness's own model."""
LIMITS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""Names of that limit; the first that is there counts, as in the harness."""
WITHOUT_DRAWS = ("until", "do_sample", "temperature", "top_p", "top_k")
"""What is followed, or makes no difference to the likeliest token."""
IDLE = (None, False, 0, 1)
"""Values with which other settings change nothing, such as ``num_beams: 1``."""


def sampling_of(settings: Mapping[str, Any], task: str) -> Sampling:
    """How a task's answers are written.

    Args:
        settings: its ``generation_kwargs``.
        task: its name.

    Raises:
        DataError: it wants tokens drawn by chance, or something else that is not done here.
    """
    if _draws(settings):
        raise DataError(
            f"task {task}: draws tokens by chance, and a comparison is to give the same again. "
            "Set do_sample: false in its generation_kwargs."
        )
    for name, value in settings.items():
        if name not in (*LIMITS, *WITHOUT_DRAWS) and value not in IDLE:
            raise DataError(
                f"task {task}: {name}: {value!r} in its generation_kwargs is not followed here, "
                "so its scores would be others. Take it out, or run the task with lm_eval itself."
            )
    given = [settings[name] for name in LIMITS if settings.get(name) is not None]
    until = settings.get("until") or ()
    return Sampling(
        max_new_tokens=int(given[0]) if given else LONGEST_ANSWER,
        stop=(until,) if isinstance(until, str) else tuple(until),
    )


def _draws(settings: Mapping[str, Any]) -> bool:
    """Whether tokens are drawn, by the rules of the harness's own models."""
    wanted, temperature = settings.get("do_sample"), settings.get("temperature")
    if wanted is None:
        return bool(temperature)
    return bool(wanted) and (temperature is None or float(temperature) > 0)
