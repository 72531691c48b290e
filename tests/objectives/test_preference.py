"""Losses over answers, against what must be true of them."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import logsigmoid  # noqa: E402

from tunesmith.objectives import OBJECTIVES  # noqa: E402
from tunesmith.objectives.answers import AnswerLogps, answer_logps  # noqa: E402
from tunesmith.objectives.dpo import dpo_loss  # noqa: E402
from tunesmith.objectives.hinge import hinge_loss  # noqa: E402
from tunesmith.objectives.ipo import ipo_loss  # noqa: E402
from tunesmith.objectives.kto import kto_losses  # noqa: E402
from tunesmith.objectives.kto_pair import kto_pair_loss  # noqa: E402
from tunesmith.objectives.orpo import log_not, orpo_loss  # noqa: E402
from tunesmith.objectives.preference import bco_loss, pair_metrics  # noqa: E402
from tunesmith.objectives.simpo import simpo_loss  # noqa: E402
from tunesmith.tasks import TASKS  # noqa: E402

P = 3
LOGPS = torch.tensor([-12.0, -15.0, -40.0, -3.5, -7.0, -7.25])
ZERO = torch.zeros(())


def test_identical_policies_cost_what_a_coin_costs():
    assert float(dpo_loss(LOGPS, LOGPS, beta=0.1)) == pytest.approx(P * math.log(2))
    smoothed = dpo_loss(LOGPS, LOGPS, beta=0.1, label_smoothing=0.2)
    assert float(smoothed) == pytest.approx(P * math.log(2))
    assert float(hinge_loss(LOGPS, LOGPS, beta=0.1)) == P
    assert float(ipo_loss(LOGPS, LOGPS, beta=0.1)) == pytest.approx(P * 25)
    assert float(kto_pair_loss(LOGPS, LOGPS, (ZERO, ZERO), beta=0.1)) == pytest.approx(P / 2)
    assert float(bco_loss(LOGPS, LOGPS, beta=0.1)) == pytest.approx(P * 2 * math.log(2))
    wanted = torch.tensor([True, False] * P)
    assert kto_losses(LOGPS, LOGPS, wanted, ZERO, beta=0.1).tolist() == [0.5] * 2 * P


LOSSES = {
    "dpo": lambda x: dpo_loss(x, LOGPS, beta=0.1),
    "cdpo": lambda x: dpo_loss(x, LOGPS, beta=0.1, label_smoothing=0.3),
    "hinge": lambda x: hinge_loss(x, LOGPS, beta=0.1),
    "ipo": lambda x: ipo_loss(x, LOGPS, beta=0.1),
    "kto-pair": lambda x: kto_pair_loss(x, LOGPS, (ZERO, ZERO), beta=0.1),
    "bco": lambda x: bco_loss(x, LOGPS, beta=0.1),
    "simpo": lambda x: simpo_loss(x / 10, beta=2.0, gamma=1.0),
    "orpo": lambda x: orpo_loss(x / 10, beta=0.1),
    "kto": lambda x: kto_losses(x, LOGPS, torch.tensor([True, False] * P), ZERO, beta=0.1).sum(),
}


@pytest.mark.parametrize("kind", LOSSES)
def test_a_step_down_the_gradient_makes_the_better_answer_likelier_than_the_worse(kind):
    logps = LOGPS.clone().requires_grad_()
    LOSSES[kind](logps).backward()
    assert (logps.grad[0::2] < 0).all()
    assert (logps.grad[1::2] > 0).all()


def test_smoothing_mixes_the_loss_with_that_of_swapped_labels():
    policy = LOGPS + torch.tensor([3.0, -1, 0.5, 2, -4, 1])
    swapped = torch.tensor([1, 0, 3, 2, 5, 4])
    right, wrong = (
        dpo_loss(policy, LOGPS, beta=0.2),
        dpo_loss(policy[swapped], LOGPS[swapped], beta=0.2),
    )
    found = dpo_loss(policy, LOGPS, beta=0.2, label_smoothing=0.1)
    torch.testing.assert_close(found, 0.9 * right + 0.1 * wrong)


def test_the_kl_term_is_no_reward_of_its_own():
    """It has no gradient, and a negative estimate counts as none."""
    kl = torch.tensor(2.0, requires_grad=True)
    policy = (LOGPS + 1).requires_grad_()
    wanted = torch.tensor([True, False] * P)
    kto_losses(policy, LOGPS, wanted, kl, beta=0.1).sum().backward()
    assert kl.grad is None
    below = kto_losses(LOGPS, LOGPS, wanted, torch.tensor(-5.0), beta=0.1)
    assert below.tolist() == [0.5] * 2 * P
    chosen = kto_pair_loss(LOGPS + 1, LOGPS, (ZERO + 1, ZERO + 1), beta=0.1)
    assert float(chosen) == pytest.approx(P / 2)


@pytest.mark.parametrize("logp", [-1e-9, -1e-6, -0.01, -math.log(2), -1.0, -20.0, -90.0])
def test_the_log_of_what_is_left_of_a_probability_is_exact_at_both_ends(logp):
    value = torch.tensor([logp], requires_grad=True)
    found = log_not(value)
    found.sum().backward()
    assert torch.isfinite(value.grad).all()
    if logp < -1e-6:
        assert found.item() == pytest.approx(math.log(-math.expm1(logp)), rel=1e-5)


def test_odds_of_equal_answers_leave_imitation_and_log_two():
    logps = torch.full((2,), -1.5)
    assert float(orpo_loss(logps, beta=0.3)) == pytest.approx(1.5 + 0.3 * math.log(2))


def test_tokens_beyond_the_shorter_answer_count_less():
    tokens = torch.tensor([[-1.0, -2.0, -4.0], [-8.0, 0.0, 0.0]])
    answers = AnswerLogps(tokens, torch.tensor([3, 1]))
    assert answers.sums().tolist() == [-7, -8]
    assert answers.discounted(1).tolist() == [-7, -8]
    assert answers.discounted(0.5).tolist() == [-4, -8]
    torch.testing.assert_close(answers.means(), torch.tensor([-7 / 3, -8.0]))


def test_a_tie_is_half_right():
    told = pair_metrics(torch.tensor([1.0, 0, 2, 2, 0, 1]), LOGPS)
    assert {name: (float(v), n) for name, (v, n) in told.items()} == {
        "reward_accuracy": (1.5, 3),
        "reward_margin": (0.0, 3),
        "reward_chosen": (3.0, 3),
        "reward_rejected": (3.0, 3),
        "logps_chosen": (-59.0, 3),
        "logps_rejected": (-25.75, 3),
    }


def batch_of(*answers: list[int], pairs: bool = True):
    """States and targets of a tiny model, one state for every token."""
    generator = torch.Generator().manual_seed(0)
    n, width = sum(map(len, answers)), max(map(len, answers))
    places = torch.full((len(answers), width), n)
    start = 0
    for row, answer in enumerate(answers):
        places[row, : len(answer)] = torch.arange(start, start + len(answer))
        start += len(answer)
    head = torch.nn.Linear(4, 9, bias=False)
    with torch.no_grad():
        head.weight.copy_(torch.randn(9, 4, generator=generator))
    return (
        torch.randn(n, 4, generator=generator),
        head,
        {
            "labels": torch.tensor([t for answer in answers for t in answer]),
            "answers": places,
            "lengths": torch.tensor([len(answer) for answer in answers]),
            "reference_logps": torch.linspace(-9, -5, len(answers)),
            "desirable": torch.tensor([True, False] * (len(answers) // 2)),
            "share": torch.full((len(answers),), 0.5 if pairs else 1.0),
            "kl": torch.tensor(0.3),
            "kl_chosen": torch.tensor(0.1),
            "kl_rejected": torch.tensor(0.2),
        },
    )


ANSWERS = [[1, 2, 3], [4], [5, 6], [7, 8, 1, 2]]


def test_log_probabilities_of_answers_are_those_of_their_tokens():
    hidden, head, targets = batch_of(*ANSWERS)
    found = answer_logps(hidden, head, targets)
    each = (hidden @ head.weight.t()).log_softmax(1)
    each = each.gather(1, targets["labels"][:, None])[:, 0]
    expected = [part.sum() for part in each.split([3, 1, 2, 4])]
    torch.testing.assert_close(found.sums(), torch.stack(expected))


@pytest.mark.parametrize("name", ["dpo", "hinge", "ipo", "kto-pair", "orpo", "simpo", "kto"])
def test_imitation_is_weighed_per_token_of_the_wanted_answer(name):
    hidden, head, targets = batch_of(*ANSWERS)
    bare = OBJECTIVES.parse(name).loss_sum(hidden, head, targets)
    also = OBJECTIVES.parse({"name": name, "sft_weight": 0.5}).loss_sum(hidden, head, targets)
    means = answer_logps(hidden, head, targets).means()[0::2]
    share = 0.5 if name == "kto" else 1.0
    torch.testing.assert_close(also.total - bare.total, -0.5 * share * means.sum())


@pytest.mark.parametrize("name", ["dpo", "hinge", "ipo", "kto-pair"])
def test_judging_each_answer_too_is_a_weighted_mean(name):
    hidden, head, targets = batch_of(*ANSWERS)
    loss = OBJECTIVES.parse({"name": name, "beta": 0.2, "bco_weight": 3.0})
    found = loss.loss_sum(hidden, head, targets).total
    alone = OBJECTIVES.parse({"name": name, "beta": 0.2}).loss_sum(hidden, head, targets).total
    policy = answer_logps(hidden, head, targets).sums()
    bco = bco_loss(policy, targets["reference_logps"], beta=0.2)
    torch.testing.assert_close(found, (alone + 3 * bco) / 4)


def test_of_pairs_kto_is_the_mean_of_both_halves():
    hidden, head, targets = batch_of(*ANSWERS)
    both = OBJECTIVES.parse("kto").loss_sum(hidden, head, targets).total
    alone = {**targets, "share": torch.ones(4)}
    torch.testing.assert_close(
        both * 2, OBJECTIVES.parse("kto").loss_sum(hidden, head, alone).total
    )


def test_weights_of_wanted_and_unwanted_answers():
    hidden, head, targets = batch_of(*ANSWERS, pairs=False)
    parts = [
        OBJECTIVES.parse({"name": "kto", "desirable_weight": a, "undesirable_weight": b})
        .loss_sum(hidden, head, targets)
        .total
        for a, b in ((1, 0), (0, 1), (2, 3))
    ]
    torch.testing.assert_close(parts[2], 2 * parts[0] + 3 * parts[1])


def test_bco_is_the_sum_of_two_questions():
    policy = LOGPS + 1
    expected = -(3 * logsigmoid(torch.tensor(0.1)) + 3 * logsigmoid(torch.tensor(-0.1)))
    torch.testing.assert_close(bco_loss(policy, LOGPS, beta=0.1), expected)


def test_an_objective_that_judges_no_answers_says_so():
    objective = OBJECTIVES.parse("tokens")
    for ask in (lambda: objective.weighed(None), lambda: objective.rewards(None, None, None)):
        with pytest.raises(NotImplementedError, match="'tokens' judges no whole answers"):
            ask()
    with pytest.raises(NotImplementedError, match="'sft' is not judged by preferences"):
        TASKS.parse("sft").answer_rows(None, 0)
