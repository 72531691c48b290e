"""V1: a training file of LLaMA-Factory's second command -> the fields of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunesmith.compat.llamafactory.account import Account
from tunesmith.compat.llamafactory.conversion import Conversion, concluded
from tunesmith.compat.llamafactory.counted import Counted
from tunesmith.compat.llamafactory.v1_data import V1Source, v1_sources
from tunesmith.compat.llamafactory.v1_keys import GROUPS, flat, keys_of
from tunesmith.compat.llamafactory.v1_weights import adapter, method
from tunesmith.compat.llamafactory.weights import check_name
from tunesmith.core.errors import DataError
from tunesmith.templates import TEMPLATES

TEMPLATE = "llamafactory/v1/qwen3_nothink"
SAME_ROWS = ("normal", "padding_free")
"""Ways of batching that put the same rows into a step."""
EVERY = "train.eval_every_fraction"


def convert_v1(given: Mapping[str, Any], file: str | Path) -> Conversion:
    """Converts a training file; what is refused is in the result.

    Args:
        given: its keys; ``recognise`` says ``v1 training``.
        file: its place, for messages, and to find data that is not here.

    Raises:
        RecipeError: keys are unknown there, or no numbers or flags where they must be.
    """
    keys = flat(given)
    account = Account(keys, str(file), keys_of(keys))
    counted: list[Counted] = []
    sources = _sources(account, Path(file))
    is_ranked = _task(account, sources)
    fields: dict[str, Any] = {
        "model": _model(account),
        "data": _data(account, sources),
        "template": _template(account),
        "task": "preference" if is_ranked else "sft",
        "method": method(account),
        "objective": {"name": "dpo", "beta": 0.1} if is_ranked else None,
        "optim": _optim(account),
        "train": _train(account, counted),
        "out": str(account.get("output_dir", f"runs/{Path(file).stem}")),
    }
    account.maps("output_dir", "out")
    hints = _resume(account, fields["out"])
    for group in GROUPS:
        if account.get(group) is not None:
            account.refuses(group, "holds a mapping of keys, such as name, and this is none.")
    fields = {key: value for key, value in fields.items() if value not in (None, [], {})}
    account.close()
    assert not account.unaccounted, account.unaccounted
    return concluded(account, fields, counted=counted, hints=hints, trains=True)


def _model(account: Account) -> dict[str, Any]:
    account.maps("model", "model.path")
    path = str(account.get("model"))
    check_name(account, "model", path)
    started = adapter(account)
    return {"path": path} if started is None else {"path": path, "adapter": started}


def _sources(account: Account, file: Path) -> list[V1Source]:
    name = account.get("train_dataset")
    account.maps("train_dataset", "data.sources")
    if not name:
        account.refuses("train_dataset", "is needed: a list of sets as YAML, a file, or a hub set.")
        return []
    try:
        return v1_sources(str(name), file)
    except DataError as error:
        account.refuses("train_dataset", str(error))
        return []


def _task(account: Account, sources: list[V1Source]) -> bool:
    """Whether preferences are learnt; there the command says so, here the data."""
    ranked = [source.is_ranked for source in sources]
    if any(ranked) and not all(ranked):
        account.refuses("train_dataset", "holds preferences and answers; one file trains on one.")
    if any(ranked):
        account.comment("task", "the data holds preferences; LLaMA-Factory 0.9.5 trains them only "
        "with its first command, whose defaults for DPO stand here")  # fmt: skip
    return any(ranked)


def _data(account: Account, sources: list[V1Source]) -> dict[str, Any]:
    note = "cuts both sides there; here the answer only where its prompt is not enough"
    account.maps("cutoff_len", "data.max_tokens", note)
    if any("num_samples" in source.fields for source in sources):
        account.comment("data.sources", "size draws rows with replacement there; here without, as "
        "long as there are enough")  # fmt: skip
    return {
        "sources": [source.fields for source in sources],
        "validation_fraction": 0.0,
        "bad_rows": "reject",
        "max_tokens": account.number("cutoff_len", 2048),
        "too_long": "cut",
        "cut_answers": True,
    }


def _template(account: Account) -> str:
    name = str(account.get("template", "qwen3_nothink"))
    account.maps("template", "template")
    if name == "qwen3_nothink":
        return TEMPLATE
    if name not in TEMPLATES.names():
        account.refuses(
            "template",
            f"of this command only 'qwen3_nothink' is written here, not {name!r}. Others are taken "
            "by their whole names, such as template=llamafactory/qwen3.",
        )
    return name


def _optim(account: Account) -> dict[str, Any]:
    account.maps("learning_rate", "optim.lr")
    account.maps("max_grad_norm", "optim.clip_norm")
    account.comment("optim.schedule", "the rate never changes there, unless a plugin says so")
    account.comment("optim.weight_decay", "as torch's AdamW has it; vectors decay too there")
    return {
        "lr": account.number("learning_rate", 1e-4),
        "schedule": "constant",
        "warmup_fraction": 0.0,
        "weight_decay": 0.01,
        "clip_norm": account.number("max_grad_norm", 1.0),
    }


def _train(account: Account, counted: list[Counted]) -> dict[str, Any]:
    fields = _length(account) | _batch(account)
    if account.flag("bf16", True):
        fields["precision"] = "bfloat16"
    account.maps("bf16", "train.precision")
    fields["gradient_checkpointing"] = account.flag("enable_activation_checkpointing", True)
    account.maps("enable_activation_checkpointing", "train.gradient_checkpointing")
    fields |= {"seed": account.number("seed", 42), "length_grouping": False, "keep": "last"}
    account.maps("seed", "train.seed")
    fields["eval_every_fraction"] = _every(account, fields, counted)
    if (limit := account.number("save_total_limit")) is not None:
        fields["keep_checkpoints"] = max(1, int(limit))
    account.maps("save_total_limit", "train.keep_checkpoints")
    return fields


def _length(account: Account) -> dict[str, Any]:
    steps = account.number("max_steps", 0)
    account.maps("max_steps", "train.max_steps")
    if steps > 0:
        account.skips("num_train_epochs", "max_steps alone decides")
        account.comment("train.epochs", "max_steps alone decides there: as many as never matter")
        return {"epochs": float(steps), "max_steps": int(steps)}
    note = "leaves rows out there that do not fill an epoch's last step; here none is"
    account.maps("num_train_epochs", "train.epochs", note)
    return {"epochs": account.number("num_train_epochs", 3)}


def _batch(account: Account) -> dict[str, Any]:
    at_once = account.number("micro_batch_size", 1)
    account.maps("micro_batch_size", "train.micro_batch_size")
    account.maps("global_batch_size", "train.batch_size")
    strategy = str(account.get("batching_strategy", "normal"))
    if strategy not in SAME_ROWS:
        account.refuses(
            "batching_strategy", f"{strategy!r} fills a step with as many rows as make a number "
            "of tokens; here a step counts rows. Write normal.",
        )  # fmt: skip
    account.skips("batching_strategy", "only how rows are laid side by side")
    return {"batch_size": account.number("global_batch_size", at_once), "micro_batch_size": at_once}


def _every(account: Account, fields: Mapping[str, Any], counted: list[Counted]) -> float:
    """How often a checkpoint is kept: there only where it is asked for."""
    epochs = account.number("save_epochs")
    note = "counts steps; here it is a share of the run"
    if epochs is not None:
        account.maps("save_epochs", EVERY)
        account.skips("save_steps", "save_epochs holds where both are given")
        return 0.2 if "max_steps" in fields else min(1.0, epochs / fields["epochs"])
    account.maps("save_steps", EVERY, note)
    if not (steps := account.number("save_steps")):
        return 1.0
    entry = Counted("save_steps", int(steps), "steps", EVERY, is_needed=False)
    if "max_steps" in fields:
        return entry.share(fields["max_steps"])
    counted.append(entry)
    return 0.2


def _resume(account: Account, out: str) -> list[str]:
    account.skips("resume_from_checkpoint", "a run is gone on with by --resume")
    if not account.get("resume_from_checkpoint"):
        return []
    return [
        "resume_from_checkpoint: a run goes on from its own last checkpoint: "
        f"tunesmith train {out}/recipe.yaml --resume"
    ]
