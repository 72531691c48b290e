"""Send: one HTTP request and its streamed answer; no retries here."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any

from tunesmith.chat.api_key import ApiKey
from tunesmith.chat.chat_model import Completion
from tunesmith.chat.endpoint import Endpoint
from tunesmith.chat.patience import Patience
from tunesmith.chat.reply_faults import Fault, Passing, TooMany, Unanswerable, fault_of
from tunesmith.chat.reply_stream import ReplyStream
from tunesmith.core.errors import EndpointError
from tunesmith.core.extras import require

if TYPE_CHECKING:
    import httpx

PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables of the environment that httpx goes by; the former in small letters too."""


async def send(
    client: httpx.AsyncClient,
    body: Mapping[str, Any],
    patience: Patience,
    *,
    n_prompt_tokens: int,
    on_headers: Callable[[int, Mapping[str, str]], None],
    give: Callable[[str], None] | None = None,
) -> Completion | Fault:
    """Asks once.

    Args:
        client: of :func:`open_client`.
        body: of the request.
        patience: how long is waited.
        n_prompt_tokens: estimate of the prompt, where the endpoint does not count.
        on_headers: is given the answer's status and headers, names in small letters, as soon as
            they come.
        give: is given the text as it comes. What was given cannot be taken back, so a fault
            behind it is one that cannot be tried again.
    """
    import httpx

    reply, started, n_given = ReplyStream(), time.monotonic(), 0
    fault: Fault | None = None
    try:
        async with (
            asyncio.timeout(patience.answer_s),
            client.stream("POST", "/chat/completions", json=body) as answer,
        ):
            headers = dict(answer.headers)
            on_headers(answer.status_code, headers)
            if answer.status_code != 200:
                text = (await answer.aread()).decode("utf-8", "replace")
                return fault_of(answer.status_code, headers, text)
            if "event-stream" in headers.get("content-type", ""):
                # Read to the end even behind [DONE]: else the connection could not be used again.
                async for line in _lines(answer):
                    piece = reply.take_line(line)
                    if piece and give is not None:
                        n_given += len(piece)
                        give(piece)
            else:
                piece = reply.take_whole((await answer.aread()).decode("utf-8"))
                if piece and give is not None:
                    give(piece)
    except httpx.ConnectError as error:
        return Passing(name_of(error), is_unreachable=True)
    except httpx.TimeoutException:
        fault = Passing(f"no byte for {patience.idle_s:g} s")
    except httpx.RequestError as error:  # what broke on the way, or cannot be unpacked
        fault = Passing(name_of(error))
    except TimeoutError:
        fault = Passing(f"no whole answer within {patience.answer_s:g} s")
    except UnicodeDecodeError:
        fault = Passing("the answer is no UTF-8")
    found = reply.close()
    fault = found if reply.is_over or reply.fault else fault or found
    if fault is None:
        return _completion(reply, n_prompt_tokens, time.monotonic() - started)
    if n_given and isinstance(fault, Passing | TooMany):
        return Unanswerable(f"the answer broke off after {n_given:,} characters: {fault.reason}")
    return fault


def open_client(
    endpoint: Endpoint, key: ApiKey | None, patience: Patience, at_once: int
) -> httpx.AsyncClient:
    """An HTTP client with our timeouts and no retries of its own.

    Raises:
        MissingExtraError: httpx is not installed.
        EndpointError: its address, or a proxy or certificates that the environment names, cannot
            be used.
    """
    require("httpx", extra="hosted", purpose="Asking a hosted model")
    import httpx

    try:
        return httpx.AsyncClient(
            base_url=endpoint.url,
            headers={} if key is None else {"Authorization": key.header()},
            timeout=httpx.Timeout(patience.idle_s, connect=min(15.0, patience.idle_s), pool=None),
            limits=httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once),
            # A proxy of the environment would not find what is on this machine.
            trust_env=not endpoint.is_here,
        )
    except (ImportError, httpx.InvalidURL, ValueError, OSError) as error:
        # Messages may repeat an address with its password, so kinds are told, and no words.
        raise EndpointError(f"{endpoint}: {_why_no_client(error)}") from None


def _why_no_client(error: Exception) -> str:
    """Fact and next step."""
    if isinstance(error, OSError):
        named = [name for name in CERTIFICATES if os.environ.get(name)]
        return (
            f"the certificates that {' and '.join(named) or 'this machine'} names cannot be read "
            f"({error.strerror or type(error).__name__}). Name a file that is there, or unset it."
        )
    proxies = [name for name in PROXIES if os.environ.get(name) or os.environ.get(name.lower())]
    if isinstance(error, ImportError):
        return (
            f"{' and '.join(proxies) or 'the environment'} names a SOCKS proxy, which needs a "
            "further package. Install it with: pip install 'httpx[socks]'; or unset it, or put "
            "the host into NO_PROXY."
        )
    if proxies:
        return (
            f"the address, or the proxy that {' and '.join(proxies)} names, cannot be used "
            f"({type(error).__name__}). Write https://HOST/v1#MODEL and http://HOST:PORT for the "
            "proxy, or unset that."
        )
    return f"the address cannot be used ({type(error).__name__}). Write https://HOST/v1#MODEL."


def name_of(error: Exception) -> str:
    """What went wrong on the way, in a few words."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


async def _lines(answer: httpx.Response) -> AsyncIterator[str]:
    """Lines of an event stream.

    httpx's own ``aiter_lines`` also parts at U+2028 and U+0085, which JSON may hold as they are.
    """
    rest = b""
    async for block in answer.aiter_bytes():
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r").decode("utf-8")
    if rest:
        yield rest.decode("utf-8")


def _completion(reply: ReplyStream, n_prompt_about: int, latency_s: float) -> Completion:
    n_prompt, n_answer = reply.n_tokens("prompt_tokens"), reply.n_tokens("completion_tokens")
    return Completion(
        reply.text or reply.refusal,
        reply.finish_reason,
        n_prompt_about if n_prompt is None else n_prompt,
        len(reply.text.encode("utf-8", "replace")) // 3 if n_answer is None else n_answer,
        model=reply.model,
        latency_s=latency_s,
    )
