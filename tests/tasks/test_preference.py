from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.core.bundled import BUNDLED
from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Message, Preference, UnpairedPreference
from tunesmith.objectives import OBJECTIVES
from tunesmith.objectives.kto import KTO
from tunesmith.pipelines.prepare import prepare
from tunesmith.recipe import make_recipe
from tunesmith.tasks import TASKS
from tunesmith.tasks.task import Limits
from tunesmith.templates import TEMPLATES
from tunesmith.templates.render import render
from tunesmith.templates.tokenizer import Tokenizer

TINY = Tokenizer.from_folder(BUNDLED["tunesmith-tiny"])
TASK, TEMPLATE = TASKS.parse("preference"), TEMPLATES.parse("llama3")
CHAT = TEMPLATES.parse("alpaca")


def pair(prompt: str, chosen: str, rejected: str) -> Preference:
    return Preference(
        (Message("user", prompt),),
        (Message("assistant", chosen),),
        (Message("assistant", rejected),),
        "f:1",
    )


def encode(examples, *limits):
    return TASK.encode(examples, CHAT, TINY, Limits(*(limits or (256,))))


def learnt(row) -> str:
    return TINY.decode(row.input_ids[row.supervised])


def test_a_pair_is_two_rows_whose_prompt_is_the_same():
    [outcome] = encode([pair("Why does it leak?", "It is old.", "No idea at all.")])
    chosen, rejected = outcome.rows
    assert (outcome.fate, learnt(chosen), learnt(rejected)) == (
        "kept",
        "It is old.",
        "No idea at all.",
    )
    n = int(chosen.supervised.argmax())
    assert n == int(rejected.supervised.argmax())
    assert (chosen.input_ids[:n] == rejected.input_ids[:n]).all()
    assert (chosen.values, rejected.values) == ((1.0, 1.0), (0.0, 1.0))
    assert chosen.input_ids[-1] == rejected.input_ids[-1] == TINY.eos_id


def test_each_side_has_the_ids_that_the_one_rendering_gives():
    example = pair("Why?", "It is old.", "No.")
    [outcome] = encode([example])
    for row, side in zip(outcome.rows, ("chosen", "rejected"), strict=True):
        assert (row.input_ids == render(example.transcript(side), CHAT, TINY).input_ids).all()


def test_answers_in_the_prompt_are_context_and_all_behind_it_are_learnt():
    prompt = (Message("user", "Hi."), Message("assistant", "Hello."), Message("user", "Leaks."))
    chosen = (Message("assistant", "Where?"), Message("user", "Here."), Message("assistant", "Ok."))
    example = Preference(prompt, chosen, (Message("assistant", "So?"),), "f:1")
    [outcome] = encode([example])
    assert [learnt(row) for row in outcome.rows] == ["Where? Ok.", "So?"]


def test_of_a_single_answer_only_the_last_turn_is_learnt():
    messages = (
        Message("user", "Hi."),
        Message("assistant", "Hello."),
        Message("user", "Leaks."),
        Message("assistant", "Where?"),
    )
    good, bad = encode([UnpairedPreference(messages, wanted, "f:1") for wanted in (True, False)])
    assert [learnt(row) for o in (good, bad) for row in o.rows] == ["Where?"] * 2
    assert (good.rows[0].values, bad.rows[0].values) == ((1.0, 0.0), (0.0, 0.0))


@pytest.mark.parametrize("longer", ["chosen", "rejected"])
def test_a_prompt_that_is_too_long_is_cut_once_for_both(longer):
    answers = {"chosen": "yes", "rejected": "no", longer: "It is old. " * 10}
    [cut] = encode([pair("leaks " * 200, **answers)], 120, "cut")
    assert (cut.fate, cut.reason) == ("cut", "end of the prompt's material")
    chosen, rejected = cut.rows
    n = int(chosen.supervised.argmax())
    assert (chosen.input_ids[:n] == rejected.input_ids[:n]).all()
    assert max(map(len, cut.rows)) <= 120
    assert cut.n_cut > 0
    assert {learnt(chosen), learnt(rejected)} == {v.strip() for v in answers.values()} or learnt(
        chosen if longer == "chosen" else rejected
    ).startswith("It is old.")


