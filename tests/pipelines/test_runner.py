"""Runner: a function from text to text, whatever answers."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from shutil import copytree

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("httpx")

import tunesmith  # noqa: E402
from tunesmith.chat.chat_model import Sampling  # noqa: E402
from tunesmith.chat.hosted import drawn_by  # noqa: E402
from tunesmith.chat.reply_cache import ReplyCache  # noqa: E402
from tunesmith.chat.request import request_of  # noqa: E402
from tunesmith.chat.spend import Prices  # noqa: E402
from tunesmith.core.errors import DataError, ModelError, RecipeError, TunesmithError  # noqa: E402
from tunesmith.core.examples import Conversation, Message  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.synthesize.teacher.script import Reply  # noqa: E402

DOG = "Tell me how to train my dog to sit"
CALL = "Customer: my kettle leaks\nAgent: Which one?\nCustomer: the red one\nAgent:"


@pytest.fixture(scope="module")
def plain(tmp_path_factory, tiny):
    """The tiny model without a chat template: a base model."""
    folder = copytree(tiny, tmp_path_factory.mktemp("plain") / "llama")
    file = folder / "tokenizer_config.json"
    fields = json.loads(file.read_text("utf-8"))
    fields.pop("chat_template", None)
    file.write_text(json.dumps(fields), "utf-8")
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    return folder


def joined(stream):
    text = ""
    while True:
        try:
            text += next(stream)
        except StopIteration as end:
            return text, end.value


def test_a_text_in_a_text_out_and_a_list_in_a_list_out(tiny):
    runner = tunesmith.Runner(tiny, max_new_tokens=6)
    one = runner(DOG)
    assert isinstance(one, str) and one
    assert runner([DOG, "Hi", DOG]) == [one, runner("Hi"), one]
    assert runner([]) == []


def test_a_base_model_goes_on_with_the_text_itself(shared):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = shared / "models/stories260K-hf"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    asked = tokenizer("Once upon a time, there was", return_tensors="pt").input_ids
    with torch.no_grad():
        ids = model.generate(asked, max_new_tokens=24, do_sample=False)[0, asked.shape[1] :]
    runner = tunesmith.Runner(folder, max_new_tokens=24)
    assert runner("Once upon a time, there was") == tokenizer.decode(ids).strip()


def test_the_token_ids_of_a_plain_text_are_the_tokenizers(plain):
    from transformers import AutoTokenizer

    model = tunesmith.Runner(plain).model
    ids = model.prompt(Conversation((Message("user", f"  {DOG}\n"),), "x"), 4).input_ids.tolist()
    assert ids == AutoTokenizer.from_pretrained(plain)(f"  {DOG}\n").input_ids


def test_a_chat_model_is_asked_in_its_own_template_and_a_base_model_in_none(tiny, plain):
    assert tunesmith.Runner(tiny).model.template.name == "native"
    assert tunesmith.Runner(plain).model.template.name == "none"
    assert tunesmith.Runner(plain, template="llama2").model.template.name == "llama2"
    model = tunesmith.Runner(plain, template="llama2").model
    ids = model.prompt(Conversation((Message("user", DOG),), "x"), 4).input_ids.tolist()
    assert model.tokenizer.decode(ids[1:], continues=False).strip() == f"[INST] {DOG} [/INST]"
    with pytest.raises(TunesmithError, match="no chat template of its own"):
        tunesmith.Runner(plain, template="native")(DOG)
    with pytest.raises(ModelError, match="not tuned here"):
        tunesmith.Runner(plain, template="recipe")


def test_streamed_pieces_join_to_the_answer(tiny):
    runner = tunesmith.Runner(tiny, max_new_tokens=9)
    text, whole = joined(runner.stream(DOG))
    assert text == runner(DOG) == whole.text
    assert whole == runner.complete(DOG)


def test_a_cut_answer_is_told_beside_its_text(tiny, capsys):
    runner = tunesmith.Runner(tiny, max_new_tokens=3)
    whole = runner.complete(DOG)
    assert whole.finish_reason == "length" and whole.n_tokens == 3 and whole.latency_s > 0
    assert "the answer was cut after 3 tokens: raise max_new_tokens" in capsys.readouterr().err
    runner([DOG, DOG])
    assert "2 of 2 answers were cut" in capsys.readouterr().err
    joined(runner.stream(DOG))
    assert "cut after 3" in capsys.readouterr().err


def test_draws_of_a_prompt_do_not_depend_on_its_neighbours(tiny):
    runner = tunesmith.Runner(tiny, max_new_tokens=6, temperature=1.0, seed=5)
    alike = runner([DOG, DOG])
    assert alike[0] != alike[1]
    assert alike[0] == runner(DOG) == runner([DOG, "Hello there"])[0]
    assert alike[1] == runner(DOG, seed=6)
    assert joined(runner.stream(DOG))[0] == alike[0]


def test_stop_texts_end_an_answer_and_are_no_part_of_it(plain):
    runner = tunesmith.Runner(plain, max_new_tokens=24)
    whole = runner(DOG)
    words = whole.split()
    stop = next(b for a, b in pairwise(words) if len(b) > 2 and whole.index(b) > 0)
    found = runner.complete(DOG, stop=stop)
    assert found.text == whole[: whole.index(stop)].rstrip() and found.finish_reason == "stop"
    assert joined(runner.stream(DOG, stop=[stop, "never"]))[0] == found.text


def test_a_transcript_is_gone_on_with_by_one_turn(teacher):
    said = "Agent: It is on its way.\nCustomer: thanks\nAgent: Anything else?"
    server = teacher(otherwise=Reply(said))
    runner = tunesmith.Runner(f"{server.url}#any")
    assert runner(CALL) == "It is on its way."
    assert joined(runner.stream(CALL))[0] == "It is on its way."
    assert runner.complete(CALL).finish_reason == "stop"
    assert runner([CALL, "Hi"]) == ["It is on its way.", said]
    asked = runner._asked(CALL, "the prompt")
    body = request_of(asked.conversation, asked.sampling(runner._sampling)).body(
        runner.model.endpoint, form="plain"
    )
    assert [m["role"] for m in body["messages"]] == ["user", "assistant", "user"]
    assert body["stop"] == ["\nCustomer:", "\nAgent:", " Customer:", "**Customer:"]


def test_a_base_model_reads_the_transcript_as_it_stands(plain):
    runner = tunesmith.Runner(plain, max_new_tokens=4)
    asked = runner._asked(CALL, "the prompt")
    assert asked.conversation.messages == (Message("user", CALL),)
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}]
    asked = runner._asked([*turns, {"role": "user", "content": "Bye"}], "the prompt")
    assert (
        asked.conversation.messages[0].content == "User: Hi\nAssistant: Yes?\nUser: Bye\nAssistant:"
    )
    assert "\nUser:" in asked.sampling(runner._sampling).stop


def test_a_conversation_is_one_prompt(tiny):
    runner = tunesmith.Runner(tiny, max_new_tokens=5, system="Be brief.")
    conversation = [{"role": "user", "content": DOG}]
    assert runner(conversation) == runner(DOG) == runner([conversation])[0]
    asked = runner._asked(conversation, "x").conversation
    assert asked.messages[0] == Message("system", "Be brief.")


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("", "the prompt: is empty"),
        ("  \n", "the prompt: is empty"),
        (["Hi", ""], "prompt 2: is empty"),
        (7, "the prompt: is of type int"),
        (None, "the prompt: is of type NoneType"),
        (["Hi", b"x"], "prompt 2: is of type bytes"),
        ([{"role": "user", "content": None}], "message 1: its content is of type NoneType"),
        ([{"role": "bot", "content": "x"}], "role 'bot'"),
        (
            [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}],
            "nothing to answer",
        ),
    ],
)
def test_what_is_no_prompt_is_told_with_its_place(prompt, words):
    runner = tunesmith.Runner("tunesmith-tiny", max_new_tokens=2)
    with pytest.raises(DataError, match=words):
        runner(prompt)


def test_a_missing_model_is_told(tmp_path):
    with pytest.raises(ModelError, match="no such model folder"):
        tunesmith.Runner(tmp_path / "gone")


@pytest.mark.slow
def test_a_run_and_what_was_tuned_for_one_request(recipe_fields, tmp_path):
    file = Path(recipe_fields["data"]["path"])
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    run = tunesmith.train(make_recipe(recipe_fields))
    runner = tunesmith.Runner(run, max_new_tokens=6)
    assert runner.model.template.name == "summarization"
    asked = runner._asked(rows[0]["dialogue"], "x").conversation.messages
    assert asked == (Message("user", runner.model.instruction, rows[0]["dialogue"]),)
    assert tunesmith.Runner(run, template="recipe", max_new_tokens=6)(DOG) == runner(DOG)


def test_an_answer_that_filled_the_model_is_told_to_need_a_shorter_prompt(tiny, capsys):
    """The tiny model holds 256 tokens; a quarter of them is kept free for an answer."""
    runner = tunesmith.Runner(tiny, max_new_tokens=200)
    whole = runner.complete("dog " * 150)
    assert whole.finish_reason == "length" and whole.n_tokens < 200
    told = capsys.readouterr().err
    assert "the model's 256 positions are full: shorten the prompt" in told
    assert "max_new_tokens" not in told
    runner(["dog " * 150, DOG], max_new_tokens=64)
    told = capsys.readouterr().err
    assert "2 of 2 answers were cut after 64 tokens: raise max_new_tokens" in told


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"temperature": -0.1}, "temperature: -0.1 is no temperature"),
        ({"temperature": math.nan}, "temperature: nan"),
        ({"temperature": math.inf}, "temperature: inf"),
        ({"top_p": 0.0}, "top_p: 0.0 is no share"),
        ({"top_p": 1.5}, "top_p: 1.5"),
        ({"top_p": math.nan}, "top_p: nan"),
        ({"max_new_tokens": 0}, "max_new_tokens: 0 leaves no room"),
        ({"stop": ("",)}, "stop: .* has an empty text"),
    ],
)
def test_sampling_that_is_out_of_bounds_is_refused(given, words, tiny):
    with pytest.raises(RecipeError, match=words):
        Sampling(**given)
    with pytest.raises(RecipeError, match=words):
        tunesmith.Runner("no such folder, and it does not come to that", **given)
    with pytest.raises(RecipeError, match=words):
        tunesmith.Runner(tiny, max_new_tokens=2)(DOG, **given)


def test_what_is_about_opening_a_model_is_refused_for_an_open_one(tiny, teacher):
    model = tunesmith.Runner(tiny).model
    with pytest.raises(RecipeError, match="Runner: template, max_cost cannot be set"):
        tunesmith.Runner(model, template="alpaca", max_cost=1.0)
    for name, value in {
        "batch_size": 4,
        "prices": Prices(1.0, 2.0),
        "cache": object(),
        "bases": tunesmith.Bases(),
    }.items():
        with pytest.raises(RecipeError, match=f"Runner: {name} cannot be set for a model that"):
            tunesmith.Runner(model, **{name: value})
    assert tunesmith.Runner(model, system="Be brief.", max_new_tokens=2, top_p=0.5)(DOG)


def test_equal_prompts_of_a_list_are_draws_of_their_own_at_a_hosted_model(teacher, tmp_path):
    server = teacher(otherwise=lambda asked: Reply(f"draw {asked.n_before}"))
    cache = ReplyCache(tmp_path / "replies.sqlite")
    runner = tunesmith.Runner(f"{server.url}#any", temperature=0.7, seed=5, cache=cache)
    first = runner([DOG] * 5 + [CALL, DOG])
    assert len(server.ledger) == 7 and len(set(first[:5])) == 5
    assert runner([DOG] * 5) == first[:5] and len(server.ledger) == 7  # all are kept
    # The n-th of a list draws by seed + n, as it does alone, whatever stands beside it.
    assert runner(DOG, seed=7) == first[2] and runner(DOG, seed=11) == first[6]
    assert joined(runner.stream(DOG))[0] == first[0] and len(server.ledger) == 7
    seeds = [
        request_of(runner._asked(DOG, "x").conversation, drawn_by(runner._sampling, n, None)).body(
            runner.model.endpoint, form="plain"
        )["seed"]
        for n in range(3)
    ]
    assert seeds == [5, 6, 7]
    assert drawn_by(Sampling(seed=5), 3, None) == Sampling(seed=5)  # nothing is drawn


def test_top_p_may_be_given_with_a_call(tiny):
    runner = tunesmith.Runner(tiny, max_new_tokens=8, temperature=2.0, seed=1)
    greedy = tunesmith.Runner(tiny, max_new_tokens=8)(DOG)
    assert runner(DOG, top_p=1e-6) == greedy != runner(DOG)
    assert runner.complete(DOG, top_p=1e-6).text == greedy
    assert joined(runner.stream(DOG, top_p=1e-6))[0] == greedy


def test_a_message_is_no_transcript_even_if_it_looks_like_one(teacher):
    runner = tunesmith.Runner(f"{teacher().url}#any")
    assert runner._asked(CALL, "x").transcript is not None
    asked = runner._asked([{"role": "user", "content": CALL}], "x")
    assert asked.transcript is None and asked.conversation.messages == (Message("user", CALL),)
