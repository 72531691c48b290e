"""A batch goes to a device whole, whatever it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tunesmith.model.batch import Batch  # noqa: E402
from tunesmith.model.below import Below  # noqa: E402

CPU, META = torch.device("cpu"), torch.device("meta")


def tensors_of(held: Any, name: str = "batch") -> Iterator[tuple[str, Any]]:
    """Every tensor in it by its place, so that one added later is asked for too."""
    if isinstance(held, torch.Tensor):
        yield name, held
    elif isinstance(held, Mapping):
        for key, value in held.items():
            yield from tensors_of(value, f"{name}.{key}")
    elif is_dataclass(held):
        for field in fields(held):
            yield from tensors_of(getattr(held, field.name), f"{name}.{field.name}")


def full_batch() -> Batch:
    plain = Batch(
        torch.arange(5)[None],
        torch.tensor([1, 3]),
        {"labels": torch.tensor([2, 4]), "weights": torch.ones(2)},
        n_targets=2,
        n_tokens=5,
        lengths=(3, 2),
        position_ids=torch.tensor([[0, 1, 2, 0, 1]]),
        cu_seqlens=torch.tensor([0, 3, 5], dtype=torch.int32),
        parents=(-1, 0),
        below=Below(torch.randn(5, 4), 1),
    )
    return replace(plain, beside=replace(plain, input_ids=plain.input_ids + 1))


def test_all_of_it_goes_over_kept_states_too():
    batch = full_batch()
    before, after = dict(tensors_of(batch)), dict(tensors_of(batch.to(META)))
    assert len(after) == 14 and after.keys() == before.keys()
    assert {name for name, t in after.items() if t.device != META} == set()
    assert {name for name in after if after[name].shape != before[name].shape} == set()
    assert {name for name in after if after[name].dtype != before[name].dtype} == set()


def test_what_is_there_already_stays_as_it_is():
    batch = full_batch()
    assert batch.to(CPU) is batch
    same = dict(tensors_of(batch.pinned(CPU)))
    assert all(tensor is same[name] for name, tensor in tensors_of(batch))
