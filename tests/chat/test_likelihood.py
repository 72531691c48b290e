"""Likelihoods of answers equal those of each answer computed alone, whichever way they come."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tunesmith.chat import likelihood  # noqa: E402
from tunesmith.chat.likelihood import log_likelihoods  # noqa: E402
from tunesmith.methods import METHODS  # noqa: E402
from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402


def ids(*lengths, seed=0):
    draw = np.random.default_rng(seed)
    return [draw.integers(5, 3000, n).astype(np.int32) for n in lengths]


@torch.no_grad()
def alone(network, prompt, answer):
    whole = torch.as_tensor(np.concatenate([prompt, answer]), dtype=torch.int64)[None]
    logps = network(whole).logits[0].float().log_softmax(-1)
    places = range(len(prompt) - 1, len(prompt) + len(answer) - 1)
    return float(sum(logps[p, t] for p, t in zip(places, answer.tolist(), strict=True)))


@pytest.fixture(scope="module", params=[None, {"name": "lora", "rank": 4}], ids=["base", "lora"])
def network(tiny, request):
    found = load_model(Model(path=str(tiny)), device=torch.device("cpu"))
    if request.param is not None:
        METHODS.parse(request.param).apply(found)
        torch.manual_seed(1)
        for name, parameter in found.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.1)
    return found.eval()


@pytest.mark.parametrize("is_tree", [True, False])
@pytest.mark.parametrize("rows_at_once", [32, 2])
def test_each_answer_is_as_likely_as_alone(network, monkeypatch, is_tree, rows_at_once):
    shared, *prompts = ids(9, 4, 1, 12)
    prompts = [np.concatenate([shared, one]) for one in prompts[:2]] + [prompts[2]]
    begun, other = ids(3, 1, seed=1)
    # One answer is the beginning of another; two have one token, the same one.
    answers = [begun, np.concatenate([begun, other]), other, other]
    if not is_tree:
        monkeypatch.setattr(likelihood, "_trunk_of", lambda model: None)
    found = log_likelihoods(network, prompts, [answers] * 3, rows_at_once=rows_at_once)
    for prompt, row in zip(prompts, found, strict=True):
        assert row == pytest.approx([alone(network, prompt, one) for one in answers], abs=1e-4)


def test_other_answers_for_each_prompt(network):
    prompts, answers = ids(5, 7), [ids(2, 3, seed=2), ids(4, 1, seed=3)]
    found = log_likelihoods(network, prompts, answers)
    for prompt, own, row in zip(prompts, answers, found, strict=True):
        assert row == pytest.approx([alone(network, prompt, one) for one in own], abs=1e-4)


def test_scores_are_made_in_portions(network, monkeypatch):
    prompts, answers = ids(5, 7, 6), ids(2, 3, seed=2)
    whole = log_likelihoods(network, prompts, [answers] * 3)
    monkeypatch.setattr(likelihood, "STATES_AT_ONCE", 2)
    for row, other in zip(log_likelihoods(network, prompts, [answers] * 3), whole, strict=True):
        assert row == pytest.approx(other, abs=1e-5)
