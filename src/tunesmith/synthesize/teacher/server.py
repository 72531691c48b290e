"""TeacherServer: chat completions over HTTP as OpenAI speaks them, on this machine only.

It answers from a script, so tests can plan every reply, fault and delay; ``tunesmith teacher demo``
answers from the passage that it is shown.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, cast
from urllib.parse import urlsplit

from tunesmith.synthesize.teacher.account import Allowance, RequestLedger
from tunesmith.synthesize.teacher.protocol import (
    Json,
    Refusal,
    asked_of,
    error_body,
    events,
    fields_of,
    n_prompt_tokens,
    shared_fields,
    usage,
)
from tunesmith.synthesize.teacher.script import Asked, Fault, Reply, Script, message_key

LONGEST_BODY = 16 << 20
"""Bytes of a request."""
IDLE_S = 120.0
"""A connection that says nothing for so long is closed."""
STOPS_WITHIN_S = 0.05
LOOPBACK = ("127.0.0.1", "localhost", "::1")


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
        self._http = _Http(port, self)
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


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, teacher: TeacherServer) -> None:
        self.teacher = teacher
        self.connections: set[socket.socket] = set()
        self.to_reset: set[socket.socket] = set()
        self.changing = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that goes away is no event."""

    def shutdown_request(self, request: Any) -> None:
        if request in self.to_reset:  # an orderly end would be sent before the reset
            self.to_reset.discard(request)
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def close_all(self) -> None:
        with self.changing:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:  # it is closed already
                    continue
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_S

    @property
    def http(self) -> _Http:
        return cast("_Http", self.server)

    @property
    def teacher(self) -> TeacherServer:
        return self.http.teacher

    def setup(self) -> None:
        super().setup()
        with self.http.changing:
            self.http.connections.add(self.connection)

    def finish(self) -> None:
        with self.http.changing:
            self.http.connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """The ledger tells what came in."""

    def do_GET(self) -> None:
        try:
            self._check_caller()
            if urlsplit(self.path).path != "/v1/models":
                raise Refusal(404, f"no such route: GET {self.path}", "not_found")
            listed = [
                {"id": m, "object": "model", "owned_by": "tunesmith"} for m in self.teacher.models
            ]
            self._send(200, {"object": "list", "data": listed})
        except Refusal as refusal:
            self._send_refusal(refusal)

    def do_POST(self) -> None:
        try:
            body = self._body()
            self._check_caller()
            if urlsplit(self.path).path != "/v1/chat/completions":
                raise Refusal(404, f"no such route: POST {self.path}", "not_found")
            self._answer(fields_of(body))
        except Refusal as refusal:
            self._send_refusal(refusal)

    def _check_caller(self) -> None:
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
        if host not in LOOPBACK:  # a page in a browser that had its name pointed here
            raise Refusal(403, "this server answers its own machine only")
        key = self.teacher.key
        if key is not None and self.headers.get("Authorization") != f"Bearer {key}":
            raise Refusal(401, "Incorrect API key provided.", "invalid_api_key")

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self.close_connection = True
            raise Refusal(411, "Content-Length is missing")
        if int(length) > LONGEST_BODY:
            self.close_connection = True
            raise Refusal(413, f"the request is longer than {LONGEST_BODY} bytes")
        return self.rfile.read(int(length))

    def _answer(self, fields: Json) -> None:
        teacher = self.teacher
        key = message_key(fields["messages"])
        n_before, n_in_flight = teacher.ledger.begin(key)
        try:
            asked = asked_of(fields, n_before)
            limited = self._limited(asked)
            act = limited or teacher.script.play(asked)
            if isinstance(act, Reply):
                outcome = "200"
            else:
                outcome = str(act.status) if act.kind == "status" else act.kind
            teacher.ledger.note(key, asked.text, outcome, n_in_flight)
            if act.delay_s:
                teacher.stopped.wait(act.delay_s)
            if isinstance(act, Reply):
                self._reply(asked, act)
            else:
                self._go_wrong(asked, act)
        finally:
            teacher.ledger.end()

    def _limited(self, asked: Asked) -> Fault | None:
        cost = {"requests": 1.0, "tokens": float(n_prompt_tokens(asked) + (asked.max_tokens or 16))}
        for kind, allowance in self.teacher.limits.items():
            if wait := allowance.take(cost[kind]):
                message = f"Rate limit reached on {kind}. Please try again in {wait:.3f}s."
                waits = {"Retry-After": f"{math.ceil(wait)}", "retry-after-ms": f"{wait * 1e3:.0f}"}
                return Fault("status", 429, "rate_limit_exceeded", message, headers=waits)
        return None

    def _reply(self, asked: Asked, reply: Reply) -> None:
        if asked.streams:
            self._begin_stream()
            for event in events(asked, reply, shared_fields(asked, reply)):
                self._chunk(event)
            self.wfile.write(b"0\r\n\r\n")
            return
        message = {"role": "assistant", "content": reply.text, "refusal": reply.refusal}
        choice = {"index": 0, "message": message, "finish_reason": reply.finish_reason}
        whole = {**shared_fields(asked, reply), "choices": [choice], "usage": usage(asked, reply)}
        self._send(200, {**whole, "object": "chat.completion"})

    def _go_wrong(self, asked: Asked, fault: Fault) -> None:
        # A whole reply keeps its connection: one closed unannounced would fail the next request.
        self.close_connection = fault.kind not in ("status", "garbage")
        match fault.kind:
            case "status":
                error = error_body(fault.message, fault.status, fault.code, fault.param)
                self._send(fault.status, error, fault.headers)
            case "reset":
                # Linger of no length: closing sends RST rather than FIN.
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.http.to_reset.add(self.connection)
            case "half-closed":
                self._head(200, {"Content-Type": "application/json", "Content-Length": "5000"})
                self.wfile.write(b'{"id": "chatcmpl-1", "choices": [{"mess')
            case "garbage":
                self._send_bytes(200, b"<html>not what was asked for</html>", "application/json")
            case "silent":
                self.teacher.stopped.wait(fault.hold_s)
            case "hangs":
                self._begin_stream()
                self.teacher.stopped.wait(fault.hold_s)
            case "stalls":
                self._begin_stream()
                reply = Reply("the first half of an answer")
                whole = events(asked, reply, shared_fields(asked, reply))
                for event in whole[: len(whole) // 2]:
                    self._chunk(event)
                self.teacher.stopped.wait(fault.hold_s)

    def _begin_stream(self) -> None:
        self._head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})

    def _chunk(self, event: bytes) -> None:
        self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")

    def _send_refusal(self, refusal: Refusal) -> None:
        error = error_body(str(refusal), refusal.status, refusal.code, None)
        self._send(refusal.status, error, refusal.headers)

    def _send(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        self._send_bytes(status, content, "application/json", headers)

    def _send_bytes(
        self, status: int, content: bytes, kind: str, headers: Mapping[str, str] | None = None
    ) -> None:
        own = {"Content-Type": kind, "Content-Length": str(len(content)), **(headers or {})}
        self._head(status, own)
        self.wfile.write(content)

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for kind, allowance in self.teacher.limits.items():
            headers = {**allowance.headers(kind), **headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
