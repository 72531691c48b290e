"""Judge compared: a judge's and people's preferences for a comparison that is on the disk."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from tunesmith.core.held import held
from tunesmith.core.runs import Run
from tunesmith.pipelines.compared_folder import COMPARISON, Compared, read_compared
from tunesmith.pipelines.comparison_files import keep_result
from tunesmith.pipelines.judge_answers import ask_judge, kept_judging
from tunesmith.pipelines.judge_request import JudgeRequest
from tunesmith.pipelines.preferences_told import tell_preferences


def judge_compared(
    out: str | Path,
    judge: JudgeRequest | None = None,
    *,
    batch_size: int = 32,
) -> dict[str, Any]:
    """Has a judge compare answers that are kept, and counts its verdicts and all votes anew.

    Args:
        out: folder of a comparison.
        judge: who judges; None: nobody is asked, and what is kept is counted.
        batch_size: prompts at once, of a judge on this machine.

    Returns:
        What ``comparison.json`` then holds.

    Raises:
        TunesmithError: there is no comparison, another process writes it, or the rubric or the
            judge's name says nothing.
    """
    folder = Path(out).expanduser()
    read_compared(folder)  # before a folder is made of a slip
    if judge is not None:
        judge.check()
    with held(folder, choose="Choose another folder with --out"):
        result = Run(folder).read(COMPARISON)
        if judge is not None:  # the command on the page asks it too
            request = result.setdefault("request", {"models": list(result["models"])})
            request["judge"] = _told(judge)
        seed = int(result.get("request", {}).get("seed", 0))
        add_preferences(folder, result, judge, batch_size=batch_size, seed=seed)
        keep_result(folder, result)
    return result


def add_preferences(
    folder: Path,
    result: dict[str, Any],
    judge: JudgeRequest | None,
    *,
    batch_size: int = 32,
    seed: int = 0,
) -> None:
    """Asks a judge what is missing, and puts what it and voters preferred into a result.

    Args:
        folder: of the comparison, whose examples are written.
        result: what it found, without a judge.
        judge: who judges; None: nobody is asked.
        batch_size: prompts at once, of a judge on this machine.
        seed: of resamples and exchanges.
    """
    unasked = ""
    if judge is not None:
        compared = read_compared(folder, result)
        unasked = _nothing_to_judge(compared) or ask_judge(compared, judge, at_once=batch_size)
    tell_preferences(folder, result, seed=seed)
    if judge is None and "request" in result:
        _tell_who_judged(folder, result["request"])
    if judge is not None and unasked:
        result.pop("judged", None)
        result["judge"] = {"model": judge.model, "failed": unasked}


def _tell_who_judged(folder: Path, request: dict[str, Any]) -> None:
    """Puts the judge whose verdicts are shown into a request, so that its command asks it too."""
    kept = kept_judging(folder)
    if kept is None:
        request.pop("judge", None)
        return
    asked = kept.request
    if asked is None:  # an earlier version kept no more
        asked = JudgeRequest(kept.model, kept.rubric.name, prices=kept.prices)
    told, before = _told(asked), request.get("judge") or {}
    if any(before.get(key) != told[key] for key in ("model", "rubric", "criteria")):
        request["judge"] = told


def _told(judge: JudgeRequest) -> dict[str, Any]:
    """A request for a judge, as JSON has it."""
    return {**asdict(judge), "criteria": list(judge.criteria)}


def _nothing_to_judge(compared: Compared) -> str:
    """Why there are no two texts to tell apart; empty: there are."""
    if len(compared.names) > 1:
        return ""
    if not compared.names:
        return (
            "there are no two texts to judge: the models foretold these texts and wrote none. "
            "Compare answers, with data that have requests."
        )
    return (
        f"there are no two texts to judge: only {compared.names[0]} answered. Compare it with "
        "another model."
    )
