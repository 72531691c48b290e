"""Templates of ChatML: ``<|im_start|>user`` ... ``<|im_end|>``, and its kin."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from tunesmith.templates.slot_tools import QWEN as QWEN_TOOLS
from tunesmith.templates.slots import BOS, Slots, Slotted

CHATML = Slots(
    user=("<|im_start|>user\n{content}<|im_end|>\n<|im_start|>assistant\n",),
    assistant=("{content}<|im_end|>\n",),
    system=("<|im_start|>system\n{content}<|im_end|>\n",),
    tool=("<|im_start|>tool\n{content}<|im_end|>\n<|im_start|>assistant\n",),
    special_tokens=("<|im_start|>", "<|im_end|>"),
    ends=("<|im_end|>",),
)
TOOLLESS = replace(CHATML, tool=())
"""Results of tools are written as requests."""
QWEN = replace(
    CHATML,
    tool=(
        "<|im_start|>user\n<tool_response>\n{content}\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n",
    ),
    tool_format=QWEN_TOOLS,
)


class ChatML(Slotted):
    """ChatML; results of tools have the role ``tool``."""

    name: Literal["llamafactory/chatml"] = "llamafactory/chatml"
    slots = replace(CHATML, ends=("<|im_end|>", "<|im_start|>"))


class ChatMLGerman(Slotted):
    """ChatML with a German system text."""

    name: Literal["llamafactory/chatml_de"] = "llamafactory/chatml_de"
    slots = replace(
        CHATML,
        default_system="Du bist ein freundlicher und hilfsbereiter KI-Assistent.",
        ends=("<|im_end|>", "<|im_start|>"),
    )


class Qwen(Slotted):
    """Qwen to 2.5: ChatML with Qwen's system text and tools."""

    name: Literal["llamafactory/qwen"] = "llamafactory/qwen"
    slots = replace(
        QWEN, default_system="You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    )


class Qwen3NoThink(Slotted):
    """Qwen 3 without thoughts: ChatML with Qwen's tools and no system text."""

    name: Literal["llamafactory/qwen3_nothink"] = "llamafactory/qwen3_nothink"
    slots = QWEN


class Yi(Slotted):
    """Yi chat: ChatML."""

    name: Literal["llamafactory/yi"] = "llamafactory/yi"
    slots = TOOLLESS


class SmolLM(Slotted):
    """SmolLM: ChatML."""

    name: Literal["llamafactory/smollm"] = "llamafactory/smollm"
    slots = TOOLLESS


class SmolLM2(Slotted):
    """SmolLM 2: ChatML with its own system text."""

    name: Literal["llamafactory/smollm2"] = "llamafactory/smollm2"
    slots = replace(
        TOOLLESS,
        default_system="You are a helpful AI assistant named SmolLM, trained by Hugging Face.",
    )


class InternLM2(Slotted):
    """InternLM 2 and 2.5: ChatML with its own system text."""

    name: Literal["llamafactory/intern2"] = "llamafactory/intern2"
    slots = replace(
        TOOLLESS,
        prefix=(BOS,),
        default_system="You are an AI assistant whose name is InternLM (书生·浦语).\n"
        "- InternLM (书生·浦语) is a conversational language model that is developed by Shanghai "
        "AI Laboratory (上海人工智能实验室). It is designed to be helpful, honest, and harmless.\n"
        "- InternLM (书生·浦语) can understand and communicate fluently in the language chosen by "
        "the user such as English and 中文.",
    )


class OpenCoder(Slotted):
    """OpenCoder: ChatML with its own system text."""

    name: Literal["llamafactory/opencoder"] = "llamafactory/opencoder"
    slots = replace(CHATML, default_system="You are OpenCoder, created by OpenCoder Team.")


class FalconH1(Slotted):
    """Falcon-H1: ChatML after the beginning of the text."""

    name: Literal["llamafactory/falcon_h1"] = "llamafactory/falcon_h1"
    slots = replace(
        CHATML,
        prefix=(BOS,),
        special_tokens=("<|im_start|>", "<|im_end|>", "<|end_of_text|>"),
        ends=("<|im_end|>", "<|end_of_text|>"),
    )


class MiniCPM4(Slotted):
    """MiniCPM 4: ChatML after the beginning of the text."""

    name: Literal["llamafactory/cpm4"] = "llamafactory/cpm4"
    slots = replace(CHATML, prefix=(BOS,))


class Sailor(Slotted):
    """Sailor: ChatML with the roles ``question`` and ``answer``."""

    name: Literal["llamafactory/sailor"] = "llamafactory/sailor"
    slots = replace(
        TOOLLESS,
        user=("<|im_start|>question\n{content}<|im_end|>\n<|im_start|>answer\n",),
        default_system="You are an AI assistant named Sailor created by Sea AI Lab. Your answer "
        "should be friendly, unbiased, faithful, informative and detailed.",
    )


class Phi4(Slotted):
    """Phi 4: ChatML with ``<|im_sep|>`` for its line breaks."""

    name: Literal["llamafactory/phi4"] = "llamafactory/phi4"
    slots = Slots(
        user=("<|im_start|>user<|im_sep|>{content}<|im_end|><|im_start|>assistant<|im_sep|>",),
        assistant=("{content}<|im_end|>",),
        system=("<|im_start|>system<|im_sep|>{content}<|im_end|>",),
        special_tokens=("<|im_start|>", "<|im_sep|>", "<|im_end|>"),
        ends=("<|im_end|>",),
    )


class Moonlight(Slotted):
    """Moonlight: a mark for each role, and ``<|im_middle|>`` behind its name."""

    name: Literal["llamafactory/moonlight"] = "llamafactory/moonlight"
    slots = Slots(
        user=(
            "<|im_user|>user<|im_middle|>{content}<|im_end|><|im_assistant|>assistant<|im_middle|>",
        ),
        assistant=("{content}<|im_end|>",),
        system=("<|im_system|>system<|im_middle|>{content}<|im_end|>",),
        default_system="You are a helpful assistant provided by Moonshot-AI.",
        special_tokens=("<|im_end|>",),
        ends=("<|im_end|>",),
    )


class Ernie(Slotted):
    """ERNIE 4.5 with thoughts: ChatML with empty lines between the turns."""

    name: Literal["llamafactory/ernie"] = "llamafactory/ernie"
    slots = Slots(
        user=("<|im_start|>user\n{content}<|im_end|>\n\n<|im_start|>assistant\n",),
        assistant=("{content}<|im_end|>\n\n",),
        system=("<|im_start|>system\n{content}<|im_end|>\n\n",),
        tool=("<|im_start|>tool\n{content}<|im_end|>\n\n<|im_start|>assistant\n",),
        default_system="<global_setting>\nthink_mode=True\n</global_setting>",
        special_tokens=("<|im_start|>", "<|im_end|>"),
        ends=("<|im_end|>",),
    )
