"""ReviewServer: the page and what it asks for, on this machine and behind a token.

All routes stand under a path that nobody can guess, so no other page and no other user of the
machine can read rows or decide on them.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from tunesmith.core.errors import TunesmithError
from tunesmith.synthesize.loopback import Listener, LoopbackHandler, LoopbackServer, Refusal
from tunesmith.synthesize.review.desk import Desk
from tunesmith.synthesize.review.filters import Filter
from tunesmith.synthesize.review.page import render_page

Asked = Mapping[str, Any]
JSON = "application/json"
MOST_STEPS = 1000


def _overview(desk: Desk, asked: Asked) -> dict[str, Any]:
    return desk.overview()


def _rows(desk: Desk, asked: Asked) -> dict[str, Any]:
    return desk.brief(Filter.of(asked), _number(asked, "first"), _number(asked, "n"))


def _item(desk: Desk, asked: Asked) -> dict[str, Any]:
    context = min(_number(asked, "context"), MOST_STEPS)
    return desk.item(
        Filter.of(asked), asked.get("id", ""), asked.get("go", "here"), context=context
    )


ROUTES: dict[tuple[str, str], Callable[[Desk, Asked], dict[str, Any]] | None] = {
    ("GET", ""): None,  # the page
    ("GET", "api/overview"): _overview,
    ("GET", "api/rows"): _rows,
    ("GET", "api/item"): _item,
    ("POST", "api/decide"): Desk.decide,
    ("POST", "api/undo"): Desk.undo,
}
"""Method and path behind the token -> what answers."""


class ReviewServer(LoopbackServer):
    """A server in threads of its own; a context manager."""

    def __init__(self, desk: Desk, title: str, *, port: int = 0) -> None:
        """Takes a port at once; nothing is answered before ``start``.

        Args:
            desk: what answers.
            title: names the dataset.
            port: on the loopback address; 0: a free one.

        Raises:
            OSError: the port is taken.
        """
        self.desk = desk
        self.token = secrets.token_urlsafe(24)
        self.title = title
        super().__init__(_Http(port, self))

    @property
    def url(self) -> str:
        """Where the page is; whoever has it can decide."""
        return f"{self.origin}/{self.token}/"


class _Http(Listener):
    def __init__(self, port: int, review: ReviewServer) -> None:
        self.review = review
        super().__init__(port, _Handler)


class _Handler(LoopbackHandler):
    @property
    def review(self) -> ReviewServer:
        return cast(_Http, self.server).review

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        try:
            # Read before anything is refused: what is left would be taken for the next request.
            body = self.body() if method == "POST" else b""
            self.check_host()
            path = self._behind_token()
            if path:  # the page itself holds nothing, and may be opened from a link
                self._check_origin()
            if (method, path) not in ROUTES:
                raise Refusal(404, f"no such route: {method} {path}")
            act = ROUTES[method, path]
            if act is None:
                return self._send_page()
            asked = self._fields(body) if method == "POST" else dict(parse_qsl(self._query()))
            with self.review.desk.turn:
                answer = act(self.review.desk, asked)
            self._send(200, answer)
        except Refusal as refusal:
            self._send(refusal.status, {"error": str(refusal)})
        except TunesmithError as error:
            self._send(500, {"error": str(error)})

    def _check_origin(self) -> None:
        """Turns away what another page sent, even one that has learnt the token."""
        origin = self.headers.get("Origin")
        if origin is not None and origin != f"http://{self.headers.get('Host')}":
            raise Refusal(403, "another page cannot ask this server")
        if self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            raise Refusal(403, "another page cannot ask this server")

    def _behind_token(self) -> str:
        _, _, rest = urlsplit(self.path).path.partition("/")
        token, slash, path = rest.partition("/")
        if not slash or not hmac.compare_digest(token.encode(), self.review.token.encode()):
            raise Refusal(403, "open the address that `tunesmith data review` printed")
        return path

    def _query(self) -> str:
        return urlsplit(self.path).query

    def _fields(self, body: bytes) -> dict[str, Any]:
        # A form of another page can send text and forms without asking, but no JSON.
        if self.headers.get_content_type() != JSON:
            raise Refusal(415, f"Content-Type has to be {JSON}")
        try:
            fields = json.loads(body)
        except (ValueError, RecursionError):
            raise Refusal(400, "the request is no JSON") from None
        if not isinstance(fields, dict):
            raise Refusal(400, "the request is no JSON object")
        return fields

    def _send_page(self) -> None:
        nonce = secrets.token_urlsafe(16)
        page = render_page(self.review.title, nonce)
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
            "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'; "
            # No text can become markup in this page, not even by a mistake of ours.
            "require-trusted-types-for 'script'; trusted-types 'none'"
        )
        content = page.encode("utf-8", "replace")
        self._send_safely(200, content, "text/html; charset=utf-8", policy)

    def _send(self, status: int, answer: Asked) -> None:
        self._send_safely(status, json.dumps(answer).encode(), JSON, "default-src 'none'")

    def _send_safely(self, status: int, content: bytes, kind: str, policy: str) -> None:
        headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": policy,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
        self.send_bytes(status, content, kind, headers)


def _number(asked: Asked, name: str) -> int:
    value = asked.get(name, "0")
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise Refusal(400, f"{name} has to be a whole number")
    return int(value)
