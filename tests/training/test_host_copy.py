"""Copies of a checkpoint hold what was, and are written when they are whole."""

from __future__ import annotations

import threading

import pytest

torch = pytest.importorskip("torch")

from tunesmith.training import recorder as module  # noqa: E402
from tunesmith.training.checkpoint import Checkpoint, load_checkpoint, newest_checkpoint  # noqa: E402
from tunesmith.training.host_copy import HostCopy  # noqa: E402
from tunesmith.training.recorder import Recorder  # noqa: E402


def checkpoint(weight):
    return Checkpoint(
        weights={"w": weight},
        optimizer={"w/exp_avg": weight.t()},
        random={"cpu": torch.get_rng_state()},
        state={"step": 1, "best_step": None},
    )


def test_a_copy_is_whole_in_one_piece_and_its_own():
    weight = torch.arange(6.0).reshape(2, 3).requires_grad_()
    copies = HostCopy()
    copy = checkpoint(weight).copied(copies)
    with torch.no_grad():
        weight.zero_()
    copies.wait()
    found = copy.weights["w"], copy.optimizer["w/exp_avg"]
    assert torch.equal(found[0], torch.arange(6.0).reshape(2, 3))
    assert torch.equal(found[1], torch.arange(6.0).reshape(2, 3).t())
    assert all(t.is_contiguous() and not t.requires_grad for t in found)


class Slow(HostCopy):
    """As from a GPU: room is there at once, values come later."""

    def __init__(self, *, pins):
        super().__init__(pins=pins)
        self.given, self.has_ended, self.arrives = [], False, threading.Event()
        made.append(self)

    def of(self, tensor):
        self.given.append((torch.full_like(tensor, 7), tensor.detach().clone()))
        return self.given[-1][0]

    def end(self):
        self.has_ended = True

    def wait(self):
        assert self.has_ended
        self.arrives.wait(timeout=60)
        for room, value in self.given:
            room.copy_(value)


made: list[Slow] = []


def test_nothing_is_written_before_the_copies_have_arrived(tmp_path, monkeypatch):
    made.clear()
    monkeypatch.setattr(module, "HostCopy", Slow)
    recorder = Recorder(tmp_path, [], keep_checkpoints=2, identity={"a": "b"})
    recorder.save(checkpoint(torch.ones(3, 3)))
    assert newest_checkpoint(tmp_path)[0] is None and not list(tmp_path.iterdir())
    made[0].arrives.set()
    recorder.settle()
    place, _ = newest_checkpoint(tmp_path)
    assert place is not None
    assert torch.equal(load_checkpoint(place).weights["w"], torch.ones(3, 3))


@pytest.mark.parametrize(("free_bytes", "pins"), [(4.1, True), (3.9, False)])
def test_pinned_memory_has_to_be_there_twice(monkeypatch, free_bytes, pins):
    """In units of the checkpoint: a copy takes half of what is free, pinned a quarter."""
    one = checkpoint(torch.ones(3, 3))
    free_mb = free_bytes * one.n_bytes / 1e6
    monkeypatch.setattr(module, "available_memory_mb", lambda: free_mb)
    found = module._copied(one)
    assert found is not None and found[1].pins is pins
