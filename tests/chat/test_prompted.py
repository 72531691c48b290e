"""Examples before a request: which, in what order, and to the token."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from tunesmith.chat.chat_model import ChatModel, Completion, Sampling  # noqa: E402
from tunesmith.chat.local import LocalModel  # noqa: E402
from tunesmith.chat.prompted import Prompted  # noqa: E402
from tunesmith.chat.prompted_local import PromptedLocal  # noqa: E402
from tunesmith.chat.shots import Shots  # noqa: E402
from tunesmith.core.examples import Conversation, Message  # noqa: E402
from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402
from tunesmith.templates import TEMPLATES  # noqa: E402
from tunesmith.templates.render import render  # noqa: E402


def example(request: str, answer: str, number: int = 0) -> Conversation:
    return Conversation((Message("user", request), Message("assistant", answer)), f"f:{number}")


def asking(request: str) -> Conversation:
    return Conversation((Message("user", request),), "asked")


KNOWN = (
    example("The kettle leaks water.", "kettle", 1),
    example("My parcel is late again.", "parcel", 2),
    example("The lamp is broken.", "lamp", 3),
    example("\u706f\u574f\u4e86", "\u706f", 4),
)


def answers(shots, request="?"):
    return [shot.answer for shot in shots.chosen(asking(request))]


def test_fixed_ones_are_the_first_whatever_is_asked():
    assert answers(Shots(KNOWN, 2)) == answers(Shots(KNOWN, 2), "lamp") == ["kettle", "parcel"]
    assert answers(Shots(KNOWN, 0)) == []


def test_random_ones_are_drawn_once_by_their_seed():
    draws = {tuple(answers(Shots(KNOWN, 2, "random", seed))) for seed in range(20)}
    assert len(draws) > 3
    assert answers(Shots(KNOWN, 3, "random", 5)) == answers(Shots(KNOWN, 3, "random", 5), "lamp")


def test_the_nearest_share_most_words_and_the_nearest_stands_last():
    shots = Shots(KNOWN, 2, "nearest")
    assert answers(shots, "Why does the kettle leak? The water runs.") == ["lamp", "kettle"]
    assert answers(shots, "\u706f\u4eae\u4e86")[-1] == "\u706f"


@given(st.sampled_from(["fixed", "random", "nearest"]), st.integers(0, 3), st.integers(1, 4))
def test_the_request_itself_is_never_shown(choose, place, n):
    asked = KNOWN[place]
    elsewhere = Conversation(asked.messages, "another file:1")
    for one in (asked, elsewhere):
        assert asked not in Shots(KNOWN, n, choose).chosen(one)


@pytest.fixture(scope="module")
def local(tiny, tokenizer):
    network = load_model(Model(path=str(tiny)), device=torch.device("cpu"))
    return LocalModel(network, tokenizer, TEMPLATES.parse("alpaca"))


def test_the_prompt_is_one_conversation_to_the_token(local, tokenizer):
    model = PromptedLocal(local, Shots(KNOWN, 2))
    system = Message("system", "Say what it is about.")
    asked = Conversation((system, Message("user", "The door sticks.")), "asked")
    whole = (system, *KNOWN[0].messages, *KNOWN[1].messages, asked.messages[1])
    expected = render(Conversation(whole, "x"), local.template, tokenizer).input_ids.tolist()
    assert model.prompt(asked, 8).input_ids.tolist() == expected
    assert model.n_left_out == 0
    told = model.complete([asked], Sampling(max_new_tokens=4))[0]
    assert told.n_prompt_tokens == len(expected)
    assert model.weigh([asked], ["a", "b"]) != local.weigh([asked], ["a", "b"])


def test_examples_without_room_are_left_out_and_counted(local):
    shots = Shots(tuple(example(f"word {n} " * 20, "x", n) for n in range(9)), 8, "nearest")
    model = PromptedLocal(local, shots)
    prompt = model.prompt(asking("word 3 here"), 16)
    assert len(prompt) <= 256 - 16
    assert prompt.n_cut == 0
    assert 0 < model.n_left_out < 8
    nearest = shots.chosen(asking("word 3 here"))[-1].messages[0].text.strip()
    assert nearest in local.tokenizer.decode(prompt.input_ids)


class Echo(ChatModel):
    """Says how many messages it was given."""

    def complete(self, many, sampling, *, seeds=None):
        return [Completion(str(len(one.messages)), "stop", 0, 1) for one in many]

    def stream(self, conversation, sampling):
        yield str(len(conversation.messages))


def test_any_chat_model_can_be_wrapped():
    model = Prompted(Echo(), Shots(KNOWN, 2))
    assert model.complete([asking("?")], Sampling())[0].text == "5"
    assert list(model.stream(asking("?"), Sampling())) == ["5"]
    small = Prompted(Echo(), Shots(KNOWN, 2), fits=lambda c: len(c.messages) <= 3)
    assert small.complete([asking("?")], Sampling())[0].text == "3"
    assert small.n_left_out == 1
