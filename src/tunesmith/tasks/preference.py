"""Preference: the model learns which of two answers is better, or whether one is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Example, Message, Preference, UnpairedPreference
from tunesmith.tasks.task import EncodedExample, JudgedBy, Limits, Outcome, Task
from tunesmith.templates.render import Rendered, render_many
from tunesmith.templates.shorten import cut_answer, shorten
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tunesmith.objectives.objective import Objective
    from tunesmith.tasks.preference_rows import PreferenceRows
    from tunesmith.tasks.store import EncodedSplit

PAIRWISE = ("dpo", "hinge", "ipo", "kto-pair", "orpo", "simpo")
UNPAIRED = "kto"
DESIRABLE, PAIRED = 0, 1
"""Places in an encoded row's values: whether its answer is wanted, whether it has a partner."""
SAME = "chosen and rejected are the same"
NO_ROOM = "nothing to learn: its prompt alone fills the limit, so every token is masked"


class PreferenceTuning(Task):
    """Learns from answers that were compared or judged; all before them is context.

    A pair is two encoded rows, the chosen one first; both have the same prompt to the token.
    """

    name: Literal["preference"] = "preference"
    example_type: ClassVar[type[Example]] = Preference
    further_types: ClassVar[tuple[type[Example], ...]] = (UnpairedPreference,)
    uses_template: ClassVar[bool] = True
    objectives: ClassVar[tuple[str, ...]] = (*PAIRWISE, UNPAIRED)
    metrics: ClassVar[tuple[str, ...]] = ("preference",)
    judged_by: ClassVar[JudgedBy] = "preferences"

    def encode(
        self, examples: Sequence[Example], template: Template, tokenizer: Tokenizer, limits: Limits
    ) -> list[Outcome]:
        """Renders the prompt with each answer; a prompt that is too long is cut once for both."""
        sides = [_sides(example) for example in examples]
        rendered = iter(render_many([c for cs in sides for c in cs], template, tokenizer))
        outcomes: list[Outcome] = []
        for example, conversations in zip(examples, sides, strict=True):
            whole = [next(rendered) for _ in conversations]
            refused = _refused(example, whole)
            if refused is not None:
                outcomes.append(refused)
            elif max(map(len, whole)) <= limits.max_tokens:
                outcomes.append(Outcome(_rows(example, whole)))
            else:
                fitting = _shortened(example, conversations, whole, template, tokenizer, limits)
                outcomes.append(fitting)
        return outcomes

    def lengths(self, split: EncodedSplit) -> np.ndarray:
        """Positions that each row takes; of a pair, twice its longer side's."""
        sides = split.lengths
        return 2 * sides.reshape(-1, 2).max(1) if is_paired(split) else sides

    def picked(self, split: EncodedSplit, rows: np.ndarray) -> EncodedSplit:
        """Some pairs, both sides of each, or some single answers."""
        if not is_paired(split):
            return super().picked(split, rows)
        return replace(split, rows=split.rows.reshape(-1, 2)[rows].ravel())

    def rows(self, split: EncodedSplit, pad_id: int) -> PreferenceRows:
        """Pairs, or single answers."""
        return self.answer_rows(split, pad_id)

    def answer_rows(self, split: EncodedSplit, pad_id: int) -> PreferenceRows:
        """The same."""
        from tunesmith.tasks.preference_rows import PreferenceRows

        return PreferenceRows(
            split, pad_id, lengths=self.lengths(split), is_paired=is_paired(split)
        )

    def told(self, row: EncodedExample) -> str:
        """Which side of a pair it is, or how its answer was judged."""
        words = ("rejected", "chosen") if row.values[PAIRED] else ("not wanted", "wanted")
        return words[row.values[DESIRABLE] > 0]

    def objective_for(self, kind: type[Example]) -> str:
        """``kto`` for answers without a partner."""
        return UNPAIRED if kind is UnpairedPreference else self.objectives[0]

    def require_rows(self, split: EncodedSplit, objective: Objective) -> None:
        """Checks that rows are of one kind, and pairs where the objective compares."""
        if not is_paired(split) and objective.needs_pairs:
            raise DataError(
                f"{split.origin(0)}: an answer without a partner, and objective {objective.name!r} "
                f"compares two. Set objective={UNPAIRED}, which learns from such rows."
            )


