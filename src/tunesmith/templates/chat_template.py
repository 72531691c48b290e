"""Chat templates in Jinja: run in a sandbox, with what Hugging Face's tools give to them.

That is: ``raise_exception``, ``strftime_now``, a ``tojson`` that leaves letters and ``<`` alone,
``break`` and ``continue``, and ``generation`` blocks, which mark an answer and write nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from jinja2 import Template as JinjaTemplate
from jinja2 import nodes
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tunesmith.core.errors import TemplateError

Turn = dict[str, Any]
"""One message as chat APIs write it."""


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """A model folder's own chat template, with what it may ask for."""

    source: str
    bos: str
    eos: str
    day: date
    """What the template is told when it asks for the date; the time of day is always midnight."""
    folder: Path
    """Where it was read, for errors."""

    def write(
        self, messages: Sequence[Turn], tools: Sequence[Mapping[str, Any]] | None, *, asks: bool
    ) -> str:
        """The text that the template makes of messages.

        Args:
            messages: with role, content, and where there are any ``tool_calls``.
            tools: function descriptions, or None.
            asks: end with the opening of an answer.

        Raises:
            TemplateError: the template refuses the messages, or is broken.
        """
        try:
            return _compiled(self.source).render(
                messages=messages,
                tools=tools,
                documents=None,
                add_generation_prompt=asks,
                bos_token=self.bos,
                eos_token=self.eos,
                strftime_now=self._clock(),
            )
        except TemplateError:
            raise
        except Exception as error:  # it is a program, and may fail like any other
            raise TemplateError(
                f"{self.folder}: its chat template cannot be rendered: {error}."
            ) from None

    def _clock(self) -> Callable[[str], str]:
        midnight = datetime.combine(self.day, time())
        return lambda form: midnight.strftime(form)


class Generation(Extension):
    """Blocks that mark what the assistant says; their content is written as it is."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> nodes.Node:
        """Reads up to the end of the block."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


@lru_cache(maxsize=8)
def _compiled(source: str) -> JinjaTemplate:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.globals["raise_exception"] = _refuse
    environment.filters["tojson"] = _tojson
    try:
        return environment.from_string(source)
    except JinjaError as error:
        raise JinjaError(f"line {getattr(error, 'lineno', '?')}: {error}") from None


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _refuse(message: str) -> NoReturn:
    raise TemplateError(f"the model's own chat template refuses the conversation: {message}")
