"""Service: a tracker that is a server or a library which may be slow, down or hanging.

Records go through a thread of their own, so that the loop never waits. The run's own files are the
buffer: ``trackers/NAME.json`` says how far the service has them, and whatever it lacks is sent when
it is back, or when the run is resumed.
"""

from __future__ import annotations

import json
import threading
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import yaml

from tunesmith.core.runs import METRICS, RECIPE, SAMPLES, TIMES
from tunesmith.trackers.guarded import one_line, tell
from tunesmith.trackers.tracker import OpenTracker, Tracker

FOLDER = "trackers"
CLOSE_WAIT_S = 20.0
"""How long the end of a run waits for a service."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
"""Between attempts; doubles each time."""
RECORDS_AT_ONCE = 200

Kind = Literal["train", "eval", "samples"]


@dataclass(frozen=True, slots=True)
class Record:
    """One step, evaluation or list of samples."""

    kind: Kind
    step: int
    values: dict[str, Any] = field(default_factory=dict)
    samples: tuple[dict[str, Any], ...] = ()


class Connection(Protocol):
    """A run that is open at a service."""

    @property
    def id(self) -> str:
        """The service's own name of the run."""
        ...

    def send(self, records: Sequence[Record]) -> None:
        """Hands records over; whatever it raises means that none was taken."""

    def close(self, *, finished: bool) -> None:
        """Ends the run there."""


class Service(Tracker):
    """A tracker behind a library of its own."""

    def open(self, folder: Path, *, n_steps: int, from_step: int) -> OpenTracker:
        """Begins to send, what the service lacks of a resumed run first."""
        return Sender(self.name, folder, lambda run_id: self.connect(folder, run_id))

    def has_leftovers(self, folder: Path) -> bool:
        """Whether the service lacks records of a run."""
        sent = Sent.load(folder / FOLDER / f"{self.name}.json")
        return any(sent.lacks(record) for record in kept_records(folder))

    @abstractmethod
    def connect(self, folder: Path, run_id: str | None) -> Connection:
        """Opens the run at the service; called in the sending thread, again after a failure.

        Args:
            folder: the run's directory.
            run_id: of the run that is gone on with; None: a new one.
        """


@dataclass
class Sent:
    """How far a service has a run's records."""

    id: str | None = None
    train: int = -1
    eval: int = -1
    samples: int = -1

    @classmethod
    def load(cls, file: Path) -> Sent:
        """What was kept, or a new beginning."""
        return cls(**json.loads(file.read_text("utf-8"))) if file.is_file() else cls()

    def save(self, file: Path) -> None:
        """Keeps it, whole or not at all."""
        file.parent.mkdir(exist_ok=True)
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(self)) + "\n", "utf-8")
        draft.replace(file)

    def lacks(self, record: Record) -> bool:
        """Whether a record is still to be sent; a repeated step is the same again."""
        return record.step > getattr(self, record.kind)

    def has(self, records: Sequence[Record]) -> None:
        """Notes that records were taken."""
        for record in records:
            setattr(self, record.kind, max(record.step, getattr(self, record.kind)))


