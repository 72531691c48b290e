"""Shorten: fits a conversation into a number of tokens by cutting what the model is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from tunesmith.core.examples import Conversation, Message
from tunesmith.templates.render import ANSWERS, Learnt, Rendered, render
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer

Side = Literal["start", "end"]


def render_within(
    conversation: Conversation,
    template: Template,
    tokenizer: Tokenizer,
    max_tokens: int,
    *,
    side: Side = "end",
    learnt: Learnt = ANSWERS,
    whole: Rendered | None = None,
) -> Rendered:
    """As :func:`shorten`, without the shortened conversation."""
    return shorten(
        conversation, template, tokenizer, max_tokens, side=side, learnt=learnt, whole=whole
    )[1]


def shorten(
    conversation: Conversation,
    template: Template,
    tokenizer: Tokenizer,
    max_tokens: int,
    *,
    side: Side = "end",
    learnt: Learnt = ANSWERS,
    whole: Rendered | None = None,
    n_messages: int | None = None,
) -> tuple[Conversation, Rendered]:
    """Encodes a conversation in at most ``max_tokens`` if its prompt can be cut so far.

    What is cut is the material of its requests (their ``input``, or their content where they have
    none), the longest first, and results of tools. Answers, system text and the template's own
    words stay whole, and no request becomes empty.

    Args:
        conversation: what is rendered.
        template: lays it out.
        tokenizer: counts.
        max_tokens: room.
        side: which side of the material is taken away.
        learnt: which tokens are targets.
        whole: its rendering in full, where there is one already.
        n_messages: how many messages from the start may be cut; None: all.

    Returns:
        The shortened conversation, and its rendering with ``n_cut`` set; longer than
        ``max_tokens`` where even so it does not fit.
    """
    whole = whole or render(conversation, template, tokenizer, learnt)
    cut, shortened = conversation, whole
    open_to_cuts = conversation.messages[:n_messages]
    places = [i for i, m in enumerate(open_to_cuts) if m.role in ("user", "tool")]
    messages = list(conversation.messages)
    for place in sorted(places, key=lambda i: -len(_material(messages[i]))):
        material = _material(messages[place])
        spans = tokenizer.spans(material)
        n_kept = len(spans)
        while len(shortened) > max_tokens and n_kept > _least(messages[place]):
            # Tokens at the seams may join differently once text is gone, so this can take rounds.
            over = len(shortened) - max_tokens
            n_kept = max(_least(messages[place]), n_kept - over)
            kept = _kept(material, spans, n_kept, side)
            changed = list(messages)
            changed[place] = _with_material(messages[place], kept)
            if not changed[place].text.strip():
                break
            cut = replace(conversation, messages=tuple(changed))
            shortened = render(cut, template, tokenizer, learnt)
            if len(shortened) <= max_tokens or n_kept <= _least(messages[place]):
                messages = changed
                break
        if len(shortened) <= max_tokens:
            break
    return cut, replace(shortened, n_cut=len(whole) - len(shortened))


def cut_answer(rendered: Rendered, max_tokens: int) -> Rendered:
    """Takes the end of a rendering away, and with it the end of its last answer."""
    n_cut = len(rendered) - max_tokens
    return replace(
        rendered,
        input_ids=rendered.input_ids[:max_tokens],
        weights=rendered.weights[:max_tokens],
        n_cut_answer=max(0, n_cut),
    )


def _material(message: Message) -> str:
    return message.input or message.content


def _least(message: Message) -> int:
    """Tokens that must stay: none of an input beside a request, one of a request itself."""
    return 0 if message.input and message.content else 1


def _with_material(message: Message, text: str) -> Message:
    return replace(message, input=text) if message.input else replace(message, content=text)


def _kept(material: str, spans: Sequence[tuple[int, int]], n_kept: int, side: Side) -> str:
    if n_kept == 0:
        return ""
    if side == "end":
        return material[: spans[n_kept - 1][1]].rstrip()
    return material[spans[-n_kept][0] :].lstrip()
