"""Templates of Llama, Mistral and their kin: ``[INST]`` marks, and Llama 3's headers."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from tunesmith.templates.slot_tools import LLAMA3 as LLAMA3_TOOLS
from tunesmith.templates.slot_tools import MISTRAL as MISTRAL_TOOLS
from tunesmith.templates.slots import BOS, CONTENT, EOS, Slots, Slotted

LLAMA2 = Slots(
    user=(BOS, "[INST] {content} [/INST]"),
    system=("<<SYS>>\n{content}\n<</SYS>>\n\n",),
    system_in_request=True,
)
MINISTRAL = Slots(
    prefix=(BOS,),
    user=("[INST]{content}[/INST]",),
    system=("{content}\n\n",),
    system_in_request=True,
    tool=('[TOOL_RESULTS]{"content": {content}}[/TOOL_RESULTS]',),
    call=("[TOOL_CALLS]{content}", EOS),
    tool_format=MISTRAL_TOOLS,
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


class OpenChat36(Slotted):
    """OpenChat 3.6: Llama 3's headers with OpenChat's names of the roles."""

    name: Literal["llamafactory/openchat-3.6"] = "llamafactory/openchat-3.6"
    slots = Slots(
        prefix=(BOS,),
        user=(
            "<|start_header_id|>GPT4 Correct User<|end_header_id|>\n\n{content}<|eot_id|>"
            "<|start_header_id|>GPT4 Correct Assistant<|end_header_id|>\n\n",
        ),
        special_tokens=("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        ends=("<|eot_id|>",),
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


class Ministral(Slotted):
    """Ministral and Mistral Nemo: Mistral's marks without spaces."""

    name: Literal["llamafactory/ministral"] = "llamafactory/ministral"
    slots = MINISTRAL


class MistralSmall(Slotted):
    """Mistral Small: as Ministral, with marks around the system text."""

    name: Literal["llamafactory/mistral_small"] = "llamafactory/mistral_small"
    slots = replace(
        MINISTRAL, system=("[SYSTEM_PROMPT]{content}[/SYSTEM_PROMPT]",), system_in_request=False
    )


class Breeze(Slotted):
    """Breeze: Llama 2's marks after one beginning of the text."""

    name: Literal["llamafactory/breeze"] = "llamafactory/breeze"
    slots = Slots(
        prefix=(BOS,),
        user=("[INST] {content} [/INST] ",),
        assistant=(CONTENT,),
        ends_with_eos=True,
    )
