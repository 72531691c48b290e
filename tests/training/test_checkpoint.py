from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.errors import RunError  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training import checkpoint as module  # noqa: E402
from tunesmith.training.checkpoint import (  # noqa: E402
    Checkpoint,
    load_checkpoint,
    load_state,
    newest_checkpoint,
    rotate,
    save_checkpoint,
)
from tunesmith.training.snapshot import snapshot  # noqa: E402


def state(step: int) -> Checkpoint:
    return Checkpoint(
        weights={"w": torch.full((3,), float(step))},
        optimizer={"w/exp_avg": torch.zeros(3)},
        random={"cpu": torch.get_rng_state()},
        state={"step": step},
    )


def test_what_is_loaded_is_what_was_saved(tmp_path):
    place = save_checkpoint(tmp_path, 3, state(3))
    found = load_checkpoint(place)
    assert found.state == {"step": 3}
    assert torch.equal(found.weights["w"], torch.full((3,), 3.0))


@pytest.mark.parametrize("name", ["weights.safetensors", "state.json", "random.safetensors"])
def test_fault_7_a_damaged_checkpoint_is_set_aside_for_the_one_before(tmp_path, name):
    save_checkpoint(tmp_path, 1, state(1))
    file = save_checkpoint(tmp_path, 2, state(2)) / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    place, [note] = newest_checkpoint(tmp_path)
    assert place is not None
    assert place.name == "step-00000001"
    assert note == (
        f"step-00000002 is damaged ({name} is not what was written); "
        "set aside as damaged-step-00000002."
    )


def test_fault_2_a_crash_at_any_file_leaves_the_one_before(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, 1, state(1))
    flushed = module.flush
    for crash_at in range(8):
        calls = 0

        def flush_or_die(path, crash_at=crash_at):
            nonlocal calls
            calls += 1
            if calls > crash_at:
                raise KeyboardInterrupt
            flushed(path)

        monkeypatch.setattr(module, "flush", flush_or_die)
        with suppress(KeyboardInterrupt):
            save_checkpoint(tmp_path, 2, state(2))
        place, _ = newest_checkpoint(tmp_path)
        assert place is not None
        assert load_checkpoint(place).state["step"] in (1, 2)
        assert place.name == f"step-{load_checkpoint(place).state['step']:08d}"


def test_fault_5_a_full_disk_keeps_the_one_before_and_gives_both_figures(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, 1, state(1))

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "save_file", full)
    with pytest.raises(RunError, match=r"disk is full: .* needs 0\.0 MB, [\d.]+ MB are free"):
        save_checkpoint(tmp_path, 2, state(2))
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000001"]


def test_fault_13_rotation_goes_by_step_and_spares_the_best(tmp_path):
    for step in range(1, 6):
        place = save_checkpoint(tmp_path, step, state(step))
        os.utime(place, (2e9 - step, 2e9 - step))
    rotate(tmp_path, keep=2, best_step=1)
    assert sorted(p.name[-1] for p in tmp_path.iterdir()) == ["1", "4", "5"]


@pytest.mark.parametrize("key", [None, *module.NEEDED_STATE])
def test_what_another_version_left_out_is_named(tmp_path, recipe_fields, key):
    """All that restoring asks for is asked for before; a whole state is taken."""
    recipe = make_recipe(recipe_fields)
    made = snapshot(build_trainer(recipe, prepare(recipe), None))
    state = {**made.state, "identity": {}}
    assert state.keys() == {*module.NEEDED_STATE, "best_step"}
    state.pop(key, None)
    place = save_checkpoint(tmp_path, 1, replace(made, state=state))
    if key is None:
        assert load_state(place) == state
        return
    with pytest.raises(RunError, match=f"holds no '{key}'; it was made by another version"):
        load_state(place)
