"""ChatML: ``<|im_start|>role`` before every message, ``<|im_end|>`` behind it.

Tools are written as Hermes and Qwen write them: listed between ``<tools>`` marks behind the system
text, called between ``<tool_call>`` marks, answered between ``<tool_response>`` marks in a turn of
the user.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tunesmith.core.examples import Message
from tunesmith.templates.template import Piece, Template, answer, control, end, needs_tokens, text
from tunesmith.templates.tokenizer import Tokenizer
from tunesmith.templates.tools import as_json, call_object, descriptions, turns_of, wrapped

START, STOP = "<|im_start|>", "<|im_end|>"
OFFER = (
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n"
)
MANNER = (
    "\n</tools>\n\nFor each function call, return a json object with function name and arguments "
    "within <tool_call></tool_call> XML tags:\n<tool_call>\n"
    '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
)


class ChatML(Template):
    """The format of Qwen, Yi, Hermes and many others."""

    name: Literal["chatml"] = "chatml"

    def pieces(
        self, messages: Sequence[Message], tokenizer: Tokenizer, tools: str = ""
    ) -> list[Piece]:
        """Lays messages out; a request is followed by the opening of its answer."""
        needs_tokens(self, tokenizer, (START, STOP))
        has_bos = tokenizer.bos is not None and tokenizer.bos not in (START, STOP, tokenizer.eos)
        pieces = [control(tokenizer.bos)] if has_bos and tokenizer.bos else []
        for turn in turns_of(_with_tools(messages, tools)):
            role = "user" if turn[0].role == "tool" else turn[0].role
            pieces += [control(START), text(f"{role}\n")]
            if role == "assistant":
                pieces += [answer(_said(turn[0])), end(STOP)]
            else:
                pieces += [text(_asked(turn)), control(STOP)]
            pieces.append(text("\n"))
        if messages and messages[-1].role != "assistant":
            pieces += [control(START), text("assistant\n")]
        return pieces

    def end_tokens(self, tokenizer: Tokenizer) -> list[str]:
        """The end of a turn, and the end of a text."""
        return [STOP, tokenizer.eos]


def _with_tools(messages: Sequence[Message], tools: str) -> Sequence[Message]:
    """The messages, with the list of tools behind the system text."""
    listed = descriptions(tools)
    if not listed:
        return messages
    offered = OFFER + "\n".join(as_json(wrapped(tool)) for tool in listed) + MANNER
    if messages and messages[0].role == "system":
        system = Message("system", f"{messages[0].text}\n\n{offered}")
        return [system, *messages[1:]]
    return [Message("system", offered), *messages]


def _said(message: Message) -> str:
    calls = [f"<tool_call>\n{call_object(call)}\n</tool_call>" for call in message.tool_calls]
    return "\n".join([*([message.text] if message.text or not calls else []), *calls])


def _asked(turn: Sequence[Message]) -> str:
    if turn[0].role == "tool":
        return "\n".join(f"<tool_response>\n{m.content}\n</tool_response>" for m in turn)
    return turn[0].text
