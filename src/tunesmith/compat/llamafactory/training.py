"""Training: how long, in which portions, how often it is looked at, and what is kept."""

from __future__ import annotations

from typing import Any

from tunesmith.compat.llamafactory.account import Account
from tunesmith.compat.llamafactory.counted import Counted
from tunesmith.trackers import TRACKERS

Fields = dict[str, Any]
EVERY = "train.eval_every_fraction"


def max_steps_of(account: Account) -> int | None:
    """Steps of the run, where the file says how many; not positive: as the epochs make."""
    steps = account.number("max_steps", -1)
    return int(steps) if steps > 0 else None


def train(account: Account, counted: list[Counted]) -> Fields:
    """The recipe's ``train``."""
    fields = _length(account)
    at_once = account.number("per_device_train_batch_size", 8)
    n_accumulated = account.number("gradient_accumulation_steps", 1)
    account.maps("per_device_train_batch_size", "train.micro_batch_size")
    account.maps("gradient_accumulation_steps", "train.batch_size")
    n_processes = _processes(account)
    fields |= {
        "batch_size": at_once * n_accumulated * n_processes,
        "micro_batch_size": at_once,
    }
    fields |= _arithmetic(account) | _order(account) | _packing(account)
    fields["eval_every_fraction"] = _every(account, fields, counted)
    fields["eval_batch_size"] = account.number("per_device_eval_batch_size", 8)
    account.maps("per_device_eval_batch_size", "train.eval_batch_size")
    if alpha := account.number("neftune_noise_alpha"):
        fields["neftune_alpha"] = alpha
    account.maps("neftune_noise_alpha", "train.neftune_alpha")
    return fields | _kept(account)


def _processes(account: Account) -> int:
    """Ray's processes, whose batches make one step there; of others the file does not tell."""
    n = int(account.number("ray_num_workers", 1))
    note = "processes share a step there; here one makes the whole of it" if n > 1 else ""
    account.maps("ray_num_workers", "train.batch_size", note)
    return max(1, n)


def _length(account: Account) -> Fields:
    steps = max_steps_of(account)
    account.maps("max_steps", "train.max_steps")
    if steps is None:
        account.maps("num_train_epochs", "train.epochs")
        return {"epochs": account.number("num_train_epochs", 3.0)}
    account.skips("num_train_epochs", "max_steps alone decides")
    account.comment("train.epochs", "max_steps alone decides there: as many epochs as never matter")
    return {"epochs": float(steps), "max_steps": steps}


def _arithmetic(account: Account) -> Fields:
    fields: Fields = {}
    is_bf16, is_pure = account.flag("bf16"), account.flag("pure_bf16")
    if is_bf16 or is_pure:
        fields["precision"] = "bfloat16"
    note = "holds all weights in bfloat16; here trained ones are held in float32" if is_pure else ""
    account.maps("bf16", "train.precision")
    account.maps("pure_bf16", "train.precision", note)
    if account.flag("fp16"):
        fields["precision"] = "auto"
        note = "computes in float16; here in bfloat16 where the device can, else in float32"
        account.maps("fp16", "train.precision", note)
    account.skips("fp16", "switched off")
    # There, activations are computed again unless that is switched off; the first key has no say.
    fields["gradient_checkpointing"] = not account.flag("disable_gradient_checkpointing")
    for key in ("disable_gradient_checkpointing", "gradient_checkpointing"):
        account.maps(key, "train.gradient_checkpointing")
    return fields


def _order(account: Account) -> Fields:
    fields: Fields = {"seed": account.number("seed", 42)}
    account.maps("seed", "train.seed")
    account.skips("data_seed", "one seed decides everything")
    sampling = account.get("train_sampling_strategy", "random")
    grouped = account.flag("group_by_length") or sampling == "group_by_length"
    fields["length_grouping"] = grouped
    if account.flag("disable_shuffling") or sampling == "sequential":
        fields["shuffle"] = False
    for key, to in (
        ("group_by_length", "length_grouping"),
        ("train_sampling_strategy", "length_grouping"),
        ("disable_shuffling", "shuffle"),
    ):
        account.maps(key, f"train.{to}")
    return fields


