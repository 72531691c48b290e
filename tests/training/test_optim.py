from __future__ import annotations

from functools import partial

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tunesmith.core.errors import RunError, TunesmithError  # noqa: E402
from tunesmith.training.optim import (  # noqa: E402
    build_optimizer,
    lr_schedule,
    optimizer_state,
    restore_optimizer_state,
    trained_parameters,
)
from tunesmith.training.settings import Optim  # noqa: E402


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.33])
def test_rates_equal_those_of_transformers(schedule, warmup):
    import math

    n_steps, lr = 37, 3e-4
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=lr)
    theirs = transformers.get_scheduler(
        schedule,
        optimizer,
        num_warmup_steps=math.ceil(n_steps * warmup),
        num_training_steps=n_steps,
    )
    rate = lr_schedule(Optim(schedule=schedule, warmup_fraction=warmup), lr, n_steps)
    for step in range(n_steps):
        assert rate(step) == pytest.approx(theirs.get_last_lr()[0], rel=1e-9, abs=1e-15)
        optimizer.step()
        theirs.step()


def test_constant_stays_after_its_warm_up():
    rate = lr_schedule(Optim(schedule="constant", warmup_fraction=0.2), 1.0, 10)
    assert [rate(step) for step in range(10)] == [0.0, 0.5] + [1.0] * 8


def test_matrices_decay_and_vectors_do_not():
    model = torch.nn.Linear(3, 3)
    groups = build_optimizer(model, Optim(weight_decay=0.1), 1e-3).param_groups
    assert [(g["weight_decay"], [p.ndim for p in g["params"]]) for g in groups] == [
        (0.1, [2]),
        (0.0, [1]),
    ]


def test_nothing_to_train_is_said():
    with pytest.raises(TunesmithError, match="leaves no weight to train"):
        build_optimizer(torch.nn.Linear(2, 2).requires_grad_(False), Optim(), 1e-3)


NAMES = ["adamw", "adamw_8bit", "paged_adamw_32bit", "paged_adamw_8bit", "adafactor", "sgd"]


def updates(name, n_steps, state_at=None):
    """Weights after some steps; at one of them everything is built anew from its state."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 96), torch.nn.Linear(96, 1))
    build = partial(build_optimizer, model, Optim(name=name, weight_decay=0.1), 1e-2)
    optimizer, parameters = build(), trained_parameters(model)
    x = torch.randn(8, 64)
    for step in range(n_steps):
        if step == state_at:
            state = {k: v.clone() for k, v in optimizer_state(optimizer, parameters).items()}
            unmoved = [n for n, p in parameters.items() if not optimizer.state.get(p)]
            optimizer = build()
            restore_optimizer_state(optimizer, parameters, state, unmoved=unmoved)
        model(x).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    return list(parameters.values()), optimizer_state(optimizer, parameters)


@pytest.mark.parametrize("name", NAMES)
def test_every_optimizer_goes_on_from_its_state_as_if_never_stopped(name):
    if "8bit" in name:
        pytest.importorskip("bitsandbytes")
    (whole, end), (halves, end_of_halves) = updates(name, 6), updates(name, 6, state_at=3)
    assert all(map(torch.equal, whole, halves))
    assert end.keys() == end_of_halves.keys()
    assert all(torch.equal(end[key], end_of_halves[key]) for key in end)


def test_eight_bits_are_kept_of_large_matrices_and_stay_near_adamw():
    pytest.importorskip("bitsandbytes")
    weights, state = updates("adamw_8bit", 5)
    assert state["0.weight/state1"].dtype == torch.uint8
    plain, _ = updates("adamw", 5)
    torch.testing.assert_close(weights[0], plain[0], atol=0.02, rtol=0.1)


def test_a_paged_state_without_a_gpu_is_told(capsys):
    if torch.cuda.is_available():
        pytest.skip("there is one here")
    paged, _ = updates("paged_adamw_32bit", 3)
    assert "no GPU whose memory could be paged; adamw makes the same" in capsys.readouterr().err
    assert all(map(torch.equal, paged, updates("adamw", 3)[0]))


def test_missing_state_is_refused():
    model = torch.nn.Linear(3, 3)
    with pytest.raises(RunError, match="no optimizer state for 'weight'"):
        restore_optimizer_state(
            build_optimizer(model, Optim(), 1e-3), trained_parameters(model), {}, ()
        )
