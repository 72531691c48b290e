"""Render: the one place where a conversation becomes token ids and a loss mask.

Training, evaluation, chat and export all come through here. Text that is not learnt is encoded in
one run from control token to control token, so it gets the ids the tokenizer itself gives; each
answer is encoded on its own as a continuation. The ids of a prompt are therefore always a prefix
of the ids of prompt and answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Conversation, Document
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Before, Tokenizer


@dataclass(frozen=True, slots=True)
class Rendered:
    """Token ids of one example, and which of them are learnt.

    Attributes:
        input_ids: [T] int32.
        supervised: [T] bool; True where the token is a target of the loss.
        n_cut: tokens of the material that had to be left out.
    """

    input_ids: np.ndarray
    supervised: np.ndarray
    n_cut: int = 0

    def __len__(self) -> int:
        return len(self.input_ids)


def render(conversation: Conversation, template: Template, tokenizer: Tokenizer) -> Rendered:
    """Encodes a conversation; every answer and the token that ends it is supervised.

    Raises:
        TemplateError: the template cannot lay it out, or names a token that does not exist.
    """
    ids: list[int] = []
    supervised: list[bool] = []

    def extend(new: Sequence[int], learnt: bool) -> None:
        ids.extend(new)
        supervised.extend([learnt] * len(new))

    before: Before = "nothing"
    pieces = template.pieces(conversation.messages, tokenizer, conversation.tools)
    for kind, group in groupby(pieces, key=lambda piece: piece.kind):
        if kind == "control":
            for piece in group:
                extend([_id(piece.text, template, tokenizer)], piece.ends_answer)
            before = "special"
        else:
            run = "".join(piece.text for piece in group)
            extend(tokenizer.encode(run, after=before), kind == "answer")
            before = "text"
    return Rendered(np.asarray(ids, np.int32), np.asarray(supervised, np.bool_))


def render_document(document: Document, tokenizer: Tokenizer) -> Rendered:
    """Encodes running text between bos and eos; everything behind the first token is supervised."""
    ids = [*_bos(tokenizer), *tokenizer.encode(document.text), tokenizer.eos_id]
    supervised = np.ones(len(ids), np.bool_)
    supervised[0] = False
    return Rendered(np.asarray(ids, np.int32), supervised)


def render_within(
    conversation: Conversation, template: Template, tokenizer: Tokenizer, max_tokens: int
) -> Rendered | None:
    """Encodes a conversation in at most ``max_tokens``, cutting its material where needed.

    What is cut is the end of the longest material of a request (its ``input``, or its content
    where it has no input). Answers, system text and the template's own words stay whole.

    Returns:
        The rendering with ``n_cut`` set, or None where even an empty material does not fit.
    """
    whole = render(conversation, template, tokenizer)
    if len(whole) <= max_tokens:
        return whole
    place = max(
        (i for i, m in enumerate(conversation.messages) if m.role == "user"),
        key=lambda i: len(conversation.messages[i].input or conversation.messages[i].content),
        default=None,
    )
    if place is None:
        return None
    message = conversation.messages[place]
    field = "input" if message.input else "content"
    material: str = getattr(message, field)
    ends = [stop for _, stop in tokenizer.spans(material)]
    n_kept = len(ends)
    shortened = whole
    while len(shortened) > max_tokens:
        if n_kept == 0:
            return None
        # Tokens at the seams may join differently once text is gone, so this can take two rounds.
        n_kept = max(0, n_kept - (len(shortened) - max_tokens))
        text = material[: ends[n_kept - 1]].rstrip() if n_kept else ""
        if not text and field == "content":
            return None
        messages = list(conversation.messages)
        messages[place] = replace(message, **{field: text})
        shortened = render(replace(conversation, messages=tuple(messages)), template, tokenizer)
    return replace(shortened, n_cut=len(whole) - len(shortened))


def _bos(tokenizer: Tokenizer) -> list[int]:
    token_id = tokenizer.id_of(tokenizer.bos) if tokenizer.bos else None
    return [] if token_id is None else [token_id]


def _id(token: str, template: Template, tokenizer: Tokenizer) -> int:
    token_id = tokenizer.id_of(token)
    if token_id is None:
        raise TemplateError(
            f"template {template.name!r} writes the special token {token!r}, and the tokenizer in "
            f"{tokenizer.source} has no such token. Choose another template."
        )
    return token_id
