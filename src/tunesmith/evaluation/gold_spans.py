"""Gold spans: where the reference answers of a question stand in its prompt."""

from __future__ import annotations

from collections.abc import Sequence

from tunesmith.core.examples import Example, SpanQuestion

Span = tuple[int, int]
"""First character and the one behind the last, counted in Unicode code points."""


def gold_spans(example: Example, prompt: str) -> list[Span]:
    """The stretches of a prompt that are right, in order, those that touch made one.

    Args:
        example: none but a question about a text has such stretches.
        prompt: what a model was asked, the text at its end.
    """
    if not isinstance(example, SpanQuestion) or not prompt.endswith(example.context):
        return []
    first = len(prompt) - len(example.context)
    found: list[Span] = []
    for span in sorted((first + s.start, first + s.start + len(s.text)) for s in example.answers):
        if found and span[0] <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], span[1]))
        else:
            found.append(span)
    return found


def pieces(text: str, spans: Sequence[Span]) -> list[tuple[str, bool]]:
    """A text in pieces that join to it, and whether each is within one of the spans.

    Args:
        text: the prompt.
        spans: of :func:`gold_spans`.
    """
    found: list[tuple[str, bool]] = []
    at = 0
    for start, end in spans:
        found += [(text[at:start], False), (text[start:end], True)]
        at = end
    return [(piece, is_in) for piece, is_in in [*found, (text[at:], False)] if piece]
