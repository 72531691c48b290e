"""Templates with marks of their own around each turn: Gemma, Phi, GLM, Granite and others."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from tunesmith.templates.slot_tools import GLM4 as GLM4_TOOLS
from tunesmith.templates.slot_tools import PHI4_MINI as PHI4_MINI_TOOLS
from tunesmith.templates.slots import BOS, CONTENT, EOS, Slots, Slotted

GEMMA = Slots(
    prefix=(BOS,),
    user=("<start_of_turn>user\n{content}<end_of_turn>\n<start_of_turn>model\n",),
    assistant=("{content}<end_of_turn>\n",),
    system=("{content}\n\n",),
    system_in_request=True,
    tool=("<start_of_turn>tool\n{content}<end_of_turn>\n<start_of_turn>model\n",),
    special_tokens=("<end_of_turn>",),
    ends=("<end_of_turn>",),
)
PHI = Slots(
    user=("<|user|>\n{content}<|end|>\n<|assistant|>\n",),
    assistant=("{content}<|end|>\n",),
    system=("<|system|>\n{content}<|end|>\n",),
    special_tokens=("<|end|>",),
    ends=("<|end|>",),
)
GRANITE = Slots(
    user=(
        "<|start_of_role|>user<|end_of_role|>{content}<|end_of_text|>\n"
        "<|start_of_role|>assistant<|end_of_role|>",
    ),
    assistant=("{content}<|end_of_text|>\n",),
    system=("<|start_of_role|>system<|end_of_role|>{content}<|end_of_text|>\n",),
)
GLM4 = Slots(
    prefix=("[gMASK]<sop>",),
    user=("<|user|>\n{content}<|assistant|>",),
    assistant=("\n{content}",),
    system=("<|system|>\n{content}",),
    tool=("<|observation|>\n{content}<|assistant|>",),
    call=(CONTENT,),
    tool_format=GLM4_TOOLS,
    special_tokens=("<|user|>", "<|observation|>"),
    ends=("<|user|>", "<|observation|>"),
    ends_with_eos=True,
)
DEEPSEEK3 = Slots(prefix=(BOS,), user=("<｜User｜>{content}<｜Assistant｜>",))


class Zephyr(Slotted):
    """``<|user|>`` and ``<|assistant|>`` on lines of their own."""

    name: Literal["llamafactory/zephyr"] = "llamafactory/zephyr"
    slots = Slots(
        user=("<|user|>\n{content}", EOS, "<|assistant|>\n"),
        system=("<|system|>\n{content}", EOS),
        default_system="You are Zephyr, a helpful assistant.",
    )


class DeepSeek3(Slotted):
    """DeepSeek V3: ``<｜User｜>`` and ``<｜Assistant｜>``."""

    name: Literal["llamafactory/deepseek3"] = "llamafactory/deepseek3"
    slots = DEEPSEEK3


class Gemma(Slotted):
    """Gemma, with the system text in the first request."""

    name: Literal["llamafactory/gemma"] = "llamafactory/gemma"
    slots = GEMMA


class Gemma2(Slotted):
    """Gemma 2: as Gemma, and the end of the text behind the last answer."""

    name: Literal["llamafactory/gemma2"] = "llamafactory/gemma2"
    slots = replace(
        GEMMA,
        special_tokens=("<eos>", "<end_of_turn>"),
        ends=("<eos>", "<end_of_turn>"),
        ends_with_eos=True,
    )


class Gemma3(Slotted):
    """Gemma 3, for text: as Gemma."""

    name: Literal["llamafactory/gemma3"] = "llamafactory/gemma3"
    slots = GEMMA


class Phi(Slotted):
    """Phi 3: ``<|user|>`` ... ``<|end|>``."""

    name: Literal["llamafactory/phi"] = "llamafactory/phi"
    slots = PHI


class PhiSmall(Slotted):
    """Phi 3 small: as Phi 3."""

    name: Literal["llamafactory/phi_small"] = "llamafactory/phi_small"
    slots = PHI


class Phi4Mini(Slotted):
    """Phi 4 mini: Phi's marks without line breaks, and a mark for tools."""

    name: Literal["llamafactory/phi4_mini"] = "llamafactory/phi4_mini"
    slots = Slots(
        user=("<|user|>{content}<|end|><|assistant|>",),
        assistant=("{content}<|end|>",),
        system=("<|system|>{content}<|end|>",),
        tool_format=PHI4_MINI_TOOLS,
        special_tokens=("<|end|>",),
        ends=("<|end|>",),
    )


