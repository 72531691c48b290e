"""States of rows, kept and read again."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tunesmith.training.activations import (  # noqa: E402
    COLUMNS,
    MARKER,
    STATES,
    Activations,
    ActivationWriter,
    Layout,
)

N_STATES = (3, 1, 4)


def layout(dtype: torch.dtype, width: int = 5) -> Layout:
    digests = np.arange(len(N_STATES) * 16, dtype=np.uint8).reshape(-1, 16)
    return Layout(digests, np.cumsum([0, *N_STATES]), width, dtype)


def written(folder, dtype=torch.float32):
    given = [torch.randn(n, 5).to(dtype) for n in N_STATES]
    writer = ActivationWriter(layout(dtype), folder)
    for states in given:
        writer.add(states)
    return given, writer.done({"of": "a test"})


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("on_disk", [True, False])
def test_what_is_kept_comes_back_to_the_bit(tmp_path, dtype, on_disk):
    given, kept = written(tmp_path if on_disk else None, dtype)
    found = Activations.open(tmp_path, print) if on_disk else kept
    assert found is not None
    assert found.layout.dtype == dtype
    assert torch.equal(found.of([2, 0, 2]), torch.cat([given[2], given[0], given[2]]))
    assert found.layout.places()[layout(dtype).digests[1].tobytes()] == 1
    assert found.layout.n_bytes == 8 * 5 * dtype.itemsize
    assert found.sha256 == kept.sha256


def test_numbers_that_are_none_keep_their_bits(tmp_path):
    states = torch.tensor([[float("nan"), float("inf"), -0.0, 1e-40, 3.0]])
    writer = ActivationWriter(
        Layout(np.zeros((1, 16), np.uint8), np.array([0, 1]), 5, torch.float32), tmp_path
    )
    writer.add(states)
    found = writer.done({}).of([0])
    assert torch.equal(found.view(torch.int32), states.view(torch.int32))


def test_where_there_is_nothing_nothing_is_told(tmp_path):
    told: list[str] = []
    assert Activations.open(tmp_path / "none", told.append) is None
    assert told == []


@pytest.mark.parametrize("name", [STATES, COLUMNS, MARKER])
@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "empty"])
def test_damage_is_told_and_nothing_is_read(tmp_path, name, harm):
    written(tmp_path)
    file = tmp_path / name
    content = bytearray(file.read_bytes())
    if harm == "remove":
        file.unlink()
    else:
        content[len(content) // 2] ^= 1
        kept = {"flip": content, "cut": content[: len(content) // 2], "empty": b""}[harm]
        file.write_bytes(bytes(kept))
    told: list[str] = []
    found = Activations.open(tmp_path, told.append)
    if name == MARKER and harm == "flip" and found is not None:
        return  # a changed word of what is only for the reader
    assert found is None
    assert "damaged" in told[0]


def test_too_many_states_are_our_mistake(tmp_path):
    writer = ActivationWriter(layout(torch.float32), tmp_path)
    writer.add(torch.randn(3, 5))
    with pytest.raises(AssertionError):
        writer.done({})
    writer.close()