@given(n_prompt=st.integers(1, 120), n_chosen=st.integers(0, 60), n_rejected=st.integers(0, 60))
def test_whatever_the_lengths_nothing_exceeds_the_limit_and_prompts_agree(
    n_prompt, n_chosen, n_rejected
):
    example = pair("leaks " * n_prompt, "a" + " old" * n_chosen, "b" + " old" * n_rejected)
    [outcome] = encode([example], 90, "cut", "end", True)
    assert outcome.fate in ("kept", "cut")
    chosen, rejected = outcome.rows
    assert max(len(chosen), len(rejected)) <= 90
    n = int(chosen.supervised.argmax())
    assert (chosen.input_ids[:n] == rejected.input_ids[:n]).all()
    assert chosen.supervised[n:].all()
    assert rejected.supervised[n:].all()


def test_policies_for_what_is_too_long():
    long = pair("why", "old " * 200, "no")
    [dropped] = encode([long], 100, "drop")
    assert (dropped.fate, dropped.reason, dropped.rows) == (
        "dropped",
        "longer than the limit",
        (),
    )
    with pytest.raises(DataError, match=r"f:1: \d+ tokens, and the limit is 100\. Raise"):
        encode([long], 100, "error")
    with pytest.raises(DataError, match="its answer would be cut"):
        encode([long], 100, "cut")
    [cut] = encode([long], 100, "cut", "end", True)
    assert (cut.fate, cut.lacks_end, len(cut.rows[0])) == ("cut", True, 100)


def test_what_cannot_be_learnt_is_told():
    same, masked, shared = encode(
        [
            pair("why", "old", "old"),
            Preference(
                (Message("user", "why"),),
                (Message("assistant", "old", weight=0.0),),
                (Message("assistant", "new"),),
                "f:2",
            ),
            Preference(
                (Message("user", "why"),),
                (Message("assistant", "old", weight=0.5),),
                (Message("assistant", "new"),),
                "f:3",
            ),
        ]
    )
    assert (same.fate, same.reason) == ("dropped", "chosen and rejected are the same")
    assert (masked.fate, masked.reason) == ("rejected", "nothing to learn: every token is masked")
    assert shared.fate == "rejected"
    assert "judged as a whole" in shared.reason


def test_a_conversation_is_refused():
    with pytest.raises(DataError, match="a conversation, and task 'preference' takes a preference"):
        TASK.require(Conversation((Message("user", "Hi"),), "f:1"))
    TASK.require(UnpairedPreference((), desirable=True, origin="f:1"))


def records(n: int) -> list[dict[str, str]]:
    return [
        {"prompt": f"Question {i}", "chosen": "Yes. " * (1 + i % 3), "rejected": "No. " * (1 + i)}
        for i in range(n)
    ]


def prepared_of(lines, tmp_path, rows, **fields):
    file = lines(tmp_path / "a.jsonl", *rows)
    fields = {"data": {"path": str(file), "validation_fraction": 0.25}, **fields}
    recipe = {"model": {"path": "tunesmith-tiny"}, "task": "preference", "template": "alpaca"}
    return prepare(make_recipe({**recipe, **fields}), weights=False)


def test_no_pair_is_separated_by_a_split_and_the_ledger_counts_rows_of_the_source(lines, tmp_path):
    prepared = prepared_of(lines, tmp_path, records(8))
    for split in prepared.encoded.values():
        values = np.array([split.values_of(i) for i in range(len(split))])
        assert (values[0::2, 0] == 1).all()
        assert (values[1::2, 0] == 0).all()
        assert all(split.origin(i) == split.origin(i + 1) for i in range(0, len(split), 2))
    assert prepared.ledger["train"].n_read + prepared.ledger["validation"].n_read == 8
    assert len(prepared.encoded["train"]) == 12
    lengths = prepared.task.lengths(prepared.encoded["train"])
    assert lengths.tolist() == [
        2 * max(pair) for pair in prepared.encoded["train"].lengths.reshape(-1, 2).tolist()
    ]


