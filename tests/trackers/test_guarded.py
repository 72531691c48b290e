from __future__ import annotations

from tunesmith.trackers.guarded import Guarded
from tunesmith.trackers.tracker import OpenTracker, points


class Broken(OpenTracker):
    def __init__(self) -> None:
        self.is_broken = True
        self.taken: list[str] = []

    def step(self, values):
        if self.is_broken:
            raise OSError("no such luck")
        self.taken.append(f"step {values['step']}")

    def evaluation(self, values):
        self.taken.append(f"evaluation {values['step']}")

    def close(self, *, finished):
        self.taken.append("closed")


def test_case_25_what_a_failing_tracker_missed_is_told_to_it_again(capsys):
    broken = Broken()
    guarded = Guarded("broken", broken)
    guarded.step({"step": 1})
    guarded.evaluation({"step": 1})
    guarded.step({"step": 2})
    assert broken.taken == []
    broken.is_broken = False
    guarded.step({"step": 3})
    guarded.close(finished=True)
    assert broken.taken == ["step 1", "evaluation 1", "step 2", "step 3", "closed"]
    assert capsys.readouterr().err.splitlines() == [
        "tracker 'broken' fails (OSError: no such luck); training goes on, and its records are "
        "kept for it."
    ]


def test_case_25_a_tracker_that_never_works_is_told_of_at_the_end(capsys):
    guarded = Guarded("broken", Broken())
    guarded.step({"step": 1})
    guarded.close(finished=True)
    assert "never took 1 records; all are in metrics.jsonl" in capsys.readouterr().err


def test_points_are_all_numbers_by_kind():
    values = {"step": 3, "loss": 1.5, "n_tokens": 10, "rows": [1, 2], "seconds": 2.0}
    assert points("train", values) == {
        "train/loss": 1.5,
        "train/n_tokens": 10.0,
        "train/tokens_per_s": 5.0,
    }
    assert points("eval", {"step": 3, "eval_loss": 1.0, "rougeL": 0.5}) == {
        "eval/loss": 1.0,
        "eval/rougeL": 0.5,
    }
