"""Background: one piece of work at a time in a thread of its own; its errors come back."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Background:
    """Does what it is given while its owner goes on, and raises what went wrong when asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def start(self, work: Callable[[], None]) -> None:
        """Begins some work, once that before it is done.

        Raises:
            BaseException: whatever the work before it raised.
        """
        self.wait()
        # A daemon: who leaves at once does not wait for it, as with kill -9.
        self._thread = threading.Thread(target=self._do, args=(work,), name=self.name, daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises what went wrong, if it has already; waits for nothing."""
        if self._thread is not None and not self._thread.is_alive():
            self.wait()

    def wait(self) -> None:
        """Waits for the work to be done, and raises what went wrong in it, once."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._error = error
