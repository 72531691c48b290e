"""A kernel runs on a GPU where a trial there has shown that it wins, and only there."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")

from tunesmith.model.kernels import choice, trial  # noqa: E402
from tunesmith.model.kernels.cases import Case, Sizes, cases  # noqa: E402
from tunesmith.model.kernels.choice import NAMES, VARIABLE, forced  # noqa: E402

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
SMALL = Sizes(tokens=8, width=64, inner=96, heads=4, vocabulary=200, rows=8)


def case(kernel, kernel_us=1.0, plain_us=2.0, difference=1e-3):
    return {
        "kernel": kernel,
        "kernel_us": kernel_us,
        "plain_us": plain_us,
        "difference": difference,
    }


ALL = {name: case(name) for name in NAMES}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"loss": case("loss", kernel_us=2.0)}, "1.00x"),
        ({"loss": {"kernel": "loss", "failed": "no compiler"}}, "it failed: no compiler"),
        ({"loss": case("loss", difference=0.02)}, "its numbers are off by 2e-02"),
        ({"loss": case("loss", difference=float("nan"))}, "its numbers are off by nan"),
        (
            {"loss": case("loss", plain_us=3), "more": case("loss", kernel_us=9, plain_us=6)},
            "0.90x",
        ),
    ],
)
def test_what_does_not_win_does_not_run_and_the_reason_is_told(changed, why):
    assert trial.winning(ALL) == set(NAMES)
    assert trial.winning({**ALL, **changed}) == set(NAMES) - {"loss"}
    assert f"not loss ({why})" in trial.told({**ALL, **changed})


def test_a_kernel_that_wins_over_all_its_work_runs():
    mixed = {**ALL, "loss": case("loss", 3, 2), "more": case("loss", 3, 9)}
    assert "loss" in trial.winning(mixed) and "loss (1.83x)" in trial.told(mixed)
    assert trial.winning({}) == set()


def test_each_is_timed_with_its_kernel_and_without():
    seen = []

    def seconds(work):
        work()
        seen.append(choice._forced.get())
        return {"all": 1e-6, "none": 3e-6}[seen[-1]] * (1 + len(seen))

    found = trial.beside(cases(CPU, SMALL), seconds)
    assert seen == ["all", "none"] * 2 * 7
    assert {one["kernel"] for one in found.values()} == set(NAMES)
    assert all(one["difference"] < trial.MOST_APART for one in found.values())
    first = found["norm forward"]  # the better of both turns: 2 and 4 us, 9 and 15 us
    assert (first["kernel_us"], first["plain_us"]) == pytest.approx((2, 9))
    assert first["ratio"] == pytest.approx(4.5)


def test_what_fails_is_no_reason_to_fail():
    def broken():
        raise RuntimeError("PTX version is too old\nand more")

    found = trial.beside({"one": Case("norm", 1, broken)}, lambda work: 1.0)
    assert found == {"one": {"kernel": "norm", "failed": "PTX version is too old"}}


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("Triton Error [CUDA]: out of memory"),
        MemoryError(),
    ],
)
def test_a_lack_of_memory_is_no_fault_of_a_kernel(error, monkeypatch):
    def short():
        raise error

    short_cases = {"one": Case("norm", 1, short)}
    with pytest.raises(type(error)):
        trial.beside(short_cases, lambda work: 1.0)
    monkeypatch.setattr(trial, "cases", lambda device, sizes: short_cases)
    for name in ("empty_cache", "reset_peak_memory_stats"):
        monkeypatch.setattr(torch.cuda, name, lambda *given: None)
    assert trial.measured(GPU, NAMES) is None
    assert trial.measured(GPU, ["loss"]) == {}  # its cases alone


def test_values_are_compared_on_copies():
    for name, one in cases(CPU, SMALL).items():
        first, second = one.values(), one.values()
        assert all(map(torch.equal, first, second)), name
    over = cases(CPU, SMALL)["loss gradient"]
    before = over.over[0].clone()
    over.run()
    assert not torch.equal(over.over[0], before)


@pytest.fixture
def card(monkeypatch, tmp_path):
    """As if there were a GPU with Triton; the trials that were made on it."""
    made = []

    def measured(device, names):
        made.append(device)
        return {name: case(name, 3.0 if name == "norm" else 1.0) for name in names}

    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(trial, "_device_name", lambda device: "a card")
    monkeypatch.setattr(trial, "has_triton", lambda: True)
    monkeypatch.setattr(trial, "measured", measured)
    monkeypatch.setattr(trial, "_given_up", set())
    trial.winners.cache_clear()
    yield made
    trial.winners.cache_clear()


def test_a_trial_is_made_once_for_a_machine(card, monkeypatch):
    assert choice._wanted(GPU) == set()  # nothing was shown yet
    assert "not norm (0.67x)" in str(trial.settle(GPU))
    assert choice._wanted(GPU) == set(NAMES) - {"norm"}
    assert trial.settle(GPU) is None and len(card) == 1
    trial.winners.cache_clear()  # as in another process
    assert choice._wanted(GPU) == set(NAMES) - {"norm"}
    monkeypatch.setattr(trial, "_device_name", lambda device: "another card")
    trial.winners.cache_clear()
    assert choice._wanted(GPU) == set()


def test_what_cannot_be_read_is_tried_again(card, tmp_path):
    trial.settle(GPU)
    (file,) = tmp_path.rglob(trial.FILE)
    for damage in ("{", json.dumps({"norm": 3}), json.dumps([1])):
        file.write_text(damage)
        trial.winners.cache_clear()
        assert choice._wanted(GPU) == set()
        trial.settle(GPU)
        assert choice._wanted(GPU) == set(NAMES) - {"norm"}
    assert len(card) == 4


def test_what_cannot_be_kept_is_not_used(card, tmp_path, monkeypatch):
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "file" / "cache"))
    (tmp_path / "file").write_text("")
    assert "cannot be kept" in str(trial.settle(GPU))
    assert choice._wanted(GPU) == set()


def as_in_another_process():
    trial.winners.cache_clear()
    trial._given_up.clear()


def test_a_lack_of_memory_is_not_kept(card, monkeypatch):
    with monkeypatch.context() as short:
        short.setattr(trial, "measured", lambda device, names: None)
        assert "there is no memory for a trial; the next process" in str(trial.settle(GPU))
    assert trial.settle(GPU) is None and not card  # all runs of a process compute alike
    assert choice._wanted(GPU) == set()
    as_in_another_process()
    assert "not norm (0.67x)" in str(trial.settle(GPU))
    assert choice._wanted(GPU) == set(NAMES) - {"norm"}


def test_a_kernel_that_failed_is_tried_again_and_what_is_known_of_the_others_stays(
    card, monkeypatch
):
    asked = []

    def measured(device, names):
        asked.append(list(names))
        found = {name: case(name, 1.0 if len(asked) == 1 else 1.9) for name in names}
        more = {"kernel": "loss", "failed": "no compiler"}
        return found if len(asked) > 2 else {**found, "loss gradient": more}

    monkeypatch.setattr(trial, "measured", measured)
    for _ in range(2):
        told = str(trial.settle(GPU))
        assert "not loss (it failed: no compiler); the next process" in told
        assert trial.settle(GPU) is None
        assert choice._wanted(GPU) == set(NAMES) - {"loss"}
        as_in_another_process()
    assert "loss (1.05x)" in str(trial.settle(GPU))
    assert choice._wanted(GPU) == set(NAMES)
    as_in_another_process()
    assert trial.settle(GPU) is None
    assert choice._wanted(GPU) == set(NAMES)
    assert asked == [list(NAMES), ["loss"], ["loss"]]


@pytest.mark.parametrize("wanted", ["all", "none", "norm"])
def test_whoever_says_what_runs_is_obeyed_without_a_trial(card, monkeypatch, wanted):
    monkeypatch.setenv(VARIABLE, wanted)
    assert trial.settle(GPU) is None and not card
    assert choice._wanted(GPU) == choice.chosen(wanted)
    with forced("loss"):
        assert choice._wanted(GPU) == {"loss"}
    assert choice._wanted(GPU) == choice.chosen(wanted)


def test_on_a_processor_nothing_is_tried(card):
    assert trial.settle(CPU) is None and not card


def test_the_kernels_in_use_are_told_for_a_device(card, monkeypatch):
    monkeypatch.setattr(choice, "has_triton", lambda: True)
    assert choice.kernels_in_use(GPU) == []
    trial.settle(GPU)
    assert choice.kernels_in_use(GPU) == ["loss", "rotary", "swiglu"]
    monkeypatch.setenv(VARIABLE, "norm")
    assert choice.kernels_in_use(GPU) == ["norm"]
    monkeypatch.setattr(choice, "has_triton", lambda: False)
    assert choice.kernels_in_use(GPU) == []
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    assert choice.kernels_in_use(CPU) == []
