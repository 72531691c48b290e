"""LLaMA-Factory's templates, to the token: for models tuned there, and for its recipes here.

They give the token ids and the targets of LLaMA-Factory 0.9.5 (github.com/hiyouga/LLaMA-Factory),
with two exceptions that are meant. What users wrote never becomes a special token here, and a
special token that a tokenizer lacks is not added to it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from tunesmith.templates.slot_tools import LLAMA3 as LLAMA3_TOOLS
from tunesmith.templates.slot_tools import MISTRAL as MISTRAL_TOOLS
from tunesmith.templates.slot_tools import QWEN as QWEN_TOOLS
from tunesmith.templates.slots import BOS, CONTENT, EOS, Slots, Slotted

LLAMA2 = Slots(
    user=(BOS, "[INST] {content} [/INST]"),
    system=("<<SYS>>\n{content}\n<</SYS>>\n\n",),
    system_in_request=True,
)
CHATML = Slots(
    user=("<|im_start|>user\n{content}<|im_end|>\n<|im_start|>assistant\n",),
    assistant=("{content}<|im_end|>\n",),
    system=("<|im_start|>system\n{content}<|im_end|>\n",),
    tool=("<|im_start|>tool\n{content}<|im_end|>\n<|im_start|>assistant\n",),
    special_tokens=("<|im_start|>", "<|im_end|>"),
    ends=("<|im_end|>", "<|im_start|>"),
)


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


class Llama2(Slotted):
    """Llama 2 chat, without the spaces that Meta's own code puts around an answer."""

    name: Literal["llamafactory/llama2"] = "llamafactory/llama2"
    slots = LLAMA2


class Llama2Chinese(Slotted):
    """Llama 2 chat with a system text in English and Chinese."""

    name: Literal["llamafactory/llama2_zh"] = "llamafactory/llama2_zh"
    slots = replace(LLAMA2, default_system="You are a helpful assistant. 你是一个乐于助人的助手。")


class Llama3(Slotted):
    """Llama 3 chat; tools stand in the system text."""

    name: Literal["llamafactory/llama3"] = "llamafactory/llama3"
    slots = Slots(
        prefix=(BOS,),
        user=(
            "<|start_header_id|>user<|end_header_id|>\n\n{content}<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        assistant=("{content}<|eot_id|>",),
        system=("<|start_header_id|>system<|end_header_id|>\n\n{content}<|eot_id|>",),
        tool=(
            "<|start_header_id|>ipython<|end_header_id|>\n\n{content}<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        tool_format=LLAMA3_TOOLS,
        special_tokens=("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        ends=("<|eot_id|>", "<|eom_id|>"),
    )


class ChatML(Slotted):
    """ChatML; results of tools have the role ``tool``."""

    name: Literal["llamafactory/chatml"] = "llamafactory/chatml"
    slots = CHATML


class Qwen(Slotted):
    """ChatML with Qwen's system text and tools."""

    name: Literal["llamafactory/qwen"] = "llamafactory/qwen"
    slots = replace(
        CHATML,
        tool=(
            "<|im_start|>user\n<tool_response>\n{content}\n</tool_response><|im_end|>\n"
            "<|im_start|>assistant\n",
        ),
        default_system="You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
        tool_format=QWEN_TOOLS,
        ends=("<|im_end|>",),
    )


class Mistral(Slotted):
    """Mistral's ``[INST]``, with the system text in the first request."""

    name: Literal["llamafactory/mistral"] = "llamafactory/mistral"
    slots = Slots(
        prefix=(BOS,),
        user=("[INST] {content}[/INST]",),
        assistant=(" {content}", EOS),
        system=("{content}\n\n",),
        system_in_request=True,
        tool=('[TOOL_RESULTS] {"content": {content}}[/TOOL_RESULTS]',),
        call=("[TOOL_CALLS] {content}", EOS),
        tool_format=MISTRAL_TOOLS,
    )


class Vicuna(Slotted):
    """``USER: ...`` and ``ASSISTANT:`` in one line."""

    name: Literal["llamafactory/vicuna"] = "llamafactory/vicuna"
    slots = Slots(
        user=("USER: {content} ASSISTANT:",),
        default_system="A chat between a curious user and an artificial intelligence assistant. "
        "The assistant gives helpful, detailed, and polite answers to the user's questions.",
    )


class Zephyr(Slotted):
    """``<|user|>`` and ``<|assistant|>`` on lines of their own."""

    name: Literal["llamafactory/zephyr"] = "llamafactory/zephyr"
    slots = Slots(
        user=("<|user|>\n{content}", EOS, "<|assistant|>\n"),
        system=("<|system|>\n{content}", EOS),
        default_system="You are Zephyr, a helpful assistant.",
    )
