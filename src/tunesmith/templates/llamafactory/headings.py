"""Templates whose turns begin with words: ``USER:``, ``### Instruction:`` and their like."""

from __future__ import annotations

from typing import Literal

from tunesmith.templates.slots import BOS, CONTENT, EOS, Slots, Slotted


class Default(Slotted):
    """``Human: ...`` and ``Assistant:``."""

    name: Literal["llamafactory/default"] = "llamafactory/default"
    slots = Slots(
        user=("Human: {content}", EOS, "\nAssistant:"),
        assistant=(CONTENT, EOS, "\n"),
        system=("System: {content}", EOS, "\n"),
    )


class Alpaca(Slotted):
    """Stanford Alpaca's headings, without the one for an input: it joins the instruction."""

    name: Literal["llamafactory/alpaca"] = "llamafactory/alpaca"
    slots = Slots(
        user=("### Instruction:\n{content}\n\n### Response:\n",),
        assistant=(CONTENT, EOS, "\n\n"),
        default_system="Below is an instruction that describes a task. Write a response that "
        "appropriately completes the request.\n\n",
    )


class Vicuna(Slotted):
    """``USER: ...`` and ``ASSISTANT:`` in one line."""

    name: Literal["llamafactory/vicuna"] = "llamafactory/vicuna"
    slots = Slots(
        user=("USER: {content} ASSISTANT:",),
        default_system="A chat between a curious user and an artificial intelligence assistant. "
        "The assistant gives helpful, detailed, and polite answers to the user's questions.",
    )


class XuanYuan(Slotted):
    """XuanYuan: ``Human: ...`` and ``Assistant:`` in one line, with a Chinese system text."""

    name: Literal["llamafactory/xuanyuan"] = "llamafactory/xuanyuan"
    slots = Slots(
        user=("Human: {content} Assistant:",),
        default_system="以下是用户和人工智能助手之间的对话。用户以Human开头，人工智能助手以Assistant开头，"
        "会对人类提出的问题给出有帮助、高质量、详细和礼貌的回答，并且总是拒绝参与与不道德、"
        "不安全、有争议、政治敏感等相关的话题、问题和指示。\n",
    )


class DeepSeek(Slotted):
    """DeepSeek up to 2.5: ``User: ...`` and ``Assistant:``."""

    name: Literal["llamafactory/deepseek"] = "llamafactory/deepseek"
    slots = Slots(
        prefix=(BOS,),
        user=("User: {content}\n\nAssistant:",),
        system=("{content}\n\n",),
    )


class DeepSeekCoder(Slotted):
    """DeepSeek Coder: Alpaca's headings, and ``<|EOT|>`` behind an answer."""

    name: Literal["llamafactory/deepseekcoder"] = "llamafactory/deepseekcoder"
    slots = Slots(
        prefix=(BOS,),
        user=("### Instruction:\n{content}\n### Response:",),
        assistant=("\n{content}\n<|EOT|>\n",),
        default_system="You are an AI programming assistant, utilizing the DeepSeek Coder model, "
        "developed by DeepSeek Company, and you only answer questions related to computer science. "
        "For politically sensitive questions, security and privacy issues, and other non-computer "
        "science questions, you will refuse to answer.\n",
    )


class ErnieNoThink(Slotted):
    """ERNIE 4.5 without thoughts: ``User: ...`` and ``Assistant:``."""

    name: Literal["llamafactory/ernie_nothink"] = "llamafactory/ernie_nothink"
    slots = Slots(
        prefix=("<|begin_of_sentence|>",),
        user=("User: {content}\nAssistant: ",),
        assistant=("{content}<|end_of_sentence|>",),
        system=("{content}\n",),
        special_tokens=("<|end_of_sentence|>",),
        ends=("<|end_of_sentence|>",),
    )


class Falcon(Slotted):
    """Falcon: ``User: ...`` and ``Falcon:``."""

    name: Literal["llamafactory/falcon"] = "llamafactory/falcon"
    slots = Slots(
        user=("User: {content}\nFalcon:",), assistant=("{content}\n",), ends_with_eos=True
    )


class FewShot(Slotted):
    """Requests and answers as they are, with an empty line behind each answer."""

    name: Literal["llamafactory/fewshot"] = "llamafactory/fewshot"
    slots = Slots(user=(CONTENT,), assistant=("{content}\n\n",), ends_with_eos=True)


class OpenChat(Slotted):
    """OpenChat 3.5: ``GPT4 Correct User: ...``."""

    name: Literal["llamafactory/openchat"] = "llamafactory/openchat"
    slots = Slots(
        prefix=(BOS,),
        user=("GPT4 Correct User: {content}", EOS, "GPT4 Correct Assistant:"),
    )


class SeedCoder(Slotted):
    """Seed-Coder: the names of the roles between the tokens that begin and end a text."""

    name: Literal["llamafactory/seed_coder"] = "llamafactory/seed_coder"
    slots = Slots(
        user=(BOS, "user\n{content}", EOS, BOS, "assistant\n"),
        system=(BOS, "system\n{content}", EOS),
        default_system="You are an AI programming assistant, utilizing the Seed-Coder model, "
        "developed by ByteDance Seed, and you only answer questions related to computer science. "
        "For politically sensitive questions, security and privacy issues, and other non-computer "
        "science questions, you will refuse to answer.\n\n",
    )


class Solar(Slotted):
    """SOLAR: ``### User:`` and ``### Assistant:``."""

    name: Literal["llamafactory/solar"] = "llamafactory/solar"
    slots = Slots(
        user=("### User:\n{content}\n\n### Assistant:\n",),
        assistant=(CONTENT,),
        system=("### System:\n{content}\n\n",),
        ends_with_eos=True,
    )
