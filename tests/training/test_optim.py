from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tunesmith.core.errors import TunesmithError  # noqa: E402
from tunesmith.training.optim import build_optimizer, lr_schedule  # noqa: E402
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
