"""What is known of an answer, by whichever road it came."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")

from tunesmith.chat.local import LocalModel  # noqa: E402
from tunesmith.chat.predictor import Predictor  # noqa: E402
from tunesmith.chat.prompted_local import PromptedLocal  # noqa: E402
from tunesmith.chat.shots import Shots  # noqa: E402
from tunesmith.core.examples import Conversation, Labelled, Message  # noqa: E402
from tunesmith.evaluation.roads import answer  # noqa: E402
from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402
from tunesmith.pipelines.compare import compare  # noqa: E402
from tunesmith.pipelines.compare_request import CompareRequest  # noqa: E402
from tunesmith.pipelines.load import load_chat  # noqa: E402
from tunesmith.tasks.classify import Classify  # noqa: E402
from tunesmith.tasks.task import Limits  # noqa: E402
from tunesmith.trackers.tracker import as_markdown  # noqa: E402

TASK = Classify(problem="single", labels=["bad", "good"])
SHORT, LONG = Labelled("A fine film.", "good", "f:1"), Labelled("a word " * 300, "bad", "f:2")


def prompted(tiny):
    shot = Conversation((Message("user", "Hm?"), Message("assistant", "good")), "shot")
    return PromptedLocal(load_chat(tiny), Shots((shot,), 1))


@pytest.mark.parametrize("made", [load_chat, prompted])
def test_written_answers_tell_why_they_ended_and_what_they_took(tiny, made):
    model = made(tiny)
    assert isinstance(model, LocalModel)
    [one] = answer(model, TASK, [SHORT], "generate", max_new_tokens=3)
    assert one.cut and one.finish_reason == "length" and one.n_tokens == 3
    assert one.n_prompt_tokens > 5 and one.latency_s > 0 and one.cost is None
    told = one.told()
    assert set(told) == {"finish_reason", "n_prompt_tokens", "n_tokens", "latency_s"}


def test_weighed_answers_tell_what_was_cut_of_their_prompt(tiny):
    short, long = answer(load_chat(tiny), TASK, [SHORT, LONG], "likelihood")
    assert short.n_prompt_cut == 0 and long.n_prompt_cut > 100
    assert short.n_prompt_tokens < long.n_prompt_tokens <= 256
    assert short.latency_s > 0 and short.finish_reason is None and not short.cut


def test_answers_of_a_head_tell_their_tokens_and_latency(tiny):
    network = load_model(Model(path=str(tiny)), device=torch.device("cpu"), head=TASK.head())
    model = Predictor(network, load_chat(tiny).tokenizer, TASK, Limits(64), batch_size=1)
    short, long = answer(model, TASK, [SHORT, LONG], "head")
    assert short.n_prompt_tokens < long.n_prompt_tokens == 64 and long.n_prompt_cut > 100
    assert short.latency_s > 0 and long.latency_s > 0 and short.finish_reason is None


def test_every_answer_of_a_comparison_tells_it(tiny, teacher, tmp_path, lines):
    file = lines(
        tmp_path / "a.jsonl", *({"instruction": f"Day {n}?", "output": "x"} for n in (1, 2))
    )
    names = (f"here={tiny}", f"hosted={teacher().url}#any")
    compare(CompareRequest(names, data=str(file), out=str(tmp_path / "out"), max_new_tokens=3))
    for line in (tmp_path / "out" / "examples.jsonl").read_text("utf-8").splitlines():
        answers = json.loads(line)["answers"]
        assert answers["here"]["cut"] and answers["here"]["finish_reason"] == "length"
        for told in answers.values():
            assert told["n_prompt_tokens"] > 0 and told["n_tokens"] > 0 and told["latency_s"] >= 0


def test_a_cut_answer_is_marked_in_what_trackers_show():
    sample = {"prompt": "p", "answer": "a", "reference": "r"}
    assert "**Answer**" in as_markdown({**sample, "is_cut": False})
    assert "**Answer (cut at the token limit)**" in as_markdown({**sample, "is_cut": True})
