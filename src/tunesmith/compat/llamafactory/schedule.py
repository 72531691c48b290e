"""Schedule: the optimizer, its rate, and how the rate rises and falls."""

from __future__ import annotations

from typing import Any

from tunesmith.compat.llamafactory.account import Account
from tunesmith.compat.llamafactory.counted import Counted

OPTIMIZERS = {
    "adamw_torch": "adamw",
    "adamw_torch_fused": "adamw",
    "adamw_hf": "adamw",
    "adamw_apex_fused": "adamw",
    "adamw_torch_xla": "adamw",
    "adamw_torch_npu_fused": "adamw",
    "paged_adamw": "paged_adamw_32bit",
    "paged_adamw_32bit": "paged_adamw_32bit",
    "paged_adamw_8bit": "paged_adamw_8bit",
    "adamw_8bit": "adamw_8bit",
    "adamw_bnb_8bit": "adamw_8bit",
}
"""``optim`` there -> ``optim.name`` here."""

SCHEDULES = {
    "linear": "linear",
    "cosine": "cosine",
    "constant": "constant",
    "constant_with_warmup": "constant",
}
"""``lr_scheduler_type`` there -> ``optim.schedule`` here."""

FIGURES = {
    "weight_decay": "weight_decay",
    "adam_beta1": "beta1",
    "adam_beta2": "beta2",
    "adam_epsilon": "eps",
    "max_grad_norm": "clip_norm",
}
"""Figures that mean the same, with the same defaults."""


def optim(account: Account, max_steps: int | None, counted: list[Counted]) -> dict[str, Any]:
    """The recipe's ``optim``."""
    fields: dict[str, Any] = {"lr": account.number("learning_rate", 5e-5)}
    account.maps("learning_rate", "optim.lr")
    if (name := _optimizer(account)) != "adamw":
        fields["name"] = name
    kind = str(account.get("lr_scheduler_type", "linear"))
    account.maps("lr_scheduler_type", "optim.schedule")
    if kind in SCHEDULES:
        fields["schedule"] = SCHEDULES[kind]
    else:
        account.refuses(
            "lr_scheduler_type", f"{kind!r} is not here. Known: {', '.join(SCHEDULES)}."
        )
    fields["warmup_fraction"] = _warmup(account, kind, max_steps, counted)
    for key, to in FIGURES.items():
        if (value := account.number(key)) is not None:
            fields[to] = value
        account.maps(key, f"optim.{to}")
    return fields


def _optimizer(account: Account) -> str:
    name = str(account.get("optim", "adamw_torch"))
    if account.flag("adafactor"):
        account.refuses("adafactor", "this optimizer is not here.")
    account.skips("adafactor", "switched off")
    is_paged_here = OPTIMIZERS.get(name, name) != name and name.endswith("8bit")
    account.maps(
        "optim", "optim.name", "keeps its state paged here; the figures are the same"
        if is_paged_here else "",
    )  # fmt: skip
    if name not in OPTIMIZERS:
        account.refuses("optim", f"{name!r} is not here. Known: {', '.join(OPTIMIZERS)}.")
    return OPTIMIZERS.get(name, "adamw")


def _warmup(
    account: Account, schedule: str, max_steps: int | None, counted: list[Counted]
) -> float:
    """A share of the steps; a number of steps becomes one when their total is known."""
    to = "optim.warmup_fraction"
    share, steps = account.number("warmup_ratio", 0.0), account.number("warmup_steps", 0)
    if schedule == "constant":
        for key in ("warmup_ratio", "warmup_steps"):
            account.skips(key, "a constant rate has no warm-up; constant_with_warmup has")
        return 0.0
    if not steps:
        account.maps("warmup_ratio", to)
        account.skips("warmup_steps", "switched off")
        return share
    account.skips("warmup_ratio", "warmup_steps holds where both are given")
    if steps < 1:
        account.maps("warmup_steps", to)
        return steps
    account.maps("warmup_steps", to, "counts steps; here it is a share of them")
    entry = Counted("warmup_steps", int(steps), "steps", to)
    if max_steps is not None:
        return entry.share(max_steps)
    counted.append(entry)
    return 0.0
