"""The tokenizer's own chat template (Jinja), rendered in a sandbox.

The template is asked to render placeholders instead of the messages, so that its own markers can be
told from what users wrote; the result is checked against rendering the messages themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, NoReturn

from jinja2 import Template as JinjaTemplate
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Message
from tunesmith.templates.template import Piece, Template, answer, control, end, text
from tunesmith.templates.tokenizer import Tokenizer

MARK = re.compile("\ue000(\\d+)\ue001")


class Native(Template):
    """Whatever chat template the model folder brings."""

    name: Literal["native"] = "native"

    def pieces(
        self, messages: Sequence[Message], tokenizer: Tokenizer, tools: str = ""
    ) -> list[Piece]:
        """Lays messages out as the model's own template does."""
        if tokenizer.chat_template is None:
            raise TemplateError(
                f"{tokenizer.source}: the tokenizer has no chat template of its own. "
                "Set template, for example template=alpaca or template=llama2."
            )
        pieces = _laid_out(messages, tokenizer)
        if len(messages) > 1 and messages[-1].role == "assistant":
            prompt = _laid_out(messages[:-1], tokenizer)
            if pieces[: len(prompt)] != prompt:
                raise TemplateError(
                    f"{tokenizer.source}: its chat template writes a prompt differently once the "
                    "answer is there, so what is trained would not be what is served. Choose a "
                    "template by name instead."
                )
        return pieces

    def end_tokens(self, tokenizer: Tokenizer) -> list[str]:
        """The token this template writes behind an answer, and the end of a text."""
        probe = self.pieces((Message("user", "q"), Message("assistant", "a")), tokenizer)
        return list(dict.fromkeys([*(p.text for p in probe if p.ends_answer), tokenizer.eos]))


def _laid_out(messages: Sequence[Message], tokenizer: Tokenizer) -> list[Piece]:
    asks = bool(messages) and messages[-1].role != "assistant"
    marks = [(m.role, f"\ue000{place}\ue001") for place, m in enumerate(messages)]
    marked = _run(tokenizer, marks, asks)
    contents = _checked(tokenizer, messages, marked, asks)
    return _lead_into_answers(_pieces(marked, messages, contents, tokenizer), asks)


def _checked(
    tokenizer: Tokenizer, messages: Sequence[Message], laid_out: str, asks: bool
) -> list[str]:
    """The contents that fill the placeholders, proved by rendering the messages themselves."""
    real = _run(tokenizer, [(m.role, m.text) for m in messages], asks)
    for contents in ([m.text for m in messages], [m.text.strip() for m in messages]):
        if MARK.sub(lambda found, c=contents: c[int(found[1])], laid_out) == real:
            return contents
    raise TemplateError(
        f"{tokenizer.source}: its chat template changes the text of messages, so the answer cannot "
        "be told from the prompt without doubt. Choose a template by name instead."
    )


def _pieces(
    laid_out: str, messages: Sequence[Message], contents: list[str], tokenizer: Tokenizer
) -> list[Piece]:
    specials = _special_tokens(tokenizer)
    pieces: list[Piece] = []
    position, after_answer = 0, False
    for found in [*MARK.finditer(laid_out), None]:
        stop = found.start() if found else len(laid_out)
        between = _markup(laid_out[position:stop], specials)
        if after_answer:
            place = next((i for i, p in enumerate(between) if p.kind == "control"), None)
            if place is None:
                raise TemplateError(
                    f"{tokenizer.source}: its chat template writes no end token behind an answer, "
                    "so the model could not learn to stop. Choose a template by name instead."
                )
            spaces = "".join(p.text for p in between[:place])
            if spaces.strip():
                raise TemplateError(
                    f"{tokenizer.source}: its chat template writes {spaces.strip()!r} between an "
                    "answer and its end token. Choose a template by name instead."
                )
            last = pieces.pop()
            pieces += [answer(last.text + spaces), end(between[place].text)]
            between = between[place + 1 :]
        pieces += between
        if found is None:
            return pieces
        place = int(found[1])
        after_answer = messages[place].role == "assistant"
        pieces.append(answer(contents[place]) if after_answer else text(contents[place]))
        position = found.end()
    raise AssertionError("the loop returns at its last turn")


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


def _markup(value: str, specials: re.Pattern[str] | None) -> list[Piece]:
    """The template's own words, with its special tokens told apart."""
    if specials is None:
        return [text(value)] if value else []
    parts = specials.split(value)
    return [control(p) if i % 2 else text(p) for i, p in enumerate(parts) if p]


@lru_cache(maxsize=8)
def _special_tokens(tokenizer: Tokenizer) -> re.Pattern[str] | None:
    tokens = [t.content for t in tokenizer.fast.get_added_tokens_decoder().values() if t.special]
    if not tokens:
        return None
    return re.compile("(" + "|".join(re.escape(t) for t in sorted(tokens, key=len)[::-1]) + ")")


@lru_cache(maxsize=8)
def _compiled(source: str) -> JinjaTemplate:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = _refuse
    return environment.from_string(source)


def _refuse(message: str) -> NoReturn:
    raise TemplateError(f"the model's own chat template refuses the conversation: {message}")


def _run(tokenizer: Tokenizer, turns: list[tuple[str, str]], asks: bool) -> str:
    messages: list[dict[str, Any]] = [{"role": role, "content": content} for role, content in turns]
    try:
        return _compiled(tokenizer.chat_template or "").render(
            messages=messages,
            add_generation_prompt=asks,
            bos_token=tokenizer.bos or "",
            eos_token=tokenizer.eos,
        )
    except JinjaError as error:
        raise TemplateError(
            f"{tokenizer.source}: its chat template cannot be rendered: {error}."
        ) from None
