"""Template: the name of a prompt template there -> the part that writes the same here."""

from __future__ import annotations

from tunesmith.compat.llamafactory.account import Account
from tunesmith.templates import TEMPLATES

PREFIX = "llamafactory/"
WRITTEN_HERE = (
    "alpaca", "chatml", "default", "llama2", "llama2_zh", "llama3", "mistral", "qwen", "vicuna",
    "zephyr",
)  # fmt: skip
"""Templates of theirs that are written here too."""

READS_MEDIA = frozenset(
    """
    dots_ocr ernie_vl gemma3 gemma3n gemma4 gemma4n glm4v glm4v_moe glm4_5v glm_ocr granite3_vision
    intern_vl intern_s1 keye_vl kimi_vl lfm2_vl llama4 mllama llava llava_next llava_next_llama3
    llava_next_mistral llava_next_qwen llava_next_yi llava_next_video llava_next_video_mistral
    llava_next_video_yi mimo_vl minicpm_v minicpm_v_4_6 minicpm_o mistral_small ministral3 moss_vl
    paligemma paligemma_chat pixtral qwen2_audio qwen2_omni qwen3_omni qwen3_omni_nothink qwen2_vl
    qwen3_vl qwen3_vl_nothink qwen3_5 qwen3_5_nothink qwen3_6 video_llava yi_vl youtu_vl
    """.split()
)
"""Templates of theirs for models that read images, sound or video."""


def template(account: Account, stage: str) -> str | None:
    """The recipe's ``template``; None: the tokenizer's own."""
    if stage == "pt":
        account.skips("template", "running text is learnt as it is")
        return None
    name = account.get("template")
    account.maps("template", "template")
    if name is None:
        return None
    name = str(name)
    if name in WRITTEN_HERE:
        return PREFIX + name
    if name.startswith(PREFIX) or name in TEMPLATES.entries or name in TEMPLATES.names():
        return name  # one of ours, as an override names it
    if name in READS_MEDIA:
        account.refuses("template", f"{name!r} is for models that read more than text.")
    else:
        account.refuses(
            "template",
            f"{name!r} is not written here. Known: {', '.join(WRITTEN_HERE)}. The tokenizer's own "
            "is taken with template=native.",
        )
    return None
