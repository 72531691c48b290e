"""Commands: files of LLaMA-Factory that train nothing -> the command that does the same here."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from tunesmith.compat.llamafactory.account import Account, RefusedKeysError
from tunesmith.compat.llamafactory.convert import convert
from tunesmith.compat.llamafactory.recognise import Kind
from tunesmith.compat.llamafactory.template import template
from tunesmith.compat.llamafactory.v1_keys import flat, keys_of
from tunesmith.compat.llamafactory.weights import check_name


def command_for(given: Mapping[str, Any], kind: Kind, file: str) -> str:
    """One line for the shell.

    Args:
        given: the file's keys.
        kind: ``inference``, ``export`` or ``prediction``.
        file: its place, for messages.

    Raises:
        RefusedKeysError: a key cannot be followed.
        RecipeError: keys are unknown there.
    """
    if kind == "v1 export":
        return _export_v1(given, file)
    account = Account(given, file)
    path = str(account.get("model_name_or_path", ""))
    if path:
        check_name(account, "model_name_or_path", path)
    adapters = account.names("adapter_name_or_path")
    if len(adapters) > 1:
        account.refuses("adapter_name_or_path", "one adapter at a time; merge the first one first.")
    chosen = adapters[0] if adapters else path
    if kind == "prediction" and not account.with_fate("refused"):
        return _predict(given, chosen, file)
    words = _export(account, chosen) if kind == "export" else _chat(account, chosen)
    account.close()
    if refused := account.with_fate("refused"):
        raise RefusedKeysError(file, refused)
    return shlex.join(words)


def _export(account: Account, model: str) -> list[str]:
    if account.get("export_quantization_bit") is not None:
        account.refuses("export_quantization_bit", "quantised exports are not here.")
    return ["tunesmith", "merge", model, str(account.get("export_dir", "merged"))]


def _export_v1(given: Mapping[str, Any], file: str) -> str:
    """The second command's export, whose keys stand in ``peft_config``."""
    keys = flat(given)
    account = Account(keys, file, keys_of(keys))
    adapters = account.names("peft_config.adapter_name_or_path")
    check_name(account, "model", str(account.get("model", "")))
    if len(adapters) != 1:
        account.refuses("peft_config.adapter_name_or_path", "one adapter is needed.")
    if refused := account.with_fate("refused"):
        raise RefusedKeysError(file, refused)
    return shlex.join(["tunesmith", "merge", adapters[0], str(keys["peft_config.export_dir"])])


def _predict(given: Mapping[str, Any], adapter: str, file: str) -> str:
    """Merges the adapter into its base, which then answers what the file asks."""
    merged = f"{adapter.rstrip('/')}-merged"
    changed = {**given, "model_name_or_path": merged, "adapter_name_or_path": None}
    changed.pop("checkpoint_dir", None)
    convert(changed, file).checked()
    place = f"model_name_or_path={merged}"
    evaluates = ["tunesmith", "eval", file, place, "adapter_name_or_path=null", "--split", "train"]
    return f"{shlex.join(['tunesmith', 'merge', adapter, merged])} && {shlex.join(evaluates)}"


def _chat(account: Account, model: str) -> list[str]:
    written = template(account, "sft")
    if isinstance(written, dict):
        account.refuses(
            "enable_thinking", "a chat takes it from the template that the model was tuned with."
        )
        written = written["name"]
    return ["tunesmith", "chat", model, *(["--template", written] if written else [])]