def _packing(account: Account) -> Fields:
    """Examples side by side that never see each other, as ``neat_packing`` has them."""
    stage = str(account.get("stage", "sft"))
    if stage == "pt":
        return {}  # the task joins documents
    is_packed = stage == "sft" and (account.flag("packing") or account.flag("neat_packing"))
    for key in ("packing", "neat_packing"):
        if stage == "sft":
            account.maps(key, "train.packing")
        else:
            account.skips(key, f"stage {stage} is not packed there")
    if not is_packed:
        return {}
    account.comment(
        "train.batch_size", "counts packed rows of cutoff_len tokens there, examples here"
    )
    return {"packing": True}


def _every(account: Account, fields: Fields, counted: list[Counted]) -> float:
    """Evaluations and checkpoints come together here: as often as evaluations do there."""
    kinds = {
        "eval": str(account.get("eval_strategy", "no")).lower(),
        "save": str(account.get("save_strategy", "steps")).lower(),
    }
    leader = "save" if kinds["eval"] in ("no", "false") else "eval"
    for name in kinds:
        reason = f"comes together with {leader}_steps"
        note = "counts steps; here it is a share of the run"
        for key in (f"{name}_strategy", f"{name}_steps"):
            if name == leader:
                account.maps(key, EVERY, note if key.endswith("steps") else "")
            else:
                account.skips(key, reason)
    if kinds[leader] == "epoch":
        is_stopped = "max_steps" in fields
        return 0.2 if is_stopped else min(1.0, 1 / fields["epochs"])
    if kinds[leader] != "steps":
        return 1.0
    unset = 500 if leader == "save" else account.number("logging_steps", 500)
    steps = account.number(f"{leader}_steps", unset)
    if steps < 1:
        return steps
    entry = Counted(f"{leader}_steps", int(steps), "steps", EVERY, is_needed=False)
    if "max_steps" in fields:
        return entry.share(fields["max_steps"])
    counted.append(entry)
    return 0.2


BEST_METRICS = {"loss": "eval_loss", "accuracy": "token_accuracy"}
"""Its name there, without ``eval_`` -> here."""


def _kept(account: Account) -> Fields:
    """What is left when the run ends."""
    fields: Fields = {"keep": "last"}
    if account.flag("load_best_model_at_end") or account.get("early_stopping_steps"):
        fields["keep"] = "best"
        metric = str(account.get("metric_for_best_model", "loss"))
        name = BEST_METRICS.get(metric.removeprefix("eval_"))
        if name is None:
            account.refuses(
                "metric_for_best_model", f"{metric!r}: known here are loss and accuracy. Scores "
                "of answers during a run: train.score_rows and train.best_metric.",
            )  # fmt: skip
        elif name != "eval_loss":
            fields["best_metric"] = name
    if (patience := account.number("early_stopping_steps")) is not None:
        fields["patience"] = int(patience)
    account.maps("load_best_model_at_end", "train.keep")
    account.maps("metric_for_best_model", "train.best_metric")
    account.skips("greater_is_better", "known of the metric")
    account.maps(
        "early_stopping_steps", "train.patience", "the base is evaluated too, and is the first to "
        "be improved on",
    )  # fmt: skip
    if (limit := account.number("save_total_limit")) is not None:
        fields["keep_checkpoints"] = max(1, int(limit))
    account.maps("save_total_limit", "train.keep_checkpoints")
    return fields


def trackers(account: Account) -> list[str]:
    """The recipe's ``trackers``: those of ``report_to`` that are here."""
    wanted = [name for name in account.names("report_to") if name not in ("none", "all")]
    known = [name for name in wanted if name in TRACKERS.names()]
    missing = [name for name in wanted if name not in known]
    if missing:
        reason = f"no tracker {', '.join(missing)} here; figures are in the run's metrics.jsonl"
        account.skips("report_to", reason)
    account.maps("report_to", "trackers")
    return known


def evaluate(account: Account) -> Fields:
    """The recipe's ``evaluate``; empty where the file makes no answers."""
    makes_answers = account.flag("predict_with_generate") or account.flag("do_predict")
    keys = ("generation_max_length", "max_new_tokens", "max_length")
    if not makes_answers:
        for key in ("predict_with_generate", "do_predict"):
            account.skips(key, "switched off")
        for key in keys:
            account.skips(key, "only where answers are made: do_predict")
        return {}
    for key in ("predict_with_generate", "do_predict"):
        account.maps(key, "evaluate")
    longest = next((n for key in keys if (n := account.number(key)) is not None), 1024)
    for key in keys:
        account.maps(key, "evaluate.max_new_tokens")
    return {
        "max_new_tokens": longest,
        "batch_size": account.number("per_device_eval_batch_size", 8),
    }
