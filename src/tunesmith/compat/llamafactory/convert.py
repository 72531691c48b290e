"""Convert: a training file's keys -> the fields of a recipe, section by section."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from tunesmith.compat.llamafactory.account import Account
from tunesmith.compat.llamafactory.conversion import Conversion, concluded
from tunesmith.compat.llamafactory.counted import Counted
from tunesmith.compat.llamafactory.data import data
from tunesmith.compat.llamafactory.schedule import optim
from tunesmith.compat.llamafactory.stage import objective, stage, task
from tunesmith.compat.llamafactory.template import template
from tunesmith.compat.llamafactory.training import evaluate, max_steps_of, trackers, train
from tunesmith.compat.llamafactory.weights import method, model

DEFAULTS = {
    "lora_rank": "method.rank",
    "lora_target": "method.targets",
    "learning_rate": "optim.lr",
    "lr_scheduler_type": "optim.schedule",
    "num_train_epochs": "train.epochs",
    "per_device_train_batch_size": "train.micro_batch_size",
    "cutoff_len": "data.max_tokens",
}
"""Keys whose default there is worth a remark, and where it goes."""


def convert(given: Mapping[str, Any], file: str | Path) -> Conversion:
    """Converts a training file; what is refused is in the result.

    Args:
        given: its keys; ``recognise`` says ``training``.
        file: its place, for messages, and to find a data folder that is not here.

    Raises:
        RecipeError: keys are unknown there, said twice, or no numbers or flags where they must be.
    """
    account = Account(given, str(file))
    counted: list[Counted] = []
    name = stage(account)
    fields: dict[str, Any] = {
        "model": model(account),
        "data": data(account, name, Path(file), counted),
        "template": template(account, name),
        "task": task(account, name),
        "method": method(account),
        "objective": objective(account, name),
        "optim": optim(account, max_steps_of(account), counted),
        "train": train(account, counted),
        "trackers": trackers(account),
        "evaluate": evaluate(account),
        "out": str(account.get("output_dir", f"runs/{Path(file).stem}")),
    }
    account.maps("output_dir", "out")
    hints, trains = _purpose(account, fields["out"], str(file))
    fields = {key: value for key, value in fields.items() if value not in (None, [], {})}
    _name_defaults(account, fields)
    account.close()
    assert not account.unaccounted, account.unaccounted
    return concluded(account, fields, counted=counted, hints=hints, trains=trains)


def _purpose(account: Account, out: str, file: str) -> tuple[list[str], bool]:
    """What to do next, and whether anything is trained."""
    hints: list[str] = []
    trains, scores = account.flag("do_train"), account.flag("do_predict")
    account.maps("do_train", "train")
    if not trains:
        how = f"tunesmith eval {file} --split train" if scores else "do_train=true trains"
        hints.append(f"nothing is trained: do_train is not set. {how}")
    elif scores:
        hints.append(f"do_predict: when it is trained, score it with: tunesmith eval {out}")
    if account.get("resume_from_checkpoint"):
        hints.append(
            "resume_from_checkpoint: a run goes on from its own last checkpoint: "
            f"tunesmith train {out}/recipe.yaml --resume"
        )
    account.skips("resume_from_checkpoint", "a run is gone on with by --resume")
    return hints, trains


def _name_defaults(account: Account, fields: Mapping[str, Any]) -> None:
    for key, to in DEFAULTS.items():
        group, _, name = to.partition(".")
        if account.get(key) is None and name in cast("dict[str, Any]", fields.get(group, {})):
            account.comment(to, f"{key} is not given; this is its default there")
    if account.number("max_steps", -1) > 0:
        account.comments["train.epochs"] = [
            text for text in account.comments["train.epochs"] if "not given" not in text
        ]
