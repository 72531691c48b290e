"""Stage: what is learnt of an example, and what is minimised."""

from __future__ import annotations

from typing import Any

from tunesmith.compat.llamafactory.account import Account
from tunesmith.objectives import OBJECTIVES

PREFERENCE_LOSSES = {
    "sigmoid": "dpo",
    "hinge": "hinge",
    "ipo": "ipo",
    "kto_pair": "kto-pair",
    "orpo": "orpo",
    "simpo": "simpo",
}
"""``pref_loss`` there -> the objective's name here."""

WEIGHTS = {
    "pref_ftx": "sft_weight",
    "pref_bco_weight": "bco_weight",
    "dpo_label_smoothing": "label_smoothing",
    "ld_alpha": "length_alpha",
}
"""Further figures of a preference loss, written only where they do something."""

NOTES = {
    "pref_bco_weight": "rewards are not shifted by their moving average",
    "ld_alpha": "counts for the reference model too, so that equal models cost log 2",
}
"""Where such a figure means something else than there."""

TASKS = {"sft": "sft", "pt": "causal-lm", "dpo": "preference", "kto": "preference"}
"""``stage`` there -> the task's name here."""

REFUSED = {
    "rm": "reward models are not trained here. For preferences, stage: dpo learns from the same "
    "data without one.",
    "ppo": "learning from a reward model is not here. stage: dpo learns from preferences directly.",
}


def stage(account: Account) -> str:
    """The stage of a file, refused where there is none such here."""
    name = str(account.get("stage", "sft"))
    if name not in TASKS:
        account.refuses("stage", REFUSED.get(name, f"no stage {name!r}. Known: dpo, kto, pt, sft."))
    account.maps("stage", "task")
    return name


def task(account: Account, name: str) -> str | dict[str, Any]:
    """The recipe's ``task``."""
    known = TASKS.get(name, "sft")
    learns_all, learns_last = account.flag("train_on_prompt"), account.flag("mask_history")
    if learns_all and learns_last:
        account.refuses("mask_history", "goes against train_on_prompt; keep one of them.")
    for key in ("train_on_prompt", "mask_history"):
        if name == "sft":
            account.maps(key, "task.train_on")
        else:
            account.skips(key, f"stage {name} decides what is learnt")
    if name == "pt":
        return _running_text(account)
    if name != "sft" or not (learns_all or learns_last):
        return known
    return {"name": known, "train_on": "everything" if learns_all else "last"}


def _running_text(account: Account) -> str | dict[str, Any]:
    """Joined to one stream unless that is switched off, as there."""
    is_joined = account.flag("packing", True)
    account.maps("packing", "task.documents")
    account.skips("neat_packing", "belongs to stage: sft")
    return {"name": TASKS["pt"], "documents": "joined"} if is_joined else TASKS["pt"]


def objective(account: Account, name: str) -> dict[str, Any] | None:
    """The recipe's ``objective``; None: the one over tokens."""
    fields = _objective(account, name)
    owner = {"dpo": "stage: kto", "kto": "stage: dpo"}.get(name, "stages dpo and kto")
    for key in ("pref_beta", "pref_loss", "simpo_gamma", *WEIGHTS):
        account.skips(key, f"belongs to {owner}")
    for key in ("kto_chosen_weight", "kto_rejected_weight"):
        account.skips(key, "belongs to stage: kto")
    return fields


def _objective(account: Account, name: str) -> dict[str, Any] | None:
    if name not in ("dpo", "kto"):
        return None
    beta = account.number("pref_beta", 0.1)
    account.maps("pref_beta", "objective.beta")
    if name == "kto":
        fields: dict[str, Any] = {"name": "kto", "beta": beta}
        for key, to in (
            ("kto_chosen_weight", "desirable_weight"),
            ("kto_rejected_weight", "undesirable_weight"),
        ):
            fields[to] = account.number(key, 1.0)
            account.maps(key, f"objective.{to}")
        fields |= _weights(account, name, ("pref_ftx",))
        return fields
    loss = str(account.get("pref_loss", "sigmoid"))
    account.maps("pref_loss", "objective")
    if loss not in PREFERENCE_LOSSES:
        account.refuses("pref_loss", f"no loss {loss!r}. Known: {', '.join(PREFERENCE_LOSSES)}.")
        return None
    fields = {"name": PREFERENCE_LOSSES[loss], "beta": beta}
    if loss == "simpo":
        fields["gamma"] = account.number("simpo_gamma", 0.5)
        account.maps("simpo_gamma", "objective.gamma")
    return fields | _weights(account, PREFERENCE_LOSSES[loss], tuple(WEIGHTS))


def _weights(account: Account, name: str, keys: tuple[str, ...]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    known = OBJECTIVES.load(name).model_fields
    for key in keys:
        if WEIGHTS[key] not in known:
            account.skips(key, f"does nothing with objective {name}")
            continue
        if value := account.number(key):
            fields[WEIGHTS[key]] = value
        account.maps(key, f"objective.{WEIGHTS[key]}", NOTES.get(key, ""))
    return fields
