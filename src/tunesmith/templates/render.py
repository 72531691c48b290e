"""Render: the one place where a conversation becomes token ids and weights of the loss.

Training, evaluation, chat and export all come through here. Text that is not learnt is encoded in
one run from control token to control token, so it gets the ids the tokenizer itself gives; each
answer is encoded on its own as a continuation. The ids of a prompt are therefore always a prefix
of the ids of prompt and answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Conversation, Document, Message
from tunesmith.templates.template import Piece, Template
from tunesmith.templates.tokenizer import Before, Tokenizer

TrainOn = Literal["all", "last", "everything"]
Run = tuple[int | None, str, Before, int]
"""Something to encode: the id of a control token, or None and a text with what stands before it;
and the answer it belongs to, counted from 0, or -1."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """Which tokens of a conversation are targets of the loss, and how much they weigh."""

    train_on: TrainOn = "all"
    """All the assistant's turns, the last of them, or every token."""
    prompt_weight: float = 0.0
    """Weight of tokens that are not an answer."""


ANSWERS = Learnt()


@dataclass(frozen=True, slots=True)
class Rendered:
    """Token ids of one example, and how much each is learnt.

    Attributes:
        input_ids: [T] int32.
        weights: [T] float32; of each token as a target of the loss, 0 where it is only context.
        n_cut: tokens of the prompt that had to be left out.
        n_cut_answer: tokens of the answer that had to be left out, its end among them.
        n_shots_left_out: answered examples before the request that had no room.
    """

    input_ids: np.ndarray
    weights: np.ndarray
    n_cut: int = 0
    n_cut_answer: int = 0
    n_shots_left_out: int = 0

    def __len__(self) -> int:
        return len(self.input_ids)

    @property
    def supervised(self) -> np.ndarray:
        """[T] bool; True where the token is a target of the loss."""
        return self.weights > 0


def render(
    conversation: Conversation,
    template: Template,
    tokenizer: Tokenizer,
    learnt: Learnt = ANSWERS,
) -> Rendered:
    """Encodes a conversation; every answer and the token that ends it is supervised.

    Raises:
        TemplateError: the template cannot lay it out, or names a token that does not exist.
    """
    return render_many([conversation], template, tokenizer, learnt)[0]


def render_many(
    conversations: Sequence[Conversation],
    template: Template,
    tokenizer: Tokenizer,
    learnt: Learnt = ANSWERS,
) -> list[Rendered]:
    """Encodes many conversations at once; the same as one after the other, and faster.

    Raises:
        TemplateError: one of them cannot be laid out.
    """
    layouts = [lay_out(conversation, template, tokenizer) for conversation in conversations]
    texts: list[tuple[str, Before]] = [
        (text, before) for runs in layouts for token_id, text, before, _ in runs if token_id is None
    ]
    encoded = iter(tokenizer.encode_many(texts))
    return [
        _assembled(runs, encoded, _weights(conversation.messages, template, runs, learnt))
        for conversation, runs in zip(conversations, layouts, strict=True)
    ]


def lay_out(conversation: Conversation, template: Template, tokenizer: Tokenizer) -> list[Run]:
    """The runs of a conversation: control tokens, and texts that are encoded as one.

    Raises:
        TemplateError: the template cannot lay it out, or names a token that does not exist.
    """
    runs: list[Run] = []
    texts: list[str] = []
    before: Before = "nothing"
    place, in_answer, open_kind = -1, False, ""

    def close() -> None:
        nonlocal before
        if texts:
            runs.append((None, "".join(texts), before, place if open_kind == "answer" else -1))
            texts.clear()
            before = "text"

    for piece in template.pieces(conversation.messages, tokenizer, conversation.tools):
        if piece.kind != open_kind or piece.apart or piece.kind == "control":
            close()
        open_kind = piece.kind
        is_learnt = piece.kind == "answer" or piece.ends_answer
        if is_learnt and not in_answer:
            place += 1
        in_answer = is_learnt
        if piece.kind == "control":
            token_id = _id(piece, template, tokenizer)
            runs.append((token_id, "", "nothing", place if piece.ends_answer else -1))
            before = "special"
            continue
        if piece.apart:
            before = "nothing"
        if piece.text:
            texts.append(piece.text)
        if piece.apart:
            close()
    close()
    return runs


def _weights(
    messages: Sequence[Message], template: Template, runs: Sequence[Run], learnt: Learnt
) -> list[float]:
    """The weight of every run's tokens."""
    answers = [message for message in messages if message.role == "assistant"]
    n_learnt = 1 + max((run[3] for run in runs), default=-1)
    if n_learnt != len(answers):
        raise TemplateError(
            f"template {template.name!r} lays {len(answers)} answer(s) out as {n_learnt}, so it is "
            "not clear what is learnt. Choose another template."
        )
    last = len(answers) - 1
    everything = learnt.train_on == "everything"
    by_answer = [
        answer.weight
        if answer.weight is not None
        else float(learnt.train_on != "last" or place == last)
        for place, answer in enumerate(answers)
    ]
    other = 1.0 if everything else learnt.prompt_weight
    return [by_answer[place] if place >= 0 else other for *_, place in runs]


def _assembled(
    runs: Sequence[Run], encoded: Iterator[np.ndarray], weights: Sequence[float]
) -> Rendered:
    parts = [
        next(encoded) if token_id is None else np.array([token_id], np.int32)
        for token_id, *_ in runs
    ]
    spread = np.repeat(np.asarray(weights, np.float32), [len(part) for part in parts])
    if len(spread):
        spread[0] = 0.0  # nothing stands before it, so nothing can predict it
    ids = np.concatenate(parts) if parts else np.zeros(0, np.int32)
    return Rendered(ids, spread)


def render_document(document: Document, tokenizer: Tokenizer) -> Rendered:
    """Encodes running text between bos and eos; everything behind the first token is supervised."""
    return render_documents([document], tokenizer)[0]


def render_documents(documents: Sequence[Document], tokenizer: Tokenizer) -> list[Rendered]:
    """Encodes many documents at once."""
    bos = tokenizer.id_of(tokenizer.bos) if tokenizer.bos else None
    lead = np.array([] if bos is None else [bos], np.int32)
    end = np.array([tokenizer.eos_id], np.int32)
    found = tokenizer.encode_many([(document.text, "nothing") for document in documents])
    rendered: list[Rendered] = []
    for ids in found:
        whole = np.concatenate([lead, ids, end])
        weights = np.ones(len(whole), np.float32)
        weights[0] = 0.0
        rendered.append(Rendered(whole, weights))
    return rendered


def _id(piece: Piece, template: Template, tokenizer: Tokenizer) -> int:
    token_id = tokenizer.id_of(piece.text)
    if token_id is None:
        raise TemplateError(
            f"template {template.name!r} writes the special token {piece.text!r}, and the "
            f"tokenizer in {tokenizer.source} has no such token. Choose another template."
        )
    return token_id