class StarChat(Slotted):
    """StarChat: Phi's marks with no line break before an answer."""

    name: Literal["llamafactory/starchat"] = "llamafactory/starchat"
    slots = replace(PHI, user=("<|user|>\n{content}<|end|>\n<|assistant|>",))


class Glm4(Slotted):
    """GLM 4: an answer begins with a line break, and the next mark ends it."""

    name: Literal["llamafactory/glm4"] = "llamafactory/glm4"
    slots = GLM4


class Granite3(Slotted):
    """Granite 3: the names of the roles between marks."""

    name: Literal["llamafactory/granite3"] = "llamafactory/granite3"
    slots = GRANITE


class Granite4(Slotted):
    """Granite 4: as Granite 3, with its own system text and tools."""

    name: Literal["llamafactory/granite4"] = "llamafactory/granite4"
    slots = replace(
        GRANITE,
        tool=(
            "<|start_of_role|>tool<|end_of_role|>{content}<|end_of_text|>\n"
            "<|start_of_role|>assistant\n",
        ),
        default_system="You are Granite, developed by IBM. You are a helpful AI assistant.",
        special_tokens=("<|end_of_text|>",),
        ends=("<|end_of_text|>",),
    )


class Cohere(Slotted):
    """Command R: a mark for each role between marks of the turn."""

    name: Literal["llamafactory/cohere"] = "llamafactory/cohere"
    slots = Slots(
        prefix=(BOS,),
        user=(
            "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>{content}<|END_OF_TURN_TOKEN|>"
            "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
        ),
        system=("<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>{content}<|END_OF_TURN_TOKEN|>",),
    )


class Exaone(Slotted):
    """EXAONE: ``[|user|]`` and ``[|assistant|]``."""

    name: Literal["llamafactory/exaone"] = "llamafactory/exaone"
    slots = Slots(
        user=("[|user|]{content}\n[|assistant|]",),
        assistant=(CONTENT, EOS, "\n"),
        system=("[|system|]{content}[|endofturn|]\n",),
    )


class Hunyuan(Slotted):
    """Hunyuan: a mark behind each request."""

    name: Literal["llamafactory/hunyuan"] = "llamafactory/hunyuan"
    slots = Slots(
        prefix=("<|startoftext|>",),
        user=("{content}<|extra_0|>",),
        assistant=("{content}<|eos|>",),
        system=("{content}<|extra_4|>",),
        special_tokens=("<|eos|>",),
        ends=("<|eos|>",),
    )


class HunyuanSmall(Slotted):
    """Small Hunyuan models: marks of their own for the same."""

    name: Literal["llamafactory/hunyuan_small"] = "llamafactory/hunyuan_small"
    slots = Slots(
        prefix=("<｜hy_begin▁of▁sentence｜>",),
        user=("<｜hy_User｜>{content}<｜hy_place▁holder▁no▁8｜>",),
        assistant=("{content}<｜hy_place▁holder▁no▁2｜>",),
        system=("{content}<｜hy_place▁holder▁no▁3｜>",),
        special_tokens=("<｜hy_place▁holder▁no▁2｜>",),
        ends=("<｜hy_place▁holder▁no▁2｜>",),
    )


class Olmo(Slotted):
    """OLMo: the text begins with the token that ends one."""

    name: Literal["llamafactory/olmo"] = "llamafactory/olmo"
    slots = Slots(prefix=(EOS,), user=("<|user|>\n{content}<|assistant|>\n",))


class TeleChat2(Slotted):
    """TeleChat 2: ``<_user>`` and ``<_bot>``."""

    name: Literal["llamafactory/telechat2"] = "llamafactory/telechat2"
    slots = Slots(
        user=("<_user>{content}<_bot>",),
        system=("<_system>{content}",),
        default_system="你是中国电信星辰语义大模型，英文名是TeleChat，你是由中电信人工智能科技有限公司"
        "和中国电信人工智能研究院（TeleAI）研发的人工智能助手。",
    )
