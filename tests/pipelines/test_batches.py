"""How a run's steps are divided is measured once, kept, and part of the run."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.cache import cache_dir, entry  # noqa: E402
from tunesmith.core.runs import METRICS, Run  # noqa: E402
from tunesmith.pipelines import batches  # noqa: E402
from tunesmith.pipelines.batches import FILE, KIND, Measuring, measured, processor_name  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training import probe  # noqa: E402
from tunesmith.training.batching import FIXED_TOKENS, MOST_FIXED_TOKENS, Batching  # noqa: E402
from tunesmith.training.checkpoint import load_state, newest_checkpoint  # noqa: E402
from tunesmith.training.loop import Trainer  # noqa: E402
from tunesmith.training.taken import read  # noqa: E402
from tunesmith.training.trial_passes import TrialPasses  # noqa: E402

FIXED = Batching(True, 16, 1024, why_tokens="fixed for a cpu")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))


class Machine:
    """A machine whose speed is known, and that counts what is asked of it."""

    def __init__(self, **speeds):
        self.speeds = {int(size[1:]): speed for size, speed in speeds.items()}
        self.n_passes = 0

    def speed(self, size):
        self.n_passes += 1
        return self.speeds[size]

    def measuring(self, **facts):
        return Measuring(facts, tuple(self.speeds), self.speed)


def test_what_is_measured_is_kept_and_not_measured_again():
    first, other = Machine(_256=1000.0, _512=2000.0), Machine(_256=2000.0, _512=1000.0)
    found = measured(FIXED, first.measuring(processor="x"))
    assert (
        found.tokens_at_once == 512 and "probe: tokens/s 1,000 at 256, 2,000 at 512" in found.told
    )
    assert measured(FIXED, other.measuring(processor="x")) == found
    assert other.n_passes == 0
    assert measured(FIXED, other.measuring(processor="y")).tokens_at_once == 256


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"tokens_per_s": []}', '{"tokens_per_s": {"7": 1}}',
             '{"tokens_per_s": {"256": "fast"}}', '{"tokens_per_s": 3}', "\udcff"],
)  # fmt: skip
def test_what_is_damaged_is_measured_again_and_told(text, capsys):
    machine = Machine(_256=1000.0, _512=2000.0)
    found = measured(FIXED, machine.measuring())
    file = entry(KIND, machine.measuring().key) / FILE
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    machine.n_passes = 0
    assert measured(FIXED, machine.measuring()) == found
    assert machine.n_passes == 4
    assert "is damaged" in capsys.readouterr().err
    assert measured(FIXED, machine.measuring()) == found
    assert machine.n_passes == 4 and not capsys.readouterr().err


def test_what_cannot_be_kept_is_not_used_because_the_next_run_would_differ(capsys):
    cache_dir().write_text("a file where the cache would be")
    found = measured(FIXED, Machine(_256=1000.0, _512=2000.0).measuring())
    assert found.tokens_at_once == 1024 and "cannot be kept" in found.told
    told = capsys.readouterr().err
    assert "cannot be kept, and so is not used" in told and "TUNESMITH_CACHE" in told


def test_of_two_processes_that_measure_at_once_the_first_counts_for_both(monkeypatch):
    """The lock is of an open file, so threads stand for processes here."""
    first, second = Machine(_256=1000.0, _512=2000.0), Machine(_256=2000.0, _512=1000.0)
    waits, found = threading.Event(), []
    monkeypatch.setattr(batches, "tell", lambda text: waits.set())
    other = threading.Thread(target=lambda: found.append(measured(FIXED, second.measuring())))

    def while_the_other_waits(size):
        if not waits.is_set():
            other.start()
            assert waits.wait(20)
        return first.speed(size)

    mine = measured(FIXED, Measuring({}, (256, 512), while_the_other_waits))
    other.join(20)
    assert found == [mine]
    assert mine.tokens_at_once == 512
    assert second.n_passes == 0


def test_no_memory_for_the_smallest_leaves_it_to_training_to_say_so():
    found = measured(FIXED, Machine(_256=None, _512=None).measuring())
    assert found.tokens_at_once == 256
    found = measured(FIXED, Machine(_256=900.0, _512=None).measuring(processor="y"))
    assert found.tokens_at_once == FIXED.tokens_at_once and "too much memory" in found.told


def test_the_processor_has_a_name(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor : 0\nmodel name\t: Fast 9000\n")
    assert processor_name(tmp_path / "cpuinfo") == "Fast 9000"
    assert processor_name(tmp_path / "none")


@pytest.fixture
def open_fields(recipe_fields):
    """A recipe that leaves its micro-batches open."""
    fields = {**recipe_fields, "train": {**recipe_fields["train"], "epochs": 2}}
    del fields["train"]["micro_batch_size"]
    return fields


@pytest.fixture
def worth_it(monkeypatch):
    """Has the shortest run measured, in sizes of its steps, on a machine of known speed."""
    speeds = {64: 1e4, 128: 3e4, 256: 2e4}
    asked = []

    def speed(self, size):
        real(self, size)
        asked.append(size)
        return speeds[size]

    real = TrialPasses.speed
    monkeypatch.setattr(TrialPasses, "speed", speed)
    monkeypatch.setitem(probe.SIZES, "cpu", tuple(speeds))
    monkeypatch.setitem(FIXED_TOKENS, "cpu", 8)  # 192 for this width, less than what is tried
    monkeypatch.setattr(probe, "SHARE", 1e9)
    return speeds, asked


def built(fields, **settings):
    recipe = make_recipe({**fields, "train": {**fields["train"], **settings}})
    return build_trainer(recipe, prepare(recipe), None)


def test_a_short_run_is_not_measured(open_fields):
    batching = built(open_fields).batching
    assert batching.tokens_at_once == MOST_FIXED_TOKENS  # its states are narrow
    assert "too little to do for a probe" in batching.told
    assert not (cache_dir() / KIND).exists()


def test_a_long_run_is_measured_once_and_leaves_no_trace(open_fields, worth_it):
    plain = built(open_fields, tokens_at_once=128)
    random = torch.get_rng_state()
    for _ in range(2):
        trainer = built(open_fields)
        assert trainer.batching.tokens_at_once == 128
        assert worth_it[1] == [64, 128, 256, 64, 128, 256]
        assert torch.equal(torch.get_rng_state(), random)
        assert all(p.grad is None for p in trainer.parameters.values())
        assert all(map(torch.equal, trainer.parameters.values(), plain.parameters.values()))
    kept = [json.loads(f.read_text()) for f in (cache_dir() / KIND).rglob(FILE)]
    assert [k["facts"]["method"]["rank"] for k in kept] == [4]


def test_members_of_a_sweep_share_a_measurement_and_another_rank_has_its_own(open_fields, worth_it):
    for optim, rank in (({"lr": 1e-3}, 4), ({"lr": 1e-2}, 4), ({"lr": 1e-2}, 8)):
        built({**open_fields, "optim": optim, "method": {"name": "lora", "rank": rank}})
    assert len(worth_it[1]) == 12


def test_a_resume_goes_on_with_the_runs_micro_batches_on_another_machine(
    open_fields, worth_it, tmp_path, monkeypatch
):
    """Bitwise, with dropout, although there the cache is empty and another size is faster."""
    whole = train(make_recipe({**open_fields, "out": str(tmp_path / "whole")}))
    stopped = make_recipe({**open_fields, "out": str(tmp_path / "stopped")})
    fit = Trainer.fit
    monkeypatch.setattr(Trainer, "fit", lambda self, _=None: [fit(self, lambda s: s == 4), 1 / 0])
    with pytest.raises(ZeroDivisionError):
        train(stopped)
    monkeypatch.setattr(Trainer, "fit", fit)
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "elsewhere"))
    worth_it[0].update({64: 9e4})
    worth_it[1].clear()
    resumed = train(stopped, resume=True)
    assert not worth_it[1]
    for key in ("batching", "eval_loss_model"):
        assert resumed.summary[key] == whole.summary[key]
    assert resumed.summary["batching"]["tokens_at_once"] == 128
    assert (resumed.path / METRICS).read_bytes() == (whole.path / METRICS).read_bytes()
    place, _ = newest_checkpoint(Run(resumed.path).checkpoints)
    assert place is not None and load_state(place)["batching"]["tokens_at_once"] == 128
    # A run that is begun there has what is fastest there.
    assert built(open_fields).batching.tokens_at_once == 64


def test_a_setting_that_was_changed_counts_more_than_what_the_run_had(open_fields, tmp_path):
    begun = make_recipe({**open_fields, "out": str(tmp_path / "run")})
    train(begun, until=0.3)
    settings = {**open_fields["train"], "tokens_at_once": 200}
    changed = make_recipe({**open_fields, "train": settings, "out": str(tmp_path / "run")})
    run = train(changed, resume=True, allow_changed=["train"])
    assert run.summary["batching"]["tokens_at_once"] == 200


def taken(trainer, step):
    return read([trainer._step(step)])[0]


WAYS = {
    "one row": {"micro_batch_size": 1},
    "three rows": {"micro_batch_size": 3},
    "few tokens, padded": {"tokens_at_once": 100, "packing": False},
    "few tokens, packed": {"tokens_at_once": 100, "packing": True},
    "many tokens, packed": {"tokens_at_once": 5000, "packing": True},
    "by itself": {},
    "by itself, unfused": {"fused": False},
}


@pytest.mark.parametrize("task", ["sft", "preference"])
def test_losses_do_not_depend_on_the_batching(open_fields, tmp_path, lines, task):
    fields = {**open_fields, "method": "full", "optim": {"lr": 1e-3}}
    if task == "preference":
        rows = [
            {"prompt": f"Ask {n}", "chosen": "Yes. " * (1 + n % 4), "rejected": "No."}
            for n in range(12)
        ]
        file = str(lines(tmp_path / "pairs.jsonl", *rows))
        fields |= {"task": task, "data": {"path": file, "validation_fraction": 0}}
        fields["template"] = "alpaca"
    curves = {}
    for name, settings in WAYS.items():
        trainer = built(fields, **settings)
        curves[name] = [taken(trainer, step)["loss"] for step in range(2)]
    for name, curve in curves.items():
        assert curve == pytest.approx(curves["one row"], rel=1e-6), name


def test_padding_is_chosen_where_the_model_sees_less_far_back_than_a_row_is_long(open_fields):
    trainer = built(open_fields)
    assert trainer.batching.packs
    network: Any = trainer.model.model
    network.config.sliding_window = 20
    rows: Any = trainer.train_rows
    while hasattr(rows, "source"):
        rows = rows.source
    recipe = make_recipe({**open_fields, "train": {**open_fields["train"], "shuffle": False}})
    found = batches.batching_of(recipe, trainer.passes, rows)
    assert not found.packs and "sees 20 tokens back" in found.told


def test_out_of_memory_halves_the_tokens(open_fields, capsys):
    """Six rows in one line of 520 tokens do not go; two lines of 260 at most do, and stay."""
    fields = {**open_fields, "method": {"name": "lora", "rank": 4}}
    whole, short = (built(fields, tokens_at_once=1000, packing=True) for _ in range(2))

    def refuse(module, args):
        if args[0].input_ids.numel() > 250:
            raise MemoryError

    short.model.register_forward_pre_hook(refuse)
    expected, found = taken(whole, 0), taken(short, 0)
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert found["grad_norm"] == pytest.approx(expected["grad_norm"], rel=1e-4)
    assert short.portion.size == 260 and short.rows_at_once > 1
    told = capsys.readouterr().err
    assert f"tokens at once in training: {short.portion.size} at once from here on" in told
