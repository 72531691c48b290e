"""Lenient JSON: values as models write them, read without guessing at what they mean.

Strict JSON is read strictly. What is not is read a second time with the slips that models make:
quotes of any script, commas too many, full-width signs, comments, quotes within a text. A value
that still cannot be told, or has one key twice, is malformed; one that the text ends in is cut.
"""

from __future__ import annotations

import json
import re
from typing import Any

CLOSERS = {'"': '"”＂', "'": "'’", "“": '”“"', "”": '”"', "„": '“”"', "‘": "’'", "＂": '＂"'}
CLOSERS |= {"「": "」", "『": "』", "`": "`"}
SPACE = re.compile(r"(?:[\s\ufeff\u200b]|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
LITERAL = re.compile(r"(?:true|false|null|True|False|None|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\b")
WORD = re.compile(r"[A-Za-z_]\w{0,40}")
QUOTE = "[\"'“”„‘’＂「『`]"
END_QUOTE = "[\"'“”‘’＂」』`]"
KEY = rf"(?:{QUOTE}[^\"'“”\n:：]{{1,40}}{END_QUOTE}|[A-Za-z_]\w{{0,40}})\s*[:：]"
AFTER_KEY = re.compile(r"\s*[:：]")
AFTER_FIELD = re.compile(rf"\s*(?:[}}｝]|[,，]\s*(?:{KEY}|[}}｝])|\n\s*{KEY})")
AFTER_ITEM = re.compile(rf"\s*(?:[\]］]|[,，]\s*(?:{QUOTE}|[{{｛\[［\]］\d-]|true|false|null))")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
DEEPEST = 20


class Malformed(ValueError):
    """It is no JSON, even with the usual slips forgiven."""


class Cut(Malformed):
    """The text ends within the value."""


def read_value(text: str, start: int) -> tuple[Any, int]:
    """Reads one object or list.

    Args:
        text: what holds it.
        start: where its bracket stands.

    Returns:
        The value, and the offset behind it.

    Raises:
        Cut: the text ends before it does.
        Malformed: it cannot be read.
    """
    try:
        return _STRICT.raw_decode(text, start)
    except Malformed:
        raise
    except (ValueError, RecursionError):
        reader = _Reader(text, start)
        return reader.value("item"), reader.at


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of a key that stands there twice nobody knows which value is meant."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Malformed("a key stands twice in one object")
    return made


def _no_number(name: str) -> Any:
    raise Malformed(f"{name} is no value")


# strict=False allows line ends within texts, which change nothing in what is meant.
_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number, strict=False)


class _Reader:
    """Reads from left to right; ``at`` is the next character."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at
        self.depth = 0

    def value(self, within: str) -> Any:
        """A value; ``within`` says what it is part of: a ``field`` or an ``item``."""
        self._skip()
        sign = self._sign()
        if sign in "{｛[［":
            self.depth += 1
            if self.depth > DEEPEST:
                raise Malformed(f"nested deeper than {DEEPEST}")
            made = self._object() if sign in "{｛" else self._list()
            self.depth -= 1
            return made
        if sign in CLOSERS:
            return self._text(AFTER_FIELD if within == "field" else AFTER_ITEM)
        found = LITERAL.match(self.text, self.at)
        if found is None:
            raise Malformed(f"no value at character {self.at}")
        self.at = found.end()
        return WORDS[found[0]] if found[0] in WORDS else json.loads(found[0])

    def _object(self) -> dict[str, Any]:
        self.at += 1
        pairs: list[tuple[str, Any]] = []
        while True:
            self._skip()
            if self._sign() in "}｝":
                self.at += 1
                return _unique(pairs)
            key = self._key()
            self._skip()
            if self._sign() not in ":：":
                raise Malformed(f"no colon at character {self.at}")
            self.at += 1
            pairs.append((key, self.value("field")))
            self._between("}｝", AFTER_FIELD)

    def _key(self) -> str:
        if self._sign() in CLOSERS:
            return self._text(AFTER_KEY)
        found = WORD.match(self.text, self.at)
        if found is None:
            raise Malformed(f"no key at character {self.at}")
        self.at = found.end()
        return found[0]

    def _list(self) -> list[Any]:
        self.at += 1
        items: list[Any] = []
        while True:
            self._skip()
            if self._sign() in "]］":
                self.at += 1
                return items
            items.append(self.value("item"))
            self._between("]］", None)

    def _between(self, closing: str, newline: re.Pattern[str] | None) -> None:
        """A comma, or the end, or a line end where a comma was forgotten."""
        before = self.at
        self._skip()
        sign = self._sign()
        if sign in ",，":
            self.at += 1
        elif sign not in closing and not (newline and newline.match(self.text, before)):
            raise Malformed(f"no comma at character {self.at}")

    def _text(self, behind: re.Pattern[str]) -> str:
        """A text; a quote ends it only where what belongs behind it follows."""
        closers = CLOSERS[self.text[self.at]]
        self.at += 1
        pieces: list[str] = []
        while True:
            sign = self._sign()
            if sign == "\\":
                pieces.append(self._escape())
                continue
            self.at += 1
            if sign in closers and behind.match(self.text, self.at):
                return "".join(pieces)
            pieces.append(sign)

    def _escape(self) -> str:
        sign = self.text[self.at + 1 : self.at + 2]
        if sign == "u":
            found = re.compile(r"(?:\\u[0-9a-fA-F]{4})+").match(self.text, self.at)
            if found is None:
                raise Malformed(f"a broken escape at character {self.at}")
            self.at = found.end()
            return json.loads(f'"{found[0]}"')
        self.at += 2
        if sign in ESCAPES:
            return ESCAPES[sign]
        return sign if sign in "\"'\\/" else f"\\{sign}"

    def _skip(self) -> None:
        found = SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def _sign(self) -> str:
        if self.at >= len(self.text):
            raise Cut("the text ends within a value")
        return self.text[self.at]
