"""Packed rows give what each gives alone: states, loss and gradients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from tunesmith.core.errors import ModelError  # noqa: E402
from tunesmith.model import attention  # noqa: E402
from tunesmith.model.load import load_model, recompute_activations  # noqa: E402
from tunesmith.model.packed import packed  # noqa: E402
from tunesmith.model.segments import Segments  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402
from tunesmith.model.task_model import TaskModel  # noqa: E402
from tunesmith.objectives import OBJECTIVES  # noqa: E402
from tunesmith.tasks.collate import collate  # noqa: E402

CPU = torch.device("cpu")
CLOSE = {"atol": 1e-5, "rtol": 1e-5}
LENGTHS = st.lists(st.integers(2, 40), min_size=1, max_size=9)


def rows_of(lengths, *, seed=0, shares=(1.0,)):
    draw = np.random.default_rng(seed)
    return [
        (
            draw.integers(5, 3000, n).astype(np.int32),
            np.asarray([0.0, *draw.choice([0.0, *shares], n - 2), 1.0], np.float32),
        )
        for n in lengths
    ]


@pytest.fixture(scope="module")
def task_model(tiny):
    torch.manual_seed(0)
    return TaskModel(load_model(Model(path=str(tiny)), device=CPU), OBJECTIVES.parse("tokens"))


def loss_and_gradients(model, batch):
    model.zero_grad()
    loss = model(batch).total
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in model.named_parameters()}


def test_a_packed_batch_says_where_each_row_begins():
    rows = rows_of([3, 2])
    batch = packed(collate(rows, pad_id=9))
    assert batch.input_ids.tolist() == [[*rows[0][0], *rows[1][0]]]
    assert batch.position_ids.tolist() == [[0, 1, 2, 0, 1]]
    assert batch.cu_seqlens.tolist() == [0, 3, 5]
    assert batch.cu_seqlens.dtype == torch.int32
    assert 3 in batch.target_rows.tolist() and 2 not in batch.target_rows.tolist()


@given(lengths=LENGTHS, seed=st.integers(0, 99), weighted=st.booleans())
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_states_loss_and_gradients_equal_those_of_padded_rows(task_model, lengths, seed, weighted):
    rows = rows_of(lengths, seed=seed, shares=(0.25, 1.0) if weighted else (1.0,))
    padded = collate(rows, pad_id=3)
    line = packed(padded)
    assert (line.n_targets, line.n_tokens) == (padded.n_targets, sum(lengths))
    with torch.no_grad():
        torch.testing.assert_close(task_model.states(line), task_model.states(padded), **CLOSE)
    (loss, gradients), (their_loss, their_gradients) = (
        loss_and_gradients(task_model, batch) for batch in (line, padded)
    )
    torch.testing.assert_close(loss, their_loss, **CLOSE)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, their_gradients[name], **CLOSE)


def test_a_row_does_not_see_what_stands_before_it(task_model):
    """What another row says changes nothing, to the last bit."""
    [ours] = rows_of([12], seed=1)
    before = [rows_of([9], seed=seed)[0] for seed in (2, 3)]
    states = [task_model.states(packed(collate([other, ours], 3)))[-1] for other in before]
    assert torch.equal(*states)


def test_logits_equal_those_of_each_row_alone(task_model):
    rows = rows_of([7, 1 + 1, 30, 5])
    network = task_model.model
    line = packed(collate([(ids, np.ones_like(weights)) for ids, weights in rows], 3))
    with torch.no_grad():
        logits = network.lm_head(task_model.states(line))
        alone = [network(torch.as_tensor(ids, dtype=torch.int64)[None]).logits[0, :-1]
                 for ids, _ in rows]  # fmt: skip
    torch.testing.assert_close(logits, torch.cat(alone), **CLOSE)


def test_with_activations_computed_again(tiny):
    batch = packed(collate(rows_of([20, 6, 13]), 3))
    network = load_model(Model(path=str(tiny)), device=CPU)
    model = TaskModel(network, OBJECTIVES.parse("tokens")).train()
    loss, gradients = loss_and_gradients(model, batch)
    recompute_activations(network)
    again, theirs = loss_and_gradients(model, batch)
    torch.testing.assert_close(again, loss)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, theirs[name])


def test_in_bfloat16(task_model):
    padded = collate(rows_of([20, 6, 13]), 3)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        losses = [float(task_model(batch).total) for batch in (padded, packed(padded))]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_attention_that_looks_back_only_so_far_is_refused_where_it_would_matter():
    q = torch.randn(1, 2, 6, 8)
    starts = torch.tensor([0, 4, 6], dtype=torch.int32)
    module = torch.nn.Module()
    fine, _ = attention.attend(module, q, q, q, None, Segments((4, 2), starts), sliding_window=4)
    assert fine.shape == (1, 6, 2, 8)
    with pytest.raises(ModelError, match=r"a row of 4 tokens.*train\.packing=false"):
        attention.attend(module, q, q, q, None, Segments((4, 2), starts), sliding_window=3)