def test_one_pair_cannot_be_divided(lines, tmp_path):
    with pytest.raises(DataError, match="validation_fraction"):
        prepared_of(lines, tmp_path, records(1))


def test_pairs_are_needed_where_answers_are_compared(lines, tmp_path):
    rows = [{"prompt": f"Q {i}", "completion": "Yes.", "label": i % 2 == 0} for i in range(8)]
    with pytest.raises(DataError, match=r"objective 'ipo' compares two\. Set objective=kto"):
        prepared_of(lines, tmp_path, rows, objective="ipo")
    assert len(prepared_of(lines, tmp_path, rows, objective="kto").encoded["train"]) == 6


def test_an_objective_says_itself_whether_it_needs_pairs(lines, tmp_path):
    """One of another package too, whatever its name."""

    class Mine(KTO):
        name: Literal["mine"] = "mine"  # type: ignore[assignment]

    class Compares(Mine):
        needs_pairs = True

    rows = [{"prompt": f"Q {i}", "completion": "Yes.", "label": i % 2 == 0} for i in range(8)]
    split = prepared_of(lines, tmp_path, rows, objective="kto").encoded["train"]
    TASK.require_rows(split, Mine())
    with pytest.raises(DataError, match="objective 'mine' compares two"):
        TASK.require_rows(split, Compares())
    assert not OBJECTIVES.parse("tokens").needs_pairs


def test_pairs_and_single_answers_do_not_mix(lines, tmp_path):
    one = lines(tmp_path / "pairs.jsonl", *records(4))
    rows = [{"prompt": f"Q {i}", "completion": "Yes.", "label": i % 2 == 0} for i in range(4)]
    other = lines(tmp_path / "singles.jsonl", *rows)
    sources = {"sources": [{"path": str(one)}, {"path": str(other)}]}
    with pytest.raises(DataError, match="is a pair of answers, .* an answer by itself"):
        prepared_of(lines, tmp_path, [], data=sources, objective="kto")


class TestRows:
    torch = pytest.importorskip("torch")

    def test_batches_interleave_and_count_pairs(self, lines, tmp_path):
        prepared = prepared_of(lines, tmp_path, records(8))
        split = prepared.encoded["train"]
        rows = prepared.task.rows(split, 0)
        batch = rows.batch([2, 0])
        assert (batch.n_targets, len(rows.lengths)) == (2, 6)
        for place, row in enumerate([4, 5, 0, 1]):
            ids, weights = split.arrays(row)
            assert batch.input_ids[place, : len(ids)].tolist() == ids.tolist()
            answer = batch.targets["answers"][place]
            answer = answer[answer < len(batch.targets["labels"])]
            labels = batch.targets["labels"][answer].tolist()
            assert labels == ids[weights > 0].tolist()
            assert int(batch.targets["lengths"][place]) == len(labels)
            states = batch.target_rows[answer] - place * batch.input_ids.shape[1]
            assert states.tolist() == (np.flatnonzero(weights > 0) - 1).tolist()
        assert batch.targets["desirable"].tolist() == [True, False] * 2
        assert rows.places([2, 0]) == [split.origin(4), split.origin(0)]

    def test_mismatched_rows_bring_another_prompts_answer(self, lines, tmp_path):
        prepared = prepared_of(lines, tmp_path, records(8))
        split = prepared.encoded["train"]
        rows = prepared.task.rows(split, 0).mismatched(3)
        assert (
            rows.partners.tolist() == prepared.task.rows(split, 0).mismatched(3).partners.tolist()
        )
        assert sorted(rows.partners) == list(range(12))
        assert all(p // 2 != i // 2 and p % 2 == i % 2 for i, p in enumerate(rows.partners))
        beside = rows.batch([1]).beside
        for side in (0, 1):
            ids, weights = split.arrays(2 + side)
            other, other_weights = split.arrays(int(rows.partners[2 + side]))
            expected = [*ids[weights == 0], *other[other_weights > 0]][: split.lengths.max()]
            assert beside.input_ids[side, : len(expected)].tolist() == expected
        assert beside.n_targets == 2
