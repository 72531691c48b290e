"""Llama 3 chat: a header before every message, ``<|eot_id|>`` behind it.

With tools it is Meta's format for Llama 3.1 and later: the system text begins with
``Environment: ipython``, the tools stand in the first request, a call is the JSON object
``{"name": ..., "parameters": ...}``, and its result has the role ``ipython``. Meta's models make
one call at a time; several are parted by ``; ``, as servers of these models read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Message
from tunesmith.templates.template import Piece, Template, answer, control, end, needs_tokens, text
from tunesmith.templates.tokenizer import Tokenizer
from tunesmith.templates.tools import Description, as_json, call_object, descriptions

BEGIN, OPEN, CLOSE, EOT = (
    "<|begin_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
)
ROLES = {"tool": "ipython"}
OFFER = (
    "Given the following functions, please respond with a JSON for a function call with its proper "
    "arguments that best answers the given prompt.\n\n"
    'Respond in the format {"name": function name, "parameters": dictionary of argument name and '
    "its value}.Do not use variables.\n\n"
)
"""Meta's words, joined as its chat template joins them, with no space before the last sentence."""


class Llama3(Template):
    """Meta's format of the Llama 3 instruction models."""

    name: Literal["llama3"] = "llama3"
    today: str = "26 Jul 2024"
    """Date that the model is told where there are tools; the default is the one in Meta's own chat
    template. It is part of every prompt, so training and use must agree on it."""

    def pieces(
        self, messages: Sequence[Message], tokenizer: Tokenizer, tools: str = ""
    ) -> list[Piece]:
        """Lays messages out; a request is followed by the header of its answer."""
        needs_tokens(self, tokenizer, (BEGIN, OPEN, CLOSE, EOT))
        listed = descriptions(tools)
        pieces = [control(BEGIN)]
        if listed:
            system, messages = _parted(messages)
            opening = (
                "Environment: ipython\nCutting Knowledge Date: December 2023\n"
                f"Today Date: {self.today}\n\n{system.strip()}"
            )
            pieces += [*_header("system"), text(opening), control(EOT)]
        for place, message in enumerate(messages):
            pieces += _header(ROLES.get(message.role, message.role))
            if message.role == "assistant":
                pieces += [answer(_said(message)), end(EOT)]
                continue
            offered = _offer(listed) if place == 0 else ""
            pieces += [text(offered + message.text.strip()), control(EOT)]
        if messages and messages[-1].role != "assistant":
            pieces += _header("assistant")
        return pieces

    def end_tokens(self, tokenizer: Tokenizer) -> list[str]:
        """The end of a turn, and the end of a text."""
        return [EOT, tokenizer.eos]


def _header(role: str) -> list[Piece]:
    return [control(OPEN), text(role), control(CLOSE), text("\n\n")]


def _parted(messages: Sequence[Message]) -> tuple[str, Sequence[Message]]:
    """The leading system text, and the turns; the first must be the user's."""
    leads = bool(messages) and messages[0].role == "system"
    turns = messages[1:] if leads else messages
    if not turns or turns[0].role != "user":
        raise TemplateError(
            "template 'llama3' writes the tools into the first request, and the conversation does "
            "not begin with one. Begin with a user's turn, or leave the tools out."
        )
    return (messages[0].content if leads else ""), turns


def _offer(listed: Sequence[Description]) -> str:
    if not listed:
        return ""
    return OFFER + "".join(as_json(tool, indent=4) + "\n\n" for tool in listed)


def _said(message: Message) -> str:
    calls = "; ".join(call_object(call, key="parameters") for call in message.tool_calls)
    return "\n".join(part for part in (message.text.strip(), calls) if part)
