"""Template: the name of a prompt template there -> the part that writes the same here."""

from __future__ import annotations

from typing import Any

from tunesmith.compat.llamafactory.account import Account
from tunesmith.core.errors import did_you_mean
from tunesmith.templates import TEMPLATES
from tunesmith.templates.llamafactory import ENTRIES, FAMILIES, PREFIX

REASONING = frozenset(PREFIX + name for name in FAMILIES["reasoning"])
THOUGHTS = ("enable_thinking", "preserve_thinking")
"""Keys that only templates of reasoning models read."""

READS_MEDIA = frozenset(
    """
    dots_ocr ernie_vl gemma3n gemma4 gemma4n glm4v glm4v_moe glm4_5v glm_ocr granite3_vision
    intern_vl intern_s1 keye_vl kimi_vl lfm2_vl llama4 mllama llava llava_next llava_next_llama3
    llava_next_mistral llava_next_qwen llava_next_yi llava_next_video llava_next_video_mistral
    llava_next_video_yi mimo_vl minicpm_v minicpm_v_4_6 minicpm_o ministral3 moss_vl
    paligemma paligemma_chat pixtral qwen2_audio qwen2_omni qwen3_omni qwen3_omni_nothink qwen2_vl
    qwen3_vl qwen3_vl_nothink qwen3_5 qwen3_5_nothink qwen3_6 video_llava yi_vl youtu_vl
    """.split()
)
"""Templates of theirs for models that read images, sound or video."""


def template(account: Account, stage: str) -> str | dict[str, Any] | None:
    """The recipe's ``template``; None: the tokenizer's own."""
    chosen = _named(account, stage)
    settings = _thoughts(account, stage) if chosen in REASONING else {}
    for key in THOUGHTS:
        account.skips(key, "only templates of reasoning models read it")
    return {"name": chosen, **settings} if settings else chosen


def _named(account: Account, stage: str) -> str | None:
    if stage == "pt":
        account.skips("template", "running text is learnt as it is")
        return None
    name = account.get("template")
    account.maps("template", "template")
    if name is None:
        return None
    name = str(name)
    if PREFIX + name in ENTRIES:
        return PREFIX + name
    if name.startswith(PREFIX) or name in TEMPLATES.names():
        return name  # one of ours, as an override names it
    if name in READS_MEDIA:
        account.refuses("template", f"{name!r} is for models that read more than text.")
    else:
        known = [entry.removeprefix(PREFIX) for entry in ENTRIES]
        hint = did_you_mean(name, known)
        account.refuses(
            "template",
            f"{name!r} is not written here. {hint} The tokenizer's own is taken with "
            "template=native.",
        )
    return None


def _thoughts(account: Account, stage: str) -> dict[str, Any]:
    """Fields of a reasoning template, where they are not the default."""
    fields: dict[str, Any] = {}
    if "enable_thinking" in account.given and account.get("enable_thinking") is None:
        account.refuses(
            "enable_thinking",
            "null: a prompt would not show whether a thought belongs behind it. Write true or "
            "false.",
        )
    elif not account.flag("enable_thinking", True):
        fields["enable_thinking"] = False
    account.maps("enable_thinking", "template.enable_thinking")
    keeps = account.flag("preserve_thinking")
    account.maps("preserve_thinking", "template.thoughts")
    if stage in ("dpo", "kto"):
        fields["thoughts"] = "written" if keeps else "last"
    elif account.flag("mask_history") and not keeps:
        fields["thoughts"] = "last"
    return fields
