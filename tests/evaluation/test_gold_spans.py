"""Gold spans: the text of every reference answer is marked, and no text is lost."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.core.examples import Document, Span, SpanQuestion
from tunesmith.evaluation.gold_spans import gold_spans, pieces


@st.composite
def questions(draw):
    context = draw(st.text(alphabet="ab 中😀\n", min_size=1, max_size=30))
    spans = []
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(context) - 1))
        end = draw(st.integers(start + 1, len(context)))
        spans.append(Span(context[start:end], start))
    return SpanQuestion("Q?", context, tuple(spans), "x:1")


@settings(deadline=None)
@given(questions())
def test_exactly_the_characters_of_answers_are_marked(question):
    prompt = f"Question: Q?\n\n{question.context}"
    found = pieces(prompt, gold_spans(question, prompt))
    assert "".join(piece for piece, _ in found) == prompt
    first = len(prompt) - len(question.context)
    right = {first + s.start + n for s in question.answers for n in range(len(s.text))}
    marked = [is_in for piece, is_in in found for _ in piece]
    assert {place for place, is_in in enumerate(marked) if is_in} == right


def test_a_prompt_without_the_text_has_no_mark():
    question = SpanQuestion("Q?", "Rome lies here.", (Span("Rome", 0),), "x:1")
    assert gold_spans(question, "Q?") == []
    assert gold_spans(Document("Rome", "x:1"), "Rome") == []
