"""The tokenizer's own chat template (Jinja), rendered in a sandbox.

The template is asked to render placeholders instead of the messages, so that its own markers can be
told from what users wrote; the result is checked against rendering the messages themselves. What it
adds to a prompt once an answer is there is the answer, and is learnt up to its end token.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Literal

from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Message
from tunesmith.templates.chat_template import ChatTemplate
from tunesmith.templates.placeholders import (
    MARK,
    ArgumentsAs,
    Chat,
    Marked,
    chat_of,
    fitted,
    marked,
)
from tunesmith.templates.special import special_texts, told_apart
from tunesmith.templates.template import (
    Piece,
    Template,
    answer,
    end,
    refuse_two_answers,
    text,
)
from tunesmith.templates.tokenizer import Tokenizer
from tunesmith.templates.tools import Description, as_json, descriptions

OTHERWISE = "Choose a template by name instead."


@dataclass(frozen=True, slots=True)
class Layout:
    """What a chat template writes for marks, and which stretches of it are answers."""

    text: str
    answers: tuple[tuple[int, int], ...]
    """Start and stop of each, in characters."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a chat template writes."""

    real: str
    """For the messages themselves."""
    found: Marked
    layout: Layout
    """For marks in place of their texts."""


class Native(Template):
    """Whatever chat template the model folder brings."""

    name: Literal["native"] = "native"
    today: date = date(2024, 7, 26)
    """Date that a chat template is told if it asks: the same on every day, so that what trains is
    what serves. It is the one that Meta's own templates fall back to."""

    def pieces(
        self, messages: Sequence[Message], tokenizer: Tokenizer, tools: str = ""
    ) -> list[Piece]:
        """Lays messages out as the model's own template does."""
        refuse_two_answers(messages)
        template = self._template(tokenizer)
        asks = bool(messages) and messages[-1].role != "assistant"
        written = _written(template, messages, descriptions(tools), special_texts(tokenizer), asks)
        layout, found = written.layout, written.found
        _check_nothing_is_left_out(layout, messages, found.owners, found.texts, template.folder)
        contents = fitted(layout.text, found.texts, written.real)
        if contents is None:
            raise TemplateError(
                f"{template.folder}: its chat template changes the text of messages, so the answer "
                f"cannot be told from the prompt without doubt. {OTHERWISE}"
            )
        return _lead_into_answers(_pieces(layout, iter(contents), tokenizer), asks)

    def end_tokens(self, tokenizer: Tokenizer) -> list[str]:
        """The token this template writes behind an answer, and the end of a text."""
        probe = self.pieces((Message("user", "q"), Message("assistant", "a")), tokenizer)
        return list(dict.fromkeys([*(p.text for p in probe if p.ends_answer), tokenizer.eos]))

    def _template(self, tokenizer: Tokenizer) -> ChatTemplate:
        if tokenizer.chat_template is None:
            raise TemplateError(
                f"{tokenizer.source}: the tokenizer has no chat template of its own. "
                "Set template, for example template=alpaca or template=llama2."
            )
        return ChatTemplate(
            tokenizer.chat_template,
            tokenizer.bos or "",
            tokenizer.eos,
            self.today,
            tokenizer.source,
        )


def _written(
    template: ChatTemplate,
    messages: Sequence[Message],
    tools: list[Description],
    special_tokens: Sequence[str],
    asks: bool,
) -> Written:
    """The text for the messages, and for marks, in the shape that the template wants.

    Most templates want the arguments of calls as objects. Some want them as text; these fail on an
    object, or write it as Python does.
    """
    shapes: tuple[ArgumentsAs, ...] = ("objects", "texts")
    failure: TemplateError | None = None
    for arguments_as in shapes if any(m.tool_calls for m in messages) else shapes[:1]:
        chat = chat_of(messages, tools, arguments_as)
        try:
            real = template.write(chat.messages, chat.tools, asks=asks)
            found = marked(chat, special_tokens)
            shape = json.dumps([found.chat.messages, found.chat.tools])
            layout = _laid_out(template, shape, asks)
        except TemplateError as error:
            failure = failure or error
            continue
        if arguments_as == "texts" or not _is_in_python(layout.text, found.chat):
            return Written(real, found, layout)
    assert failure is not None
    raise failure


def _is_in_python(laid_out: str, chat: Chat) -> bool:
    """Whether the arguments of a call are written with Python's quotes and names."""
    calls = [call for turn in chat.messages for call in turn.get("tool_calls", ())]
    given = [call["function"]["arguments"] for call in calls]
    return any(str(a) in laid_out and str(a) != as_json(a) for a in given)


