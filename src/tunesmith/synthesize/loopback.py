"""Loopback: an HTTP server in threads of its own that answers this machine only."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import urlsplit

ADDRESS = "127.0.0.1"
NAMES = (ADDRESS, "localhost", "::1")
IDLE_S = 120.0
"""A connection that says nothing for so long is closed."""
STOPS_WITHIN_S = 0.05


class Refusal(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str, code: str | None = None, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Listener(ThreadingHTTPServer):
    """Takes connections, a thread for each, and can end them all."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, handler: type[LoopbackHandler]) -> None:
        self.connections: set[socket.socket] = set()
        self.changing = threading.Lock()
        super().__init__((ADDRESS, port), handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that goes away is no event."""

    def close_all(self) -> None:
        """Ends every connection and gives the port back."""
        with self.changing:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:  # it is closed already
                    continue
        self.server_close()


class LoopbackHandler(BaseHTTPRequestHandler):
    """What handlers of a :class:`Listener` have in common."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_S
    longest_body = 16 << 20
    """Bytes of a request."""

    def setup(self) -> None:
        """Notes the connection, so that it can be ended."""
        super().setup()
        listener = cast(Listener, self.server)
        with listener.changing:
            listener.connections.add(self.connection)

    def finish(self) -> None:
        """Forgets the connection."""
        listener = cast(Listener, self.server)
        with listener.changing:
            listener.connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing on standard error."""

    def check_host(self) -> None:
        """Turns away a page in a browser that had its own name pointed at this machine.

        Raises:
            Refusal: the caller asked for another name than this machine's own.
        """
        try:
            host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
        except ValueError:  # brackets that hold no address
            host = None
        if host not in NAMES:
            raise Refusal(403, "this server answers its own machine only")

    def body(self) -> bytes:
        """What was sent.

        Raises:
            Refusal: its length is not told, or is too great.
        """
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True
            raise Refusal(411, "Content-Length is missing")
        if len(length) > 18 or int(length) > self.longest_body:
            self.close_connection = True
            raise Refusal(413, f"the request is longer than {self.longest_body} bytes")
        return self.rfile.read(int(length))

    def send_head(self, status: int, headers: Mapping[str, str]) -> None:
        """Sends the status line and the headers."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send_bytes(
        self, status: int, content: bytes, kind: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Sends a whole answer."""
        own = {"Content-Type": kind, "Content-Length": str(len(content)), **(headers or {})}
        self.send_head(status, own)
        self.wfile.write(content)


class LoopbackServer:
    """A listener and the thread that it runs in; a context manager."""

    def __init__(self, listener: Listener) -> None:
        """Takes a listener, whose port is taken already; nothing is answered before ``start``."""
        self.stopped = threading.Event()
        self._listener = listener
        self._thread = threading.Thread(
            target=listener.serve_forever, args=(STOPS_WITHIN_S,), daemon=True
        )

    @property
    def origin(self) -> str:
        """Scheme, address and port."""
        return f"http://{ADDRESS}:{self._listener.server_address[1]}"

    def start(self) -> Self:
        """Answers from now on."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Closes all connections."""
        self.stopped.set()
        if self._thread.is_alive():
            self._listener.shutdown()
            self._thread.join()
        self._listener.close_all()

    def wait(self) -> None:
        """Waits until it is stopped or interrupted."""
        self.stopped.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
