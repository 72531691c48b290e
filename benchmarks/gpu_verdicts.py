"""What the GPU benchmark was to reach, beside what it reached; pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

GOALS = {"lora": 18000, "qlora": 16000}
"""Useful tokens a second on one H200, for the shape of Llama 2 7B."""
CARD = "H200"
PEERS = {"trl": ("lora", "qlora", "dpo"), "unsloth": ("lora", "qlora")}
LEAST_RATIO = 1.3
"""Times the rate of the fastest peer of the same run, at no more memory."""

Cases = Mapping[str, Mapping[str, Any]]


def verdicts(cases: Cases, gpu: str | None) -> list[dict[str, Any]]:
    """Each goal: ``case``, ``what``, ``wanted``, ``found`` and ``is_met``.

    Where there is no figure, ``found`` and ``is_met`` are None and ``why`` tells the reason.

    Args:
        cases: entries by name, a peer's as ``lora trl``.
        gpu: its name.
    """
    rows = [_rate(case, goal, cases, gpu) for case, goal in GOALS.items()]
    for case in dict.fromkeys(case for known in PEERS.values() for case in known):
        rows += _against_peers(case, cases)
    return rows


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The goals as lines of text."""
    lines = []
    for row in rows:
        met = {True: "met", False: "NOT MET", None: "not judged"}[row["is_met"]]
        found = f"{row['found']:,.2f}" if row["found"] is not None else f"({row['why']})"
        lines.append(f"{row['case']:<8}{row['what']:<42}{row['wanted']:>9,} {found:>14}  {met}")
    return "\n".join(lines)


def ratios(cases: Cases) -> dict[str, float]:
    """Our tokens a second by those of the fastest peer, where one ran."""
    found = {}
    for case in dict.fromkeys(case for known in PEERS.values() for case in known):
        own, peer = cases.get(case, {}).get("tokens_per_s"), _fastest(case, cases)
        if own and peer is not None:
            found[case] = own / peer["tokens_per_s"]
    return found


def _rate(case: str, goal: int, cases: Cases, gpu: str | None) -> dict[str, Any]:
    entry = cases.get(case, {})
    row = {"case": case, "what": f"useful tokens/s on one {CARD}, at least", "wanted": goal}
    if CARD not in (gpu or ""):
        return {**row, **_open(f"this is {gpu or 'no GPU'}")}
    return _judged(row, entry.get("tokens_per_s"), _reason(entry), lambda found: found >= goal)


def _against_peers(case: str, cases: Cases) -> list[dict[str, Any]]:
    entry, peer = cases.get(case, {}), _fastest(case, cases)
    faster = {"case": case, "what": "times the fastest peer, at least", "wanted": LEAST_RATIO}
    leaner = {"case": case, "what": "times its memory, at most", "wanted": 1}
    if peer is None:
        return [{**row, **_open("no peer ran")} for row in (faster, leaner)]
    own, own_gib, gib = (
        entry.get("tokens_per_s"),
        entry.get("peak_gib"),
        peer.get("peak_gib"),
    )
    ratio = own / peer["tokens_per_s"] if own else None
    share = own_gib / gib if own_gib and gib else None
    return [
        _judged(faster, ratio, _reason(entry), lambda found: found >= LEAST_RATIO),
        _judged(leaner, share, _reason(entry), lambda found: found <= 1),
    ]


def _fastest(case: str, cases: Cases) -> Mapping[str, Any] | None:
    ran = [cases.get(f"{case} {peer}", {}) for peer in PEERS]
    ran = [entry for entry in ran if entry.get("tokens_per_s")]
    return max(ran, key=lambda entry: entry["tokens_per_s"], default=None)


def _judged(row: dict[str, Any], found: float | None, why: str, is_met: Any) -> dict[str, Any]:
    if found is None:
        return {**row, **_open(why)}
    return {**row, "found": found, "is_met": bool(is_met(found))}


def _open(why: str) -> dict[str, Any]:
    return {"found": None, "is_met": None, "why": why}


def _reason(entry: Mapping[str, Any]) -> str:
    return str(entry.get("skipped") or entry.get("failed") or "no figure")
