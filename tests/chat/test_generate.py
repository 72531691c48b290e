from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from tunesmith.chat.chat_model import Sampling  # noqa: E402
from tunesmith.chat.generate import generate  # noqa: E402
from tunesmith.chat.local import LocalModel  # noqa: E402
from tunesmith.core.bundled import BUNDLED  # noqa: E402
from tunesmith.core.errors import RecipeError, TemplateError  # noqa: E402
from tunesmith.core.examples import Conversation, Message  # noqa: E402
from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.source import load_tokenizer  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402
from tunesmith.templates import TEMPLATES  # noqa: E402

PROMPTS = [[1, 300, 301], [1] + list(range(400, 440)), [1, 9], [1] + [500] * 11]


@pytest.fixture(scope="module")
def bundled():
    return load_model(Model(), device=torch.device("cpu"))


def run(model, prompts, n=20, ends=frozenset({2}), **sampling):
    sampled = Sampling(n, **sampling)
    *_, rows = generate(model, prompts, end_ids=ends, sampling=sampled, max_positions=512)
    return rows


def ask(text: str, material: str = "") -> Conversation:
    return Conversation((Message("user", text, material),), "f:1")


def test_greedy_answers_of_a_batch_are_those_of_transformers_one_by_one(bundled):
    rows = run(bundled, PROMPTS, n=40)
    for prompt, row in zip(PROMPTS, rows, strict=True):
        expected = bundled.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.int64),
            max_new_tokens=40,
            do_sample=False,
            eos_token_id=2,
            pad_token_id=0,
        )[0, len(prompt) :].tolist()
        ended = 2 in expected
        assert row.ids == (expected[: expected.index(2)] if ended else expected)
        assert row.ended == ended


def test_sampling_is_seeded(bundled):
    once, again, other = (
        [r.ids for r in run(bundled, PROMPTS, temperature=1.0, top_p=0.9, seed=s)]
        for s in (1, 1, 2)
    )
    assert once == again
    assert once != other


def test_a_tiny_nucleus_is_greedy(bundled):
    greedy = [r.ids for r in run(bundled, PROMPTS)]
    assert [r.ids for r in run(bundled, PROMPTS, temperature=1.0, top_p=1e-6)] == greedy


@pytest.fixture
def model(bundled):
    return LocalModel(bundled, load_tokenizer(BUNDLED["tunesmith-tiny"]), TEMPLATES.parse("alpaca"))


def test_pieces_of_a_stream_join_to_the_whole_answer(model):
    for text in ("Tell me a story.", "user: Hello, my kettle leaks.", "你好"):
        (whole,) = model.complete([ask(text)], Sampling(max_new_tokens=40))
        assert "".join(model.stream(ask(text), Sampling(max_new_tokens=40))).strip() == whole.text


def script(model, monkeypatch, said: str):
    """Has the model say a text, token by token."""
    calls = iter(model.tokenizer.encode(said, after="text") + [2] * 9)
    vocabulary = len(model.tokenizer)

    class Scripted:
        config = model.causal_lm.config

        def parameters(self):
            return iter([torch.zeros(1)])

        def __call__(self, input_ids, **_):
            logits = torch.zeros(1, 1, vocabulary)
            logits[0, 0, next(calls)] = 1
            return type("Output", (), {"logits": logits})

    monkeypatch.setattr(model, "causal_lm", Scripted())
    return calls


@pytest.mark.parametrize(
    "said", ["  Hello world my friend", "\nOne.\n\nTwo. ", "Steps:\n### First"]
)
def test_a_stream_loses_no_character(model, monkeypatch, said):
    script(model, monkeypatch, said)
    streamed = "".join(model.stream(ask("x"), Sampling(max_new_tokens=99)))
    script(model, monkeypatch, said)
    (whole,) = model.complete([ask("x")], Sampling(max_new_tokens=99))
    assert streamed == whole.text == said.strip()


def test_the_answer_ends_before_the_next_heading(model, monkeypatch):
    calls = script(model, monkeypatch, "It leaks.\n\n### Input:\nmore and more and more")
    (answer,) = model.complete([ask("Sum up.")], Sampling(max_new_tokens=99))
    assert (answer.text, answer.finish_reason) == ("It leaks.", "stop")
    assert len(list(calls)) > 9  # generation stopped; it did not run on to the end


def test_a_long_prompt_has_its_material_cut_and_a_long_request_is_refused(model):
    long = ask("Sum up.", "the kettle leaks " * 400)
    ids = model.prompt(long, 100).input_ids.tolist()
    assert len(ids) <= model.max_positions - 100
    heading = model.tokenizer.encode("### Response:\n", after="text")
    assert ids[-len(heading) :] == heading
    with pytest.raises(TemplateError, match="the prompt does not fit"):
        LocalModel(model.causal_lm, model.tokenizer, TEMPLATES.parse("alpaca")).prompt(
            Conversation((Message("system", "x " * 900), Message("user", "a")), "f:1"), 100
        )


def test_an_answer_that_reaches_the_limit_is_marked_as_cut(model, monkeypatch):
    script(model, monkeypatch, "one kettle leaks and one does not")
    (answer,) = model.complete([ask("x")], Sampling(max_new_tokens=2))
    assert (answer.finish_reason, answer.n_tokens) == ("length", 2)


def test_an_empty_stop_text_is_refused():
    with pytest.raises(RecipeError, match="stop: .* has an empty text"):
        Sampling(stop=("\n\n", ""))
