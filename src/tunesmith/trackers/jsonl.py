"""JSON lines: one line per step and evaluation; always on.

``metrics.jsonl`` holds what a repeated run repeats to the byte, ``times.jsonl`` what it does not,
``samples.jsonl`` the answers that are kept, one line each.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, TextIO

from tunesmith.core.runs import METRICS, SAMPLES, TIMES
from tunesmith.trackers.tracker import OpenTracker, Tracker


class JSONLines(Tracker):
    """Writes figures into the run's directory."""

    name: Literal["jsonl"] = "jsonl"

    def open(self, folder: Path, *, n_steps: int, from_step: int) -> OpenTracker:
        """Begins to write; lines of steps after ``from_step`` are taken back first."""
        return _Lines(
            _continued(folder / METRICS, from_step),
            _continued(folder / TIMES, from_step),
            _continued(folder / SAMPLES, from_step),
        )


class _Lines(OpenTracker):
    def __init__(self, metrics: TextIO, times: TextIO, answers: TextIO) -> None:
        self.metrics, self.times, self.answers = metrics, times, answers

    def step(self, values: dict[str, Any]) -> None:
        self._write("train", values)

    def evaluation(self, values: dict[str, Any]) -> None:
        self._write("eval", values)

    def samples(self, step: int, samples: list[dict[str, Any]]) -> None:
        for sample in samples:
            line = {"step": step, **sample}
            self.answers.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.answers.flush()

    def close(self, *, finished: bool) -> None:
        self.metrics.close()
        self.times.close()
        self.answers.close()

    def _write(self, kind: str, values: dict[str, Any]) -> None:
        same = {"kind": kind, **{k: v for k, v in values.items() if k != "seconds"}}
        time = {"kind": kind, "step": values["step"], "seconds": round(values["seconds"], 4)}
        for file, line in ((self.metrics, same), (self.times, time)):
            file.write(json.dumps(line) + "\n")
            file.flush()


def _continued(file: Path, from_step: int) -> TextIO:
    if file.is_file():
        # A crash can leave half a last line, and lines of steps that were not saved.
        kept: list[str] = []
        for line in file.read_text("utf-8").splitlines(keepends=True):
            if line.endswith("\n") and json.loads(line)["step"] <= from_step:
                kept.append(line)
        draft = file.with_suffix(".draft")
        draft.write_text("".join(kept), "utf-8")
        draft.replace(file)
    return file.open("a", encoding="utf-8")
