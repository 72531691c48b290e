"""Handler: one caller's requests, answered as the script plans it: reply, refusal or fault."""

from __future__ import annotations

import json
import math
import socket
import struct
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from tunesmith.synthesize.loopback import LoopbackHandler, Refusal
from tunesmith.synthesize.teacher.protocol import (
    Json,
    asked_of,
    error_body,
    events,
    fields_of,
    message_of,
    n_prompt_tokens,
    not_taken,
    shared_fields,
    usage,
)
from tunesmith.synthesize.teacher.script import Asked, Fault, Reply, message_key

if TYPE_CHECKING:
    from tunesmith.synthesize.teacher.server import Connections, TeacherServer


class Handler(LoopbackHandler):
    """One connection; its server knows the teacher."""

    @property
    def http(self) -> Connections:
        """The server that took the connection."""
        return cast("Connections", self.server)

    @property
    def teacher(self) -> TeacherServer:
        """Who answers."""
        return self.http.teacher

    def do_GET(self) -> None:
        """Lists the models."""
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
        """Answers a chat completion."""
        try:
            body = self.body()
            self._check_caller()
            if urlsplit(self.path).path != "/v1/chat/completions":
                raise Refusal(404, f"no such route: POST {self.path}", "not_found")
            self._answer(fields_of(body))
        except Refusal as refusal:
            self._send_refusal(refusal)

    def _check_caller(self) -> None:
        self.check_host()
        key = self.teacher.key
        if key is not None and self.headers.get("Authorization") != f"Bearer {key}":
            raise Refusal(401, "Incorrect API key provided.", "invalid_api_key")

    def _answer(self, fields: Json) -> None:
        teacher = self.teacher
        key = message_key(fields["messages"])
        asked = asked_of(fields)
        refused = not_taken(
            asked, takes_schema=teacher.takes_schema, takes_tools=teacher.takes_tools
        )
        # What is not understood is not one of the times that the script has acts for.
        n_before, n_in_flight = teacher.ledger.begin("" if refused else key)
        try:
            asked = replace(asked, n_before=n_before)
            act = self._limited(asked) or refused or teacher.script.play(asked)
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
        message, reason = message_of(asked, reply), reply.finish_reason
        choice = {"index": 0, "message": message, "finish_reason": reason}
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
                self.send_head(200, {"Content-Type": "application/json", "Content-Length": "5000"})
                self.wfile.write(b'{"id": "chatcmpl-1", "choices": [{"mess')
            case "garbage":
                self.send_bytes(200, b"<html>not what was asked for</html>", "application/json")
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
        self.send_head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})

    def _chunk(self, event: bytes) -> None:
        self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")

    def _send_refusal(self, refusal: Refusal) -> None:
        error = error_body(str(refusal), refusal.status, refusal.code, None)
        self._send(refusal.status, error, refusal.headers)

    def _send(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        self.send_bytes(status, content, "application/json", headers)

    def send_head(self, status: int, headers: Mapping[str, str]) -> None:
        """Adds what is left of the limits."""
        for kind, allowance in self.teacher.limits.items():
            headers = {**allowance.headers(kind), **headers}
        super().send_head(status, headers)
