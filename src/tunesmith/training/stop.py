"""Stop: SIGTERM or SIGINT ends a run after its step, with a checkpoint; a second one at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

NOTICE = b"stopping as soon as the state is saved; once more to stop at once\n"


class StopRequest:
    """Whether somebody asked to stop, and by which signal."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self, step: int) -> bool:
        """The trainer asks after every step."""
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """What the process exits with: 128 and the signal's number."""
        return 128 + (self.signal or 0)


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """Inside, the first signal is noted; the second, of either kind, acts as without us."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request  # only the main thread may listen for signals
        return
    before = {kind: signal.getsignal(kind) for kind in (signal.SIGTERM, signal.SIGINT)}

    def note(number: int, frame: FrameType | None) -> None:
        request.signal = number
        with suppress(OSError):  # print() is not safe here
            os.write(2, NOTICE)
        for kind, handler in before.items():
            signal.signal(kind, handler or signal.SIG_DFL)

    try:
        for kind in before:
            signal.signal(kind, note)
        yield request
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
