from tunesmith.checks.answers import Answers
from tunesmith.checks.preferences import Preferences
from tunesmith.core.examples import Conversation, Message, Preference, ToolCall


def test_each_kind_of_odd_answer_is_told(found, ask):
    rows = [
        ask("How are you?", "Fine, thank you."),
        ask("Where?", "In Rome, I think."),
        ask("Who?", "Anna did it."),
        ask("Say it again.", "Say it again."),
        ask("And?", " "),
        ask("2 + 2", "4"),
        Conversation((Message("user", "Hello?"),), ""),
    ]

    findings = found(Answers(), train=rows)

    assert {name: f.places for name, f in findings.items()} == {
        "answer-is-prompt": ("train.jsonl:4",),
        "empty-answer": ("train.jsonl:5",),
        "short-answers": ("train.jsonl:6",),
        "no-answer": ("train.jsonl:7",),
    }


def test_where_most_answers_are_short_that_is_the_task(found, ask):
    assert not found(Answers(), train=[ask(f"Question {n}?", "AB"[n % 2]) for n in range(9)])


def test_a_call_of_a_tool_is_no_empty_answer(found):
    call = Message("assistant", "", tool_calls=(ToolCall("time", "{}"),))

    assert not found(Answers(), train=[Conversation((Message("user", "Time?"), call), "")])


def preference(chosen: str, rejected: str) -> Preference:
    asked = (Message("user", "Why?"),)
    return Preference(asked, (Message("assistant", chosen),), (Message("assistant", rejected),), "")


def test_a_pair_that_differs_in_form_alone_is_a_warning(found):
    rows = [
        preference("Yes, it is.", "No, it is not."),
        preference("Yes.  It is.", "yes. It is.\n"),
    ]

    finding = found(Preferences(), train=rows)["same-preference"]

    assert finding.places == ("train.jsonl:2",)
