"""TeacherServer: chat completions over HTTP as OpenAI speaks them, on this machine only.

It answers from a script, so tests can plan every reply, fault and delay; ``tunesmith teacher demo``
answers from the passage that it is shown.
"""

from __future__ import annotations

import socket
import threading
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any

from tunesmith.synthesize.teacher.account import Allowance, RequestLedger
from tunesmith.synthesize.teacher.handler import Handler
from tunesmith.synthesize.teacher.script import Script

STOPS_WITHIN_S = 0.05


class TeacherServer:
    """A server in threads of its own; a context manager.

    Attributes:
        ledger: every request and what became of it.
    """

    def __init__(
        self,
        script: Script,
        *,
        port: int = 0,
        models: tuple[str, ...] = ("teacher",),
        key: str | None = None,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        burst_s: float = 60.0,
    ) -> None:
        """Takes a port at once; nothing is answered before ``start``.

        Args:
            script: what is answered.
            port: on the loopback address; 0: a free one.
            models: names that it lists. Any other name is answered too.
            key: what callers have to show; None: anyone may ask.
            requests_per_minute: a limit, with its headers; None: no limit.
            tokens_per_minute: the same for tokens asked and to be written.
            burst_s: seconds' worth of the limits that may be used at once.

        Raises:
            OSError: the port is taken.
        """
        self.script = script
        self.models = models
        self.key = key
        self.ledger = RequestLedger()
        self.limits = {
            kind: Allowance(limit, max(1.0, limit * burst_s / 60))
            for kind, limit in (("requests", requests_per_minute), ("tokens", tokens_per_minute))
            if limit is not None
        }
        self.stopped = threading.Event()
        self._http = Connections(port, self)
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(STOPS_WITHIN_S,), daemon=True
        )

    @property
    def url(self) -> str:
        """What clients take as their base URL."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def start(self) -> TeacherServer:
        """Answers from now on."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Closes all connections."""
        self.stopped.set()
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.close_all()

    def wait(self) -> None:
        """Waits until it is stopped or interrupted."""
        self.stopped.wait()

    def __enter__(self) -> TeacherServer:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class Connections(ThreadingHTTPServer):
    """All that is open, so that it can be closed, or reset in the middle of a reply."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, teacher: TeacherServer) -> None:
        self.teacher = teacher
        self.connections: set[socket.socket] = set()
        self.to_reset: set[socket.socket] = set()
        self.changing = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that goes away is no event."""

    def shutdown_request(self, request: Any) -> None:
        """Ends a connection, or leaves it to be reset."""
        if request in self.to_reset:  # an orderly end would be sent before the reset
            self.to_reset.discard(request)
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def close_all(self) -> None:
        """Closes every connection and the port."""
        with self.changing:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:  # it is closed already
                    continue
        self.server_close()
