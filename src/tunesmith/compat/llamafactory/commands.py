"""Commands: files of LLaMA-Factory that export or talk -> the command that does the same here."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from tunesmith.compat.llamafactory.account import Account, RefusedKeysError
from tunesmith.compat.llamafactory.recognise import Kind
from tunesmith.compat.llamafactory.template import template
from tunesmith.compat.llamafactory.weights import QUANTISED, READS_MEDIA


def command_for(given: Mapping[str, Any], kind: Kind, file: str) -> str:
    """One line for the shell.

    Args:
        given: the file's keys.
        kind: ``inference`` or ``export``.
        file: its place, for messages.

    Raises:
        RefusedKeysError: a key cannot be followed.
        RecipeError: keys are unknown there.
    """
    account = Account(given, file)
    path = str(account.get("model_name_or_path", ""))
    name = path.rstrip("/").rpartition("/")[2]
    if READS_MEDIA.search(name):
        account.refuses("model_name_or_path", "this model reads more than text; text models only.")
    if QUANTISED.search(name):
        account.refuses(
            "model_name_or_path", "these weights are quantised in another way than here."
        )
    adapters = account.names("adapter_name_or_path")
    if len(adapters) > 1:
        account.refuses("adapter_name_or_path", "one adapter at a time; merge the first one first.")
    chosen = adapters[0] if adapters else path
    words = _export(account, chosen) if kind == "export" else _chat(account, chosen)
    account.close()
    if refused := account.with_fate("refused"):
        raise RefusedKeysError(file, refused)
    return shlex.join(words)


def _export(account: Account, model: str) -> list[str]:
    if account.get("export_quantization_bit") is not None:
        account.refuses("export_quantization_bit", "quantised exports are not here.")
    return ["tunesmith", "merge", model, str(account.get("export_dir", "merged"))]


def _chat(account: Account, model: str) -> list[str]:
    written = template(account, "sft")
    return ["tunesmith", "chat", model, *(["--template", written] if written else [])]
