"""What a format writes it reads back, whatever the text; what it cannot hold it names."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tunesmith.core.errors import DataError
from tunesmith.core.examples import (
    Conversation,
    Document,
    Example,
    Labelled,
    Message,
    Preference,
    Span,
    SpanQuestion,
    ToolCall,
    UnpairedPreference,
)
from tunesmith.data import FORMATS
from tunesmith.data.format import Format
from tunesmith.data.formats.dialogsum import DialogSum
from tunesmith.data.formats.kto import Kto
from tunesmith.data.formats.preference import PreferencePairs
from tunesmith.data.formats.squad import Squad
from tunesmith.data.formats.write_turns import IDS, INPUT, NAMES, REFERENCES, SPACING, WEIGHTS

ODD = [
    "</s>",
    "[INST] x [/INST]",
    "<|eot_id|>",
    "### Response:",
    " leading and trailing ",
    "two\n\nparagraphs\n",
    "\r\n",
    "a\u2028b\u0085c",
    "👩‍👩‍👧 é e\u0301 𫚭",
    '{"name": "x", "arguments": {}}',
    "<think>no</think>",
    "\n\nHuman: Hi",
    "=1+1",
    "\ufeff",
]
texts = st.one_of(st.text(min_size=1), st.sampled_from(ODD)).filter(str.strip)
groups = st.one_of(st.just(""), texts)
objects = st.dictionaries(
    st.text(),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
        max_leaves=3,
    ),
    max_size=2,
)
spaced = st.builds(
    lambda value, indent: json.dumps(value, ensure_ascii=False, indent=indent),
    objects,
    st.sampled_from([None, None, 1]),
)
calls = st.lists(
    st.builds(ToolCall, name=texts, arguments=spaced, id=st.sampled_from(["", "c1"])),
    min_size=1,
    max_size=2,
).map(tuple)
tool_lists = st.one_of(
    st.just(""),
    st.lists(objects, min_size=1, max_size=2).map(lambda v: json.dumps(v, ensure_ascii=False)),
)
weights = st.sampled_from([None, None, 0.0, 1.0, 0.25])


@st.composite
def message_lists(draw, *, plain: bool | None = None, answered: bool = True, longest: int = 3):
    """Turns in order; plain ones are texts alone, as Alpaca can hold."""
    if plain is None:
        plain = draw(st.booleans())
    names = st.just("") if plain else st.sampled_from(["", "Ana"])
    share = st.none() if plain else weights
    said = st.builds(Message, st.just("assistant"), texts, name=names, weight=share)
    asked = st.one_of(
        st.builds(Message, st.just("user"), texts, name=names, weight=share),
        st.builds(Message, st.just("user"), texts, texts),
    )
    messages = draw(st.lists(st.builds(Message, st.just("system"), texts), max_size=1))
    n_rounds = draw(st.integers(1, longest))
    for number in range(n_rounds):
        messages.append(draw(asked))
        while not plain and draw(st.integers(0, 3)) == 3:
            content = draw(st.sampled_from(["", "Let me see.", "<think>\nhm\n</think>\n\n"]))
            messages.append(Message("assistant", content, tool_calls=draw(calls), weight=None))
            result = st.builds(
                Message, st.just("tool"), texts, tool_call_id=st.sampled_from(["", "c1"])
            )
            messages += draw(st.lists(result, min_size=1, max_size=2))
        if number < n_rounds - 1 or answered:
            messages.append(draw(said))
    return tuple(messages)


answers = st.builds(lambda text, share: (Message("assistant", text, weight=share),), texts, weights)


@st.composite
def longer_answers(draw):
    """What follows a prompt: mostly one turn, sometimes a call, its result and an answer."""
    last = draw(answers)
    if draw(st.integers(0, 3)) < 3:
        return last
    call = Message("assistant", "", tool_calls=draw(calls))
    return (call, Message("tool", draw(texts)), *last)


conversations = st.builds(
    Conversation,
    message_lists(),
    st.just("made:1"),
    references=st.lists(texts, max_size=2).map(tuple),
    tools=st.one_of(st.just(""), tool_lists),
    group=groups,
)
plain_conversations = st.builds(
    Conversation, message_lists(plain=True), st.just("made:1"), group=groups
)
single_turns = st.builds(
    Conversation, message_lists(plain=True, longest=1), st.just("made:1"), group=groups
)
preferences = st.builds(
    Preference,
    message_lists(answered=False),
    longer_answers(),
    longer_answers(),
    st.just("made:1"),
    tools=tool_lists,
    group=groups,
)
unpaired = st.builds(
    UnpairedPreference,
    message_lists(),
    st.booleans(),
    st.just("made:1"),
    tools=tool_lists,
    group=groups,
)
labelled = st.builds(
    Labelled,
    texts,
    st.one_of(
        texts,
        st.lists(texts, max_size=3).map(tuple),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    st.just("made:1"),
    group=groups,
)
documents = st.builds(Document, texts, st.just("made:1"), group=groups)


@st.composite
def span_questions(draw):
    """A context of three texts, and answers that are stretches of it."""
    context = "".join(draw(st.lists(texts, min_size=3, max_size=3)))
    spans: list[Span] = []
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(context) - 1))
        stop = draw(st.integers(start + 1, len(context)))
        if context[start:stop].strip():
            spans.append(Span(context[start:stop], start))
    made = SpanQuestion(
        draw(texts), context, tuple(spans), "made:1", draw(st.text()), draw(st.text())
    )
    derived = next(Squad().examples(Squad().record(made), "made:1")).group
    return replace(made, group=draw(st.sampled_from([derived, "another group"])))


BY_KIND = {
    Conversation: st.one_of(conversations, plain_conversations, single_turns),
    Preference: preferences,
    UnpairedPreference: unpaired,
    Labelled: labelled,
    SpanQuestion: span_questions(),
    Document: documents,
}
WRITTEN = {"role_key": "from", "content_key": "value", "messages_key": "conversations"}
FORMS: list[Format] = [
    *(cls(name=name) for name in FORMATS.entries if (cls := FORMATS.load(name)).takes),
    PreferencePairs(**WRITTEN),
    Kto(**WRITTEN),
]
CHATS = [form for form in FORMS if Conversation in form.takes]
often = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


def named(form: Format) -> str:
    return f"{form.name}-as-sharegpt" if getattr(form, "role_key", "") == "from" else form.name


def without(example: Example, lost: list[str], form: Format) -> Example:
    """The example without what the format says is lost."""
    if isinstance(example, Conversation) and REFERENCES in lost:
        example = replace(example, references=())
    for field in ("messages", "chosen", "rejected"):
        if messages := getattr(example, field, ()):
            kept_apart = len(messages) - 2 if form.name in ("alpaca", "self-instruct") else -1
            changed = tuple(
                without_parts(
                    message, lost, keeps_input=bool(place == kept_apart and message.content)
                )
                for place, message in enumerate(messages)
            )
            example = replace(example, **{field: changed})
    return example


def without_parts(message: Message, lost: list[str], *, keeps_input: bool) -> Message:
    if INPUT in lost and not keeps_input:
        message = replace(message, content=message.text, input="")
    if NAMES in lost:
        message = replace(message, name="")
    if WEIGHTS in lost:
        message = replace(message, weight=None)
    if IDS in lost:
        unnamed = tuple(replace(call, id="") for call in message.tool_calls)
        message = replace(message, tool_call_id="", tool_calls=unnamed)
    if SPACING in lost:
        spaced = tuple(
            replace(c, arguments=json.dumps(json.loads(c.arguments), ensure_ascii=False))
            for c in message.tool_calls
        )
        message = replace(message, tool_calls=spaced)
    return message


def written(form: Format, example: Example) -> dict[str, object] | None:
    """The record behind a file, or None where the format says that it cannot hold the example."""
    try:
        record = form.record(example)
    except DataError as error:
        assert str(error).startswith("made:1: ")
        return None
    return json.loads(json.dumps(record, ensure_ascii=False).encode())


def read(form: Format, record: dict[str, object]) -> Example:
    [example] = form.examples(record, "made:1")
    if isinstance(example, DataError):
        raise example
    return example


@pytest.mark.parametrize("form", FORMS, ids=named)
def test_a_format_recognises_and_reads_back_what_it_writes(form):
    n_held = 0

    @often
    @given(st.one_of(*(BY_KIND[kind] for kind in form.takes)))
    def check(example):
        nonlocal n_held
        if (record := written(form, example)) is not None:
            n_held += 1
            assert (
                next(n for n in FORMATS.entries if FORMATS.load(n).recognises(record)) == form.name
            )
            assert read(form, record) == without(example, list(form.lost(example)), form)

    check()
    assert n_held > 10 or form.name == "dialogsum"


@often
@given(texts, texts, st.lists(texts, max_size=2), groups)
def test_dialogsum_reads_back_a_dialogue_with_its_summaries(dialogue, summary, others, group):
    request = Message("user", DialogSum().instruction, dialogue)
    messages = (request, Message("assistant", summary))
    example = Conversation(messages, "made:1", tuple(others), group=group)
    assert read(DialogSum(), DialogSum().record(example)) == example


@often
@given(BY_KIND[Conversation])
def test_from_one_format_to_another_and_back(example):
    """Whatever two formats both hold survives the way there and back."""
    for here in CHATS:
        if (first := written(here, example)) is None:
            continue
        mine = read(here, first)
        for there in CHATS:
            second = None if there.lost(mine) else written(there, mine)
            if second is not None:
                assert read(there, second) == mine
                assert written(here, read(there, second)) == written(here, mine)