@lru_cache(maxsize=512)
def _laid_out(template: ChatTemplate, shape: str, asks: bool) -> Layout:
    """Renders marks; conversations of one shape share the result.

    Args:
        template: the chat template.
        shape: messages and tools as JSON, with marks in them.
        asks: whether the layout ends with the opening of an answer.

    Raises:
        TemplateError: the text up to an answer is not the same with and without the answer.
    """
    messages, tools = json.loads(shape)
    whole = template.write(messages, tools, asks=asks)
    if tools and whole == template.write(messages, None, asks=asks):
        raise TemplateError(
            f"{template.folder}: its chat template has no place for tools. {OTHERWISE}"
        )
    answers: list[tuple[int, int]] = []
    for place, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        prompt = template.write(messages[:place], tools, asks=True)
        answered = template.write(messages[: place + 1], tools, asks=False)
        if not answered.startswith(prompt) or not whole.startswith(answered):
            raise TemplateError(
                f"{template.folder}: its chat template writes a prompt differently once the answer "
                f"(message {place + 1}) or what follows it is there, so what is trained would not "
                f"be what is served. {OTHERWISE}"
            )
        answers.append((len(prompt), len(answered)))
    return Layout(whole, tuple(answers))


def _check_nothing_is_left_out(
    layout: Layout,
    messages: Sequence[Message],
    owners: Sequence[int],
    texts: Sequence[str],
    folder: Path,
) -> None:
    written = {int(number) for number in MARK.findall(layout.text)}
    for number, (owner, content) in enumerate(zip(owners, texts, strict=True)):
        if owner >= 0 and number not in written and content.strip():
            raise TemplateError(
                f"{folder}: its chat template leaves out a text of message {owner + 1}, the "
                f"{messages[owner].role}'s. {OTHERWISE}"
            )
    turns = [(i, message) for i, message in enumerate(messages) if message.role == "assistant"]
    for (start, stop), (place, message) in zip(layout.answers, turns, strict=True):
        stretch = layout.text[start:stop]
        stretch = MARK.sub(lambda found: texts[int(found[1])], stretch)
        if not all(call.name in stretch for call in message.tool_calls):
            raise TemplateError(
                f"{folder}: its chat template leaves out the calls of message {place + 1}. "
                f"{OTHERWISE}"
            )


def _pieces(layout: Layout, contents: Iterator[str], tokenizer: Tokenizer) -> list[Piece]:
    pieces: list[Piece] = []
    position = 0
    for start, stop in layout.answers:
        pieces += _stretch(layout.text[position:start], contents, tokenizer)[0]
        found, behind_mark = _stretch(layout.text[start:stop], contents, tokenizer)
        pieces += _learnt(found, behind_mark, tokenizer.source)
        position = stop
    return pieces + _stretch(layout.text[position:], contents, tokenizer)[0]


def _stretch(
    laid_out: str, contents: Iterator[str], tokenizer: Tokenizer
) -> tuple[list[Piece], int]:
    """Pieces of a stretch that is not learnt, and the place behind its last mark."""
    pieces: list[Piece] = []
    behind_mark = 0
    for place, part in enumerate(MARK.split(laid_out)):
        if place % 2:
            pieces.append(text(next(contents)))
            behind_mark = len(pieces)
        else:
            pieces += told_apart(part, tokenizer)
    return pieces, behind_mark


def _learnt(pieces: list[Piece], behind_mark: int, folder: Path) -> list[Piece]:
    """The same pieces, learnt up to the token that ends the answer."""
    ends = [i for i, piece in enumerate(pieces) if piece.kind == "control" and i >= behind_mark]
    if not ends:
        raise TemplateError(
            f"{folder}: its chat template writes no end token behind an answer, so the model could "
            f"not learn to stop. {OTHERWISE}"
        )
    last = ends[0] if behind_mark else ends[-1]
    learnt = [
        end(piece.text) if piece.kind == "control" else answer(piece.text)
        for piece in pieces[: last + 1]
    ]
    return learnt + pieces[last + 1 :]


def _lead_into_answers(pieces: list[Piece], asks: bool) -> list[Piece]:
    """Moves a space that stands before an answer into it, as models write it themselves."""
    moved = list(pieces)
    for place, piece in enumerate([*pieces, answer("")] if asks else pieces):
        if piece.kind == "answer" and place and moved[place - 1].kind == "text":
            before = moved[place - 1].text
            bare = before.rstrip(" ")
            if bare and bare != before:
                moved[place - 1] = text(bare)
                if place < len(moved):
                    moved[place] = answer(before[len(bare) :] + piece.text)
    return moved
