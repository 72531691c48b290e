"""The harness's requests reach a model in few calls, and each of them once."""

from __future__ import annotations

import pytest

pytest.importorskip("lm_eval", reason="the harness is not installed: tunesmith[lm-eval]")
pytestmark = pytest.mark.filterwarnings("ignore")  # the harness's own libraries warn

from lm_eval.api.instance import Instance  # noqa: E402

from tunesmith.chat.chat_model import ChatModel, Completion  # noqa: E402
from tunesmith.core.errors import ModelError  # noqa: E402
from tunesmith.evaluation import harness_model  # noqa: E402
from tunesmith.evaluation.harness_model import HarnessModel  # noqa: E402


class Echo(ChatModel):
    """Says what it is asked, and notes who is asked together."""

    def __init__(self):
        self.calls = []

    def complete(self, many, sampling):
        asked = [one.messages[-1].text for one in many]
        self.calls.append((sampling.max_new_tokens, asked))
        return [Completion(text.upper(), "stop", 1, 1) for text in asked]

    def stream(self, conversation, sampling):
        raise NotImplementedError


class Memory(dict):
    def keep(self, replies):
        self.update(replies)


def asking(*requests):
    return [
        Instance("generate_until", {}, (text, {"max_gen_toks": limit}), 0, ("sums", 0, 1))
        for text, limit in requests
    ]


def test_what_is_written_alike_is_asked_together_and_once():
    model = Echo()
    requests = asking(("a", 4), ("b", 9), ("c", 4), ("a", 4), ("a", 9))
    asked = HarnessModel(lambda: model, Memory())
    assert asked.generate_until(requests) == ["A", "B", "C", "A", "A"]
    assert model.calls == [(4, ["a", "c"]), (9, ["b", "a"])]
    assert asked.generate_until(requests) == ["A", "B", "C", "A", "A"]
    assert len(model.calls) == 2


def test_every_portion_is_kept_before_the_next(monkeypatch):
    monkeypatch.setattr(harness_model, "PORTION", 2)

    class Dies(Echo):
        def complete(self, many, sampling):
            if len(self.calls) == 2:
                raise ModelError("the power went")
            return super().complete(many, sampling)

    memory, model = Memory(), Echo()
    requests = asking(*((letter, 4) for letter in "abcdefg"))
    with pytest.raises(ModelError, match="the power went"):
        dying = Dies()
        HarnessModel(lambda: dying, memory).generate_until(requests)
    assert len(memory) == 4
    assert HarnessModel(lambda: model, memory).generate_until(requests) == list("ABCDEFG")
    assert [asked for _, asked in model.calls] == [["e", "f"], ["g"]]


def test_a_model_that_only_writes_tells_no_likelihoods():
    request = Instance("loglikelihood", {}, ("a", " b"), 0, ("sums", 0, 1))
    with pytest.raises(ModelError, match="task sums asks for likelihoods"):
        HarnessModel(Echo, Memory()).loglikelihood([request])


def test_an_endpoint_is_not_even_opened_for_likelihoods():
    request = Instance("loglikelihood_rolling", {}, ("a",), 0, ("sums", 0, 1))
    model = HarnessModel(lambda: pytest.fail("it was opened"), Memory(), only_writes=True)
    with pytest.raises(ModelError, match="task sums asks for likelihoods"):
        model.loglikelihood_rolling([request])