class Sender(OpenTracker):
    """Hands records to a service in the background."""

    def __init__(
        self, name: str, folder: Path, connect: Callable[[str | None], Connection]
    ) -> None:
        """Starts the thread, with what earlier processes could not send.

        Args:
            name: of the tracker.
            folder: the run's directory, whose files hold no step that is not kept.
            connect: opens the run at the service, given its id there if it has one.
        """
        self.name = name
        self.file = folder / FOLDER / f"{name}.json"
        self.connect = connect
        self.sent = Sent.load(self.file)
        self.waiting = [record for record in kept_records(folder) if self.sent.lacks(record)]
        self.changed = threading.Condition()
        self.closing = threading.Event()
        self.finished = False
        self.was_told = False
        self.is_given_up = False
        self.thread = threading.Thread(target=self._work, name=f"tracker-{name}", daemon=True)
        self.thread.start()

    def step(self, values: dict[str, Any]) -> None:
        """Passes a step on."""
        kept = {key: value for key, value in values.items() if key != "rows"}
        self._add(Record("train", values["step"], kept))

    def evaluation(self, values: dict[str, Any]) -> None:
        """Passes an evaluation on."""
        self._add(Record("eval", values["step"], values))

    def samples(self, step: int, samples: list[dict[str, Any]]) -> None:
        """Passes answers on."""
        self._add(Record("samples", step, samples=tuple(samples)))

    def close(self, *, finished: bool) -> None:
        """Waits for the last records, but not for ever."""
        self.finished = finished
        self.closing.set()
        with self.changed:
            self.changed.notify()
        self.thread.join(CLOSE_WAIT_S)
        with self.changed:
            n_left = len(self.waiting)
            self.is_given_up = True
        if n_left:
            tell(
                f"tracker {self.name!r} did not take {n_left} records. They are in the run's "
                f"directory, and are sent by: tunesmith train "
                f"{self.file.parent.parent / RECIPE} --resume"
            )

    def _add(self, record: Record) -> None:
        with self.changed:
            if self.sent.lacks(record):
                self.waiting.append(record)
                self.changed.notify()

    def _work(self) -> None:
        connection: Connection | None = None
        pause = FIRST_WAIT_S
        while records := self._next():
            was_closing = self.closing.is_set()
            try:
                if connection is None:
                    connection = self.connect(self.sent.id)
                    self.sent.id = connection.id
                connection.send(records)
                pause = FIRST_WAIT_S
                with self.changed:
                    self.sent.has(records)
                    del self.waiting[: len(records)]
                self.sent.save(self.file)
            except Exception as error:
                connection = None
                self._tell(error)
                if was_closing:
                    return
                self.closing.wait(pause)
                pause = min(2 * pause, LONGEST_WAIT_S)
        if connection is not None:
            try:
                connection.close(finished=self.finished)
            except Exception as error:
                self._tell(error)

    def _next(self) -> list[Record]:
        """The records to send next, when there are some; none when the run is over."""
        with self.changed:
            while not self.waiting and not self.closing.is_set():
                self.changed.wait()
            return self.waiting[:RECORDS_AT_ONCE]

    def _tell(self, error: Exception) -> None:
        if not self.was_told and not self.is_given_up:
            tell(
                f"tracker {self.name!r} cannot be reached ({one_line(error)}); training goes on, "
                "and its records are kept for it."
            )
        self.was_told = True


def kept_records(folder: Path) -> list[Record]:
    """All records of a run's own files, in the order of their steps."""
    times = {(t["kind"], t["step"]): t["seconds"] for t in _lines(folder / TIMES)}
    records: list[Record] = []
    for line in _lines(folder / METRICS):
        kind, step = line.pop("kind"), line["step"]
        line.pop("rows", None)
        if (kind, step) in times:
            line["seconds"] = times[kind, step]
        records.append(Record(kind, step, line))
    shown: dict[int, list[dict[str, Any]]] = {}
    for line in _lines(folder / SAMPLES):
        shown.setdefault(line.pop("step"), []).append(line)
    records += [Record("samples", step, samples=tuple(found)) for step, found in shown.items()]
    return sorted(records, key=lambda record: record.step)


def settings_of(folder: Path) -> dict[str, str]:
    """A run's resolved recipe as dotted keys and short texts, as services list them."""
    file = folder / RECIPE
    return dict(_flat(yaml.safe_load(file.read_text("utf-8")))) if file.is_file() else {}


def _flat(value: Any, at: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        pairs = [(f"{at}.{key}" if at else str(key), inner) for key, inner in value.items()]
        return [found for path, inner in pairs for found in _flat(inner, path)]
    return [(at, str(value)[:250])]


def _lines(file: Path) -> list[dict[str, Any]]:
    """The whole lines of a file; another tracker may be writing the last one."""
    if not file.is_file():
        return []
    lines = file.read_text("utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]