def is_paired(split: EncodedSplit) -> bool:
    """Whether the rows of a split are pairs.

    Raises:
        DataError: some are and some are not.
    """
    store = split.store
    paired = store.values[store.value_starts[split.rows] + PAIRED] > 0
    if paired.any() and not paired.all():
        places = split.origin(int(paired.argmax())), split.origin(int(paired.argmin()))
        raise DataError(
            f"{places[0]} is a pair of answers, {places[1]} an answer by itself. Take the "
            "sources of one kind out: a run learns from pairs or from single answers."
        )
    return bool(paired.all())


def _sides(example: Example) -> list[Conversation]:
    """The transcripts to encode, with nothing but the judged answer to be learnt."""
    if isinstance(example, Preference):
        prompt = _context(example.messages)
        bare = replace(example, messages=prompt)
        return [bare.transcript("chosen"), bare.transcript("rejected")]
    assert isinstance(example, UnpairedPreference)
    *context, answer = example.messages
    messages = (*_context(context), answer)
    return [Conversation(messages, example.origin, tools=example.tools, group=example.group)]


def _context(messages: Sequence[Message]) -> tuple[Message, ...]:
    return tuple(replace(m, weight=0.0) if m.role == "assistant" else m for m in messages)


def _refused(example: Example, sides: Sequence[Rendered]) -> Outcome | None:
    """What becomes of an example that cannot be learnt; None where it can."""
    if any(((side.weights > 0) & (side.weights < 1)).any() for side in sides):
        reason = "a message has a weight between 0 and 1; an answer is judged as a whole"
        return Outcome(fate="rejected", reason=reason)
    if any(not side.supervised.any() for side in sides):
        return Outcome(fate="rejected", reason="nothing to learn: every token is masked")
    if isinstance(example, Preference) and np.array_equal(sides[0].input_ids, sides[-1].input_ids):
        return Outcome(fate="dropped", reason=SAME)
    return None


def _rows(example: Example, sides: Sequence[Rendered]) -> tuple[EncodedExample, ...]:
    if isinstance(example, UnpairedPreference):
        values = [(float(example.desirable), 0.0)]
    else:
        values = [(1.0, 1.0), (0.0, 1.0)]
    return tuple(
        EncodedExample(side.input_ids, side.weights, example.origin, values=value)
        for side, value in zip(sides, values, strict=True)
    )


def _shortened(
    example: Example,
    conversations: Sequence[Conversation],
    whole: Sequence[Rendered],
    template: Template,
    tokenizer: Tokenizer,
    limits: Limits,
) -> Outcome:
    """Cuts the prompt until the longer side fits, and the other side's in the same way."""
    longest = max(range(len(whole)), key=lambda side: len(whole[side]))
    n_tokens = len(whole[longest])
    too_long = f"{example.origin}: {n_tokens} tokens, and the limit is {limits.max_tokens}"
    if limits.too_long == "drop":
        return Outcome(fate="dropped", reason="longer than the limit")
    if limits.too_long == "error":
        raise DataError(f"{too_long}. Raise data.max_tokens, or set data.too_long=cut|drop.")
    is_pair = isinstance(example, Preference)
    n_prompt = len(example.messages) if is_pair else len(conversations[0].messages) - 1
    cut, _ = shorten(
        conversations[longest],
        template,
        tokenizer,
        limits.max_tokens,
        side=limits.cut_from,
        whole=whole[longest],
        n_messages=n_prompt,
    )
    prompt = cut.messages[:n_prompt]
    sides = render_many(
        [replace(c, messages=(*prompt, *c.messages[n_prompt:])) for c in conversations],
        template,
        tokenizer,
    )
    n_cut = sum(map(len, whole)) - sum(map(len, sides))
    lacks_end = max(map(len, sides)) > limits.max_tokens
    if lacks_end:
        if not limits.cut_answers:
            raise DataError(
                f"{too_long} even with its prompt cut away, so its answer would be cut. Raise "
                "data.max_tokens, leave such rows out with data.too_long=drop, or allow it with "
                "data.cut_answers=true."
            )
        sides = [
            cut_answer(side, limits.max_tokens) if len(side) > limits.max_tokens else side
            for side in sides
        ]
        n_cut += sum(side.n_cut_answer for side in sides)
    if lacks_end and not all(side.supervised.any() for side in sides):
        return Outcome(fate="rejected", reason=NO_ROOM)
    refused = _refused(example, sides)
    if refused is not None:
        return refused
    reason = "end of the answer" if lacks_end else f"{limits.cut_from} of the prompt's material"
    return Outcome(_rows(example, sides), "cut", reason, n_cut, lacks_end=lacks_end)
