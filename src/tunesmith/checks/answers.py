"""Answers: missing, empty, of a character or two, or the prompt once more."""

from __future__ import annotations

from collections.abc import Iterator

from tunesmith.checks.finding import Finding, rows_text
from tunesmith.checks.portion import Portion
from tunesmith.checks.rows import Rows
from tunesmith.core.examples import Conversation, Example, Preference, UnpairedPreference

SHORT_CHARS = 2
MANY_FRACTION = 0.5
"""Where so many answers are short, that is the task, as with multiple choice."""


class Answers:
    """Counts rows by what is odd about their answer, and remembers the first of each kind."""

    def __init__(self) -> None:
        self._n_answers = 0
        self._odd: dict[str, list[int]] = {"missing": [], "empty": [], "short": [], "echo": []}
        self._n_odd = dict.fromkeys(self._odd, 0)

    def look(self, portion: Portion) -> None:
        """Looks at the answers of conversations and preferences."""
        for row, example in enumerate(portion.examples, portion.first):
            for kind in set(self._kinds(example)):
                self._n_odd[kind] += 1
                if len(self._odd[kind]) < 9:
                    self._odd[kind].append(row)

    def findings(self, rows: Rows) -> Iterator[Finding]:
        """Tells each kind that came up."""
        for kind, check, verb, fact, fix in (
            ("missing", "no-answer", "end", "with a request: nothing is learnt behind it",
             "Add the answer, or take the last turn out."),
            ("empty", "empty-answer", "have", "an empty answer",
             "Write one, or take the row out: it teaches silence."),
            ("echo", "answer-is-prompt", "have", "the prompt itself as the answer",
             "Check the columns: input and output may be the same one."),
        ):  # fmt: skip
            if n := self._n_odd[kind]:
                places = rows.places(self._odd[kind])
                yield Finding(check, "warning", n, f"{rows_text(n, verb)} {fact}", fix, places)
        n = self._n_odd["short"]
        if 0 < n < MANY_FRACTION * self._n_answers:
            yield Finding(
                "short-answers",
                "info",
                n,
                f"{rows_text(n, 'have')} an answer of {SHORT_CHARS} characters or fewer",
                "Look whether they say what they should.",
                rows.places(self._odd["short"]),
            )

    def _kinds(self, example: Example) -> Iterator[str]:
        if isinstance(example, Conversation | UnpairedPreference):
            last = example.messages[-1] if example.messages else None
            if last is None or last.role != "assistant":
                yield "missing"
                return
            answers = [last]
            asked = example.messages[-2] if len(example.messages) > 1 else None
        elif isinstance(example, Preference):
            answers = [example.chosen[-1], example.rejected[-1]]
            asked = example.messages[-1] if example.messages else None
        else:
            return
        for answer in answers:
            self._n_answers += 1
            if len(answer.content) > SHORT_CHARS or answer.tool_calls:
                given = (asked.content, asked.input) if asked is not None else ()
                if answer.content and answer.content in given:
                    yield "echo"
                continue
            yield "short" if answer.content.strip() else "empty"
