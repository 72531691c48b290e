"""SQuAD: questions whose answers are stretches of a context, one by one or in the nested file.

{"id": "q1", "title": "Rome", "context": "Rome lies on the Tiber.", "question": "On which river?",
 "answers": {"text": ["the Tiber"], "answer_start": [13]}}
{"version": "1.1", "data": [{"title": "Rome", "paragraphs": [{"context": "Rome lies on the Tiber.",
 "qas": [{"id": "q1", "question": "On which river?",
          "answers": [{"text": "the Tiber", "answer_start": 13}]}]}]}]}
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, cast

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Example, Span, SpanQuestion
from tunesmith.data.format import Format, Record, needed_field, text_field
from tunesmith.data.formats.calls import from_json
from tunesmith.data.formats.spans import place_span


class Squad(Format):
    """Questions on contexts (Rajpurkar et al. 2016, arXiv:1606.05250).

    The group is the title, else a hash of the context. An offset that does not lead to its answer
    is mended where there is no doubt, and counted; see ``tunesmith.data.formats.spans``.
    """

    takes: ClassVar[tuple[type[Example], ...]] = (SpanQuestion,)
    name: Literal["squad"] = "squad"
    question_key: str = "question"
    """Field that holds the question."""
    context_key: str = "context"
    """Field that holds the text with the answers."""
    answers_key: str = "answers"
    """Field that holds the answers with their offsets; none of them: the context has no answer."""

    @classmethod
    def recognises(cls, record: Record) -> bool:
        """By a question, its context and answers, or by paragraphs."""
        flat = "question" in record and "context" in record
        return (
            (flat and ("answers" in record or "is_impossible" in record))
            or _list(record, "paragraphs") is not None
            or any("paragraphs" in article for article in _list(record, "data") or ())
        )

    def examples(self, record: Record, origin: str) -> Iterator[Example | DataError]:
        """Each question of a record, of an article with its paragraphs, or of a whole file.

        Places in a nested file are ``file:article/paragraph/id``, counted from 1.
        """
        if "data" in record and self.context_key not in record:
            found = self._articles(record, origin.removesuffix(":1"))
        elif "paragraphs" in record:
            found = self._paragraphs(record, f"{origin}/")
        else:
            found = super().examples(record, origin)
        holds_any = False
        for item in found:
            holds_any = True
            yield item
        if not holds_any:
            yield DataError(f"{origin}: holds no question. Take it out, or see what is missing.")

    def example(self, record: Record, origin: str) -> SpanQuestion:
        """Makes a question of a flat record."""
        title = record.get("title")
        if not isinstance(title, str | None):
            raise DataError(f"{origin}: 'title' holds {type(title).__name__}, and text is needed.")
        question = text_field(record, self.question_key, origin, setting="data.format.question_key")
        context = text_field(record, self.context_key, origin, setting="data.format.context_key")
        spans, mended = self._spans(record, context, origin)
        return SpanQuestion(
            question,
            context,
            spans,
            origin,
            id=_name(record),
            title=title or "",
            group=self.group(record) or _group(title or "", context),
            mended=mended,
        )

    def record(self, example: Example) -> dict[str, Any]:
        """Writes a flat record; ``answers`` holds two lists."""
        asked = cast("SpanQuestion", example)
        fields: dict[str, Any] = {
            "id": asked.id,
            "title": asked.title,
            self.context_key: asked.context,
            self.question_key: asked.question,
            self.answers_key: {
                "text": [span.text for span in asked.answers],
                "answer_start": [span.start for span in asked.answers],
            },
        }
        derived = asked.group == _group(asked.title, asked.context)
        return fields if derived else {**fields, **self.grouped(asked)}

    def _articles(self, record: Record, origin: str) -> Iterator[Example | DataError]:
        articles = record["data"]
        if not isinstance(articles, list):
            yield DataError(f"{origin}:1: 'data' is no list of articles.")
            return
        for number, article in enumerate(cast("list[Any]", articles), 1):
            if not isinstance(article, Mapping):
                yield DataError(f"{origin}:{number}: an article is not an object.")
            else:
                yield from self._paragraphs(cast("Record", article), f"{origin}:{number}/")

    def _paragraphs(self, article: Record, place: str) -> Iterator[Example | DataError]:
        paragraphs = _list(article, "paragraphs")
        if paragraphs is None:
            yield DataError(f"{place[:-1]}: no list of objects under 'paragraphs'.")
            return
        for number, paragraph in enumerate(paragraphs, 1):
            questions = _list(paragraph, "qas")
            if questions is None:
                yield DataError(f"{place}{number}: no list of objects under 'qas'.")
                continue
            told = {key: paragraph[key] for key in (self.context_key,) if key in paragraph}
            told |= {key: article[key] for key in ("title",) if key in article}
            for place_of_it, question in enumerate(questions, 1):
                name = _name(question)
                simple = name if name and not set(name) & set(" :/") else f"#{place_of_it}"
                yield from super().examples({**told, **question}, f"{place}{number}/{simple}")

    def _spans(self, record: Record, context: str, origin: str) -> tuple[tuple[Span, ...], str]:
        """The answers at their places, and how any of them were mended."""
        impossible = record.get("is_impossible")
        if not isinstance(impossible, bool | None):
            raise DataError(f"{origin}: 'is_impossible' holds {impossible!r}, not true or false.")
        not_told = impossible and self.answers_key not in record
        answers = () if not_told else self._answers(record, origin)
        if impossible is not None and impossible == bool(answers):
            told = "has answers" if answers else "has no answer"
            raise DataError(f"{origin}: it {told}, and 'is_impossible' says {impossible}.")
        spans: list[Span] = []
        ways: list[str] = []
        for text, start in answers:
            place, way = place_span(context, text, start, origin)
            spans.append(Span(text, place))
            ways += [way] if way and way not in ways else []
        return tuple(spans), "; ".join(ways)

    def _answers(self, record: Record, origin: str) -> Sequence[tuple[str, int]]:
        """Texts and offsets, from two lists or from a list of pairs."""
        found = needed_field(record, self.answers_key, origin, setting="data.format.answers_key")
        if isinstance(found, str):  # in a cell of a table
            try:
                found = from_json(found)
            except ValueError as error:
                raise DataError(
                    f"{origin}: {self.answers_key!r} holds broken JSON: {error}."
                ) from None
        match found:
            case {"text": [*texts], "answer_start": [*starts]}:
                pairs = _zipped(texts, starts)
            case list():
                pairs = [_pair(answer) for answer in cast("list[Any]", found)]
            case _:
                pairs = [None]
        checked = [pair for pair in pairs if pair is not None]
        if len(checked) < len(pairs):
            raise DataError(
                f"{origin}: {self.answers_key!r} is no list of answers, each with a 'text' and its "
                "'answer_start'."
            )
        return checked


def _zipped(texts: list[Any], starts: list[Any]) -> list[tuple[str, int] | None]:
    if len(texts) != len(starts):
        return [None]
    return [
        _pair({"text": text, "answer_start": start})
        for text, start in zip(texts, starts, strict=True)
    ]


def _pair(answer: Any) -> tuple[str, int] | None:
    match answer:
        case {"text": str() as text, "answer_start": int() as start} if (
            text.strip() and not isinstance(start, bool)
        ):
            return text, start
        case _:
            return None


def _list(record: Record, key: str) -> list[Record] | None:
    """A list of objects under a key, or None."""
    found = record.get(key)
    if not isinstance(found, list):
        return None
    entries = cast("list[Any]", found)
    return entries if all(isinstance(entry, Mapping) for entry in entries) else None


def _name(record: Record) -> str:
    name = record.get("id")
    return str(name) if isinstance(name, str | int) else ""


def _group(title: str, context: str) -> str:
    data = context.encode("utf-8", "surrogatepass")
    return title or hashlib.blake2b(data, digest_size=8).hexdigest()
