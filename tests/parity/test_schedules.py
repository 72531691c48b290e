"""Learning rates of every schedule equal those of transformers, whatever the lengths."""

from __future__ import annotations

import math
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tunesmith.training.optim import lr_schedule  # noqa: E402
from tunesmith.training.settings import Optim  # noqa: E402

THEIRS = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}
NAMES = get_args(Optim.model_fields["schedule"].annotation)


def their_rates(name: str, n_steps: int, n_warmup: int, lr: float) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    schedule = transformers.get_scheduler(
        name, optimizer, num_warmup_steps=n_warmup, num_training_steps=n_steps
    )
    rates = []
    for _ in range(n_steps):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return rates


def test_every_schedule_has_a_counterpart():
    assert set(NAMES) <= set(THEIRS)


@pytest.mark.parametrize("schedule", NAMES)
@given(
    n_steps=st.integers(1, 120),
    warmup=st.floats(0, 1),
    lr=st.floats(1e-7, 1.0),
)
@example(n_steps=1, warmup=0.0, lr=1e-3)
@example(n_steps=1, warmup=1.0, lr=1e-3)
@example(n_steps=2, warmup=0.5, lr=1e-3)
@example(n_steps=30, warmup=1.0, lr=1e-3)
@example(n_steps=100, warmup=1e-9, lr=1e-3)
@settings(deadline=None, max_examples=30)
def test_rates_equal_those_of_transformers(schedule, n_steps, warmup, lr):
    rate = lr_schedule(Optim(schedule=schedule, warmup_fraction=warmup), lr, n_steps)
    theirs = their_rates(THEIRS[schedule], n_steps, math.ceil(n_steps * warmup), lr)
    assert [rate(step) for step in range(n_steps)] == pytest.approx(theirs, rel=1e-9, abs=1e-15)
