"""The trunk: what it leaves out, what it keeps, and that the rest does not notice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from llamas import (  # noqa: E402
    CLOSE,
    assert_alike,
    batch_of,
    gradients,
    network,
    their_loss,
)
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402
from transformers import GemmaConfig, GemmaForCausalLM  # noqa: E402

from tunesmith.core.errors import ModelError  # noqa: E402
from tunesmith.methods.freeze import Freeze  # noqa: E402
from tunesmith.methods.lora import LoRA  # noqa: E402
from tunesmith.model.batch import Batch  # noqa: E402
from tunesmith.model.line import Line  # noqa: E402
from tunesmith.model.load import recompute_activations  # noqa: E402
from tunesmith.model.lora_linear import adapter_off, lora_layers  # noqa: E402
from tunesmith.model.neftune import add_embedding_noise  # noqa: E402
from tunesmith.model.packed import packed  # noqa: E402
from tunesmith.model.segments import Segments  # noqa: E402
from tunesmith.model.task_model import TaskModel  # noqa: E402
from tunesmith.model.trunk import Trunk  # noqa: E402
from tunesmith.objectives import OBJECTIVES  # noqa: E402


def task_model(model, **options):
    return TaskModel(model, OBJECTIVES.parse("tokens"), **options)


def adapted(dropout=0.0):
    model = network()
    LoRA(rank=4, dropout=dropout).apply(model)
    torch.manual_seed(1)
    with torch.no_grad():
        for _, layer in lora_layers(model):
            layer.lora_B += 0.1 * torch.randn_like(layer.lora_B)
    return model.train()


def test_a_padded_batch_becomes_the_line_that_packing_makes():
    batch = batch_of((5, 9, 3))
    ours, theirs = Line.of(batch), packed(batch)
    assert torch.equal(batch.input_ids.flatten()[ours.kept], theirs.input_ids[0])
    assert torch.equal(ours.position_ids, theirs.position_ids)
    assert torch.equal(ours.segments.cu_seqlens, theirs.cu_seqlens)
    assert torch.equal(ours.target_rows, theirs.target_rows)


def test_rows_whose_lengths_nobody_tells_count_with_their_padding():
    model, batch = task_model(network()), batch_of((5, 9, 3))
    with torch.no_grad():
        torch.testing.assert_close(
            model.states(replace(batch, lengths=())), model.states(batch), **CLOSE
        )


@st.composite
def trees(draw):
    """Lengths of pieces, and for each the one before it that it goes on from."""
    lengths = draw(st.lists(st.integers(1, 9), min_size=1, max_size=7))
    parents = [draw(st.integers(-1, piece - 1)) for piece in range(len(lengths))]
    return tuple(lengths), tuple(parents)


def line_of(lengths, parents, seed):
    """A line of pieces, and the same paths as rows of their own."""
    torch.manual_seed(seed)
    ids = torch.randint(5, 97, (sum(lengths),))
    starts = torch.tensor([0, *lengths]).cumsum(0).int()
    segments = Segments(lengths, starts, parents)
    depths, paths = [], []
    for piece, parent in enumerate(parents):
        places = torch.arange(int(starts[piece]), int(starts[piece + 1]))
        paths.append(places if parent < 0 else torch.cat([paths[parent], places]))
        depths.append(torch.arange(len(paths[-1]) - lengths[piece], len(paths[-1])))
    ends = [len(path) for path in paths]
    width = max(ends)
    rows = torch.full((len(paths), width), 3)
    for row, path in enumerate(paths):
        rows[row, : len(path)] = ids[path]
    # Each piece's last and some other place of its path, which several pieces may name.
    picks = [(int(torch.randint(end, ())), end - 1) for end in ends]
    labels = torch.randint(5, 97, (2 * len(paths),))
    common = {"targets": {"labels": labels}, "n_targets": len(labels), "n_tokens": len(ids)}
    tree = Batch(
        ids[None],
        torch.tensor([int(paths[i][p]) for i, pair in enumerate(picks) for p in pair]),
        lengths=lengths,
        position_ids=torch.cat(depths)[None],
        cu_seqlens=segments.cu_seqlens,
        parents=parents,
        **common,
    )
    apart = Batch(
        rows,
        torch.tensor([i * width + p for i, pair in enumerate(picks) for p in pair]),
        lengths=tuple(ends),
        **common,
    )
    return tree, apart


@pytest.fixture(scope="module")
def shared_model():
    return adapted()


@given(tree=trees(), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_any_tree_gives_what_its_paths_give_alone(shared_model, tree, seed):
    line, apart = line_of(*tree, seed)
    expected = their_loss(shared_model, apart)
    theirs = gradients(shared_model, expected)
    found = task_model(shared_model)(line).total
    torch.testing.assert_close(found, expected, **CLOSE)
    assert_alike(gradients(shared_model, found), theirs)


def test_layer_by_layer_it_is_the_same():
    """What a cache of activations relies on."""
    model, batch = task_model(network()), batch_of()
    trunk = model.trunk
    with torch.no_grad():
        whole, below = trunk.states(batch), trunk.embed(batch)
        for first in range(trunk.n_layers + 1):
            torch.testing.assert_close(trunk.finish(below, batch, first), whole)
            if first < trunk.n_layers:
                below = trunk.through(below, batch, first, first + 1)


def test_the_last_layer_is_computed_for_targets_alone():
    """Of 200 places two carry a target: what is left of one layer is its keys and values."""
    torch.manual_seed(0)
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(vocab_size=50, hidden_size=64, intermediate_size=128,
                         num_hidden_layers=1, num_attention_heads=4)  # fmt: skip
    model, batch = LlamaForCausalLM(config), batch_of((100, 100), share=0.0, vocabulary=50)
    flops = []
    for fused in (True, False):
        ours = task_model(model, fused=fused)
        with FlopCounterMode(display=False) as counter:
            ours.states(batch).sum().backward()
        flops.append(counter.get_total_flops())
    products = 4 * 64 * 64 + 3 * 64 * 128
    assert flops[0] < 1.2 * flops[1] * (2 * 64 * 64) / products


def test_nothing_is_kept_of_what_no_gradient_goes_through():
    model, batch = network(), batch_of()
    Freeze(layers=1).apply(model)
    ours = task_model(model.train())
    assert ours.trunk.first_trained == 2
    kept = []

    def note(tensor):
        kept.append(tensor)
        return tensor

    below = ours.trunk.embed(batch)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        found = ours.trunk.through(below, batch, 0, 2)
    assert not kept and not found.requires_grad
    assert ours.trunk.finish(found, batch, 2).requires_grad


def test_a_cached_cast_follows_its_weight():
    model, batch = adapted(), batch_of()
    ours = task_model(model)
    weight = model.model.layers[0].self_attn.q_proj.base.weight
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        before = ours.states(batch)
        held = ours.trunk.weights.cast(weight)
        assert held.dtype == torch.bfloat16 and ours.trunk.weights.cast(weight) is held
        weight.mul_(2)
        assert not torch.equal(ours.states(batch), before)
        weight.mul_(0.5)
        assert torch.equal(ours.states(batch), before)
        assert ours.head.weight.dtype == torch.bfloat16
    assert ours.head.weight is model.lm_head.weight


def test_a_frozen_head_is_cast_once_by_either_forward():
    for is_fused in (True, False):
        ours = task_model(adapted(), fused=is_fused)
        with torch.autocast("cpu", torch.bfloat16):
            held = ours.head.weight
            assert held.dtype == torch.bfloat16
            assert ours.head.weight is held


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_activations_computed_again_give_the_same(dropout):
    model, batch = adapted(dropout), batch_of()
    ours = task_model(model)
    found = []
    for recomputes in (False, True):
        if recomputes:
            recompute_activations(model)
        torch.manual_seed(7)
        loss = ours(batch).total
        found.append((loss.detach(), gradients(model, loss)))
    torch.testing.assert_close(found[1][0], found[0][0])
    assert_alike(found[1][1], found[0][1])


def test_dropout_is_drawn_anew_and_off_in_use():
    model, batch = adapted(0.3), batch_of()
    ours = task_model(model)

    def states(seed):
        torch.manual_seed(seed)
        return ours.states(batch)

    with torch.no_grad():
        assert torch.equal(states(1), states(1))
        assert not torch.equal(states(1), states(2))
        model.eval()
        torch.testing.assert_close(states(1), task_model(model, fused=False).states(batch), **CLOSE)


def test_noise_on_embeddings_is_that_of_the_padded_rows():
    model, batch = network().train(), batch_of()
    add_embedding_noise(model, 5.0)
    found = []
    for fused in (True, False):
        torch.manual_seed(3)
        loss = task_model(model, fused=fused)(batch).total
        found.append(gradients(model, loss))
    assert_alike(*found)


def test_with_its_adapter_off_it_answers_as_the_base_does():
    model, batch = adapted(), batch_of()
    ours = task_model(model.eval())
    with torch.no_grad(), adapter_off(model):
        found = ours.states(batch)
        torch.testing.assert_close(found, task_model(network().eval()).states(batch), **CLOSE)


def test_a_batch_without_a_target_has_no_states():
    batch = replace(batch_of(), target_rows=torch.zeros(0, dtype=torch.int64))
    assert task_model(network()).states(batch).shape == (0, 32)


def test_rows_that_are_longer_than_attention_looks_back_go_another_way():
    model = network("mistral")
    model.config.sliding_window = 20
    ours, batch = task_model(model), batch_of((30, 12))
    assert not ours.trunk.takes(batch) and ours.trunk.takes(batch_of((20, 12)))
    assert not ours.trunk.takes(line_of((15, 6), (-1, 0), 0)[0])
    loss = ours(batch).total
    torch.testing.assert_close(loss, their_loss(model, batch), **CLOSE)


def test_what_it_cannot_take_is_told():
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "head_dim": 16}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 97}
    gemma = GemmaForCausalLM(GemmaConfig(**small, **heads))
    with pytest.raises(ModelError, match="type 'gemma'"):
        Trunk.over(gemma)
    ours = task_model(gemma)
    assert ours.trunk is None and "gemma" in ours.unfused_because
    torch.testing.assert_close(ours(batch_of()).total, their_loss(gemma, batch_of()), **CLOSE)
    hooked = network()
    hooked.model.layers[1].mlp.register_forward_hook(lambda *given: None)
    assert task_model(hooked).unfused_because == "layers.1.mlp has a hook"
    dropped = network()
    dropped.config.attention_dropout = 0.1
    assert "attention_dropout=0.1" in task_model(dropped).unfused_because
    assert task_model(network(), fused=False).unfused_because == "train.fused=false"
