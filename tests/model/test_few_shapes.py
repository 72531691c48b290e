"""Filling lengths up changes nothing but the shapes."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from llamas import batch_of, network  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from tunesmith.methods.lora import LoRA  # noqa: E402
from tunesmith.model import few_shapes, tile_attention, trunk  # noqa: E402
from tunesmith.model.few_shapes import filled_length  # noqa: E402
from tunesmith.model.label_scores import ROWS  # noqa: E402
from tunesmith.model.lora_linear import lora_layers  # noqa: E402
from tunesmith.model.packed import packed  # noqa: E402
from tunesmith.model.task_model import TaskModel  # noqa: E402
from tunesmith.model.tile_attention import tile_attention as attend  # noqa: E402
from tunesmith.objectives import OBJECTIVES  # noqa: E402


def in_eights(length, is_bfloat16):
    return -(-length // 8) * 8


def step(model, batch):
    for parameter in model.parameters():
        parameter.grad = None
    total = TaskModel(model, OBJECTIVES.parse("tokens"))(batch).total
    total.backward()
    return total.detach(), [p.grad for p in model.parameters() if p.grad is not None]


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lengths=st.lists(st.integers(2, 21), min_size=1, max_size=4).map(tuple))
def test_loss_and_gradients_are_those_of_unfilled_lengths(lengths):
    model = network().double()
    LoRA(rank=2, dropout=0.0).apply(model)
    with torch.no_grad():
        for _, layer in lora_layers(model):
            layer.lora_B += 0.1
    batch = packed(batch_of(lengths))
    plain = step(model, batch)
    with pytest.MonkeyPatch.context() as patch:
        for module in (trunk, tile_attention):
            patch.setattr(module, "filled_length", in_eights)
        filled = step(model, batch)
    torch.testing.assert_close(filled, plain)


@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=6).map(tuple),
    data=st.data(),
)
def test_filled_pieces_of_trees_attend_as_unfilled_ones(lengths, data):
    ways = [[0]]
    for piece in range(1, len(lengths)):
        parent = data.draw(st.integers(-1, piece - 1))
        ways.append([*(ways[parent] if parent >= 0 else []), piece])
    torch.manual_seed(0)
    given_states = [
        torch.randn(sum(lengths), 2, 4, dtype=torch.float64, requires_grad=True) for _ in range(3)
    ]
    outer = torch.randn(sum(lengths), 2, 4, dtype=torch.float64)

    def work():
        found = attend(*given_states, lengths, ways, dtype=torch.float64)
        return found, torch.autograd.grad(found, given_states, outer)

    plain = work()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tile_attention, "filled_length", in_eights)
        torch.testing.assert_close(work(), plain)


def test_only_products_whose_kernels_are_compiled_are_filled():
    assert filled_length(65, is_bfloat16=True) == 2 * few_shapes.UNIT
    assert filled_length(64, is_bfloat16=True) == few_shapes.UNIT
    assert filled_length(65, is_bfloat16=False) == 65


class OddRows(TorchDispatchMode):
    """Bfloat16 products whose rows are not filled up."""

    def __init__(self, vocab_size):
        super().__init__()
        self.vocab_size = vocab_size
        self.odd = set()
        self.n_products = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.mm.default and args[0].dtype == torch.bfloat16:
            (n_rows, width), out = args[0].shape, args[1].shape[1]
            unit = ROWS if self.vocab_size in (width, out) else few_shapes.UNIT
            self.odd |= {n_rows} if n_rows % unit else set()
            self.n_products += 1
        return func(*args, **(kwargs or {}))


def test_rows_of_any_lengths_ask_for_few_products():
    model = network()
    LoRA(rank=2, dropout=0.0).apply(model)
    for lengths in ((30, 41, 20), (33, 28, 37), (50, 22), (19, 19, 19, 40)):
        rows = OddRows(model.config.vocab_size)
        with rows, torch.autocast("cpu", dtype=torch.bfloat16):
            TaskModel(model, OBJECTIVES.parse("tokens"))(packed(batch_of(lengths)))
        assert rows.n_products and not rows.odd
