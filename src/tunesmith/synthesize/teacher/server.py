"""TeacherServer: chat completions over HTTP as OpenAI speaks them, on this machine only.

It answers from a script, so tests can plan every reply, fault and delay; ``tunesmith teacher demo``
answers from the passage that it is shown.
"""

from __future__ import annotations

import socket
from typing import Any

from tunesmith.synthesize.loopback import Listener, LoopbackServer
from tunesmith.synthesize.teacher.account import Allowance, RequestLedger
from tunesmith.synthesize.teacher.handler import Handler
from tunesmith.synthesize.teacher.script import Script


class TeacherServer(LoopbackServer):
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
        takes_schema: bool = True,
        takes_tools: bool = True,
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
            takes_schema: whether a request may name the schema of its reply.
            takes_tools: whether it may name a function to be called.

        Raises:
            OSError: the port is taken.
        """
        self.script = script
        self.models = models
        self.key = key
        self.takes_schema = takes_schema
        self.takes_tools = takes_tools
        self.ledger = RequestLedger()
        self.limits = {
            kind: Allowance(limit, max(1.0, limit * burst_s / 60))
            for kind, limit in (("requests", requests_per_minute), ("tokens", tokens_per_minute))
            if limit is not None
        }
        super().__init__(Connections(port, self))

    @property
    def url(self) -> str:
        """What clients take as their base URL."""
        return f"{self.origin}/v1"


class Connections(Listener):
    """All that is open, so that it can be closed, or reset in the middle of a reply."""

    def __init__(self, port: int, teacher: TeacherServer) -> None:
        self.teacher = teacher
        self.to_reset: set[socket.socket] = set()
        super().__init__(port, Handler)

    def shutdown_request(self, request: Any) -> None:
        """Ends a connection, or leaves it to be reset."""
        if request in self.to_reset:  # an orderly end would be sent before the reset
            self.to_reset.discard(request)
            self.close_request(request)
        else:
            super().shutdown_request(request)
