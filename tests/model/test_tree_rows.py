"""A line in which prefixes are there once gives each row what it gives alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from tunesmith.core.errors import ModelError  # noqa: E402
from tunesmith.methods import METHODS  # noqa: E402
from tunesmith.model.load import load_model, recompute_activations  # noqa: E402
from tunesmith.model.packed import packed  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402
from tunesmith.model.task_model import TaskModel  # noqa: E402
from tunesmith.model.tree_rows import planted, tree_of  # noqa: E402
from tunesmith.objectives import OBJECTIVES  # noqa: E402
from tunesmith.tasks.collate import collate  # noqa: E402

CPU = torch.device("cpu")
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


@st.composite
def families(draw):
    """Rows that begin as earlier ones do, at any length, some of them wholly alike."""
    generator = np.random.default_rng(draw(st.integers(0, 999)))
    rows: list[np.ndarray] = []
    for _ in range(draw(st.integers(1, 6))):
        begun = np.zeros(0, np.int32)
        if rows and draw(st.booleans()):
            one = rows[draw(st.integers(0, len(rows) - 1))]
            begun = one[: draw(st.integers(1, len(one)))]
        own = generator.integers(5, 3000, draw(st.integers(0 if len(begun) > 1 else 2, 20)))
        rows.append(np.concatenate([begun, own.astype(np.int32)]))
    found = []
    for row in rows:
        weights = generator.choice([0.0, 1.0, 0.25], len(row))
        weights[-1] = 1.0
        found.append((row, weights.astype(np.float32)))
    return found


@pytest.fixture(scope="module", params=[True, False], ids=["fused", "transformers"])
def task_model(tiny, request):
    torch.manual_seed(0)
    network = load_model(Model(path=str(tiny)), device=CPU)
    return TaskModel(network, OBJECTIVES.parse("tokens"), fused=request.param)


def loss_and_gradients(model, batch):
    model.zero_grad()
    loss = model(batch).total
    loss.backward()
    return loss.detach(), {
        n: p.grad.clone() for n, p in model.named_parameters() if p.requires_grad
    }


def assert_equal_losses(model, one, other, **close):
    (loss, gradients), (their_loss, theirs) = (loss_and_gradients(model, b) for b in (one, other))
    torch.testing.assert_close(loss, their_loss, **close)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, theirs[name], **close)


def planted_whole(batch):
    return planted(batch, tree_of(batch))


def pair(prompt, *answers):
    draw = np.random.default_rng(3)
    begin = draw.integers(5, 3000, prompt).astype(np.int32)
    return [
        (
            np.concatenate([begin, draw.integers(5, 3000, n).astype(np.int32)]),
            np.repeat([0.0, 1.0], [prompt, n]).astype(np.float32),
        )
        for n in answers
    ]


def test_the_last_token_of_a_prompt_predicts_both_answers():
    batch = collate(pair(3, 2, 1), pad_id=9)
    line = planted_whole(batch)
    assert line.lengths == (3, 1, 2) or line.lengths == (3, 2, 1)
    assert line.parents == (-1, 0, 0)
    assert line.position_ids is not None and line.cu_seqlens is not None
    assert line.position_ids.tolist() in ([[0, 1, 2, 3, 4, 3]], [[0, 1, 2, 3, 3, 4]])
    assert line.cu_seqlens.dtype == torch.int32 and int(line.cu_seqlens[-1]) == 6
    targets = line.target_rows.tolist()
    assert targets[0] == targets[2] == 2  # the place is named for each answer
    assert torch.equal(line.targets["labels"], batch.targets["labels"])
    assert (line.n_targets, line.n_tokens) == (batch.n_targets, batch.n_tokens) == (3, 9)


@given(rows=families())
@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])
def test_states_loss_and_gradients_equal_those_of_padded_rows(task_model, rows):
    batch = collate(rows, pad_id=3)
    if not len(batch.target_rows):
        return
    line = planted_whole(batch)
    with torch.no_grad():
        torch.testing.assert_close(task_model.states(line), task_model.states(batch), **CLOSE)
    assert_equal_losses(task_model, line, batch, **CLOSE)


@pytest.mark.parametrize("method", ["full", {"name": "lora", "rank": 4}, "freeze"])
def test_with_every_method_and_activations_computed_again(tiny, method):
    network = load_model(Model(path=str(tiny)), device=CPU)
    METHODS.parse(method).apply(network)
    model = TaskModel(network, OBJECTIVES.parse("tokens")).train()
    batch = collate([*pair(30, 9, 12), *pair(7, 5)], 3)
    assert_equal_losses(model, planted_whole(batch), batch, **CLOSE)
    recompute_activations(network)
    assert_equal_losses(model, planted_whole(batch), batch, **CLOSE)


def test_what_a_sibling_says_changes_nothing(task_model):
    """To the last bit: no token sees the branch beside its own."""
    ours, one, other = pair(10, 6, 7, 7)
    states = [
        task_model.states(planted_whole(collate([ours, sibling], 3)))[:6]
        for sibling in (one, other)
    ]
    assert torch.equal(*states)


def test_in_bfloat16(task_model):
    batch = collate([*pair(30, 9, 12), *pair(7, 5)], 3)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        losses = [float(task_model(b).total) for b in (batch, planted_whole(batch))]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_a_tree_is_packed_already():
    line = planted_whole(collate(pair(3, 2, 1), 9))
    assert packed(line) is line


def test_a_way_that_is_longer_than_attention_looks_back_is_refused(task_model):
    """Though no piece of it is."""
    from tunesmith.model import attention
    from tunesmith.model.segments import Segments

    q = torch.randn(1, 2, 5, 8)
    segments = Segments((3, 2), torch.tensor([0, 3, 5], dtype=torch.int32), (-1, 0))
    with pytest.raises(ModelError, match="a row of 5 tokens"):
        attention.attend(torch.nn.Module(), q, q, q, None, segments, sliding_window=4)
