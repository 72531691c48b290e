"""Faults of replies: what an endpoint's error means, and what is to be done about it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from tunesmith.chat.endpoint import Endpoint

LONGEST_MESSAGE = 300
"""Characters that are repeated of what an endpoint says."""
NEVER_AGAIN = {401: "the key was refused", 402: "the account cannot pay", 403: "it is forbidden"}
PASSING = frozenset({408, 409, 425, *range(500, 600)})
OUT_OF_MONEY = ("quota", "billing", "insufficient_balance", "insufficient balance", "credit")
FILTERED = ("content_filter", "content_policy", "data_inspection_failed", "moderation")
FORM = re.compile(
    r"response_?(?:format|schema)|json_?schema|structured.outputs?|tool_choice|tool.(?:use|choice)|"
    r"\btools\b|function.?call",
    re.IGNORECASE,
)
"""What an endpoint speaks of that takes no schema or no tools."""
TOO_LONG = ("context_length", "context length", "context window", "too many tokens")
SAMPLING = ("temperature", "top_p", "seed", "stop")
"""Fields that a request can do without; models that reason refuse some of them."""
NOT_TAKEN = ("unsupported_parameter", "unsupported_value", "unknown_parameter")


@dataclass(frozen=True, slots=True)
class Passing:
    """May succeed when tried again."""

    reason: str
    wait_s: float | None = None
    """What the endpoint asks for."""
    is_unreachable: bool = False
    """Nobody took the connection."""


@dataclass(frozen=True, slots=True)
class TooMany:
    """All requests have to slow down."""

    wait_s: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Unanswerable:
    """This request will never be answered; others may be."""

    reason: str


@dataclass(frozen=True, slots=True)
class Filtered:
    """The service withholds an answer to this request."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoForm:
    """The endpoint does not take the way it was told the form; the same may be asked in another."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The endpoint refuses a field of sampling; the same may be asked without it."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Hopeless:
    """No request will be answered until a person does something."""

    reason: str
    status: int = 0


Fault = Passing | TooMany | Unanswerable | Filtered | NoForm | NotTaken | Hopeless


def fault_of(status: int, headers: Mapping[str, str], body: str) -> Fault:
    """What an answer other than 200 means.

    Args:
        status: of the HTTP answer.
        headers: names in small letters.
        body: its text.
    """
    message, code, param = _told(body)
    reason = f"{status} {message}".strip()
    marks = f"{code} {message}".lower()
    wait_s = wait_asked(headers)
    if status in NEVER_AGAIN or (status == 429 and any(word in marks for word in OUT_OF_MONEY)):
        return Hopeless(reason, status)
    if status == 429:
        return TooMany(wait_s, reason)
    if status in (404, 500, 501) and re.search(r"tool use|tools param|support.{0,12}tool", marks):
        return NoForm(reason)  # as OpenRouter, llama.cpp and others say it
    if status in PASSING:
        return Passing(reason, wait_s)
    if status in (400, 422):
        if any(word in marks for word in TOO_LONG):
            return Unanswerable(reason)  # which may count the tools' tokens too
        if "invalid schema" in marks or "invalid_json_schema" in marks:
            return Hopeless(reason, status)
        if FORM.search(f"{param} {marks}"):
            return NoForm(reason)
        if any(word in marks for word in FILTERED):
            return Filtered(reason)
        if field := _sampling_refused(code, param, message):
            return NotTaken(field, reason)
        if code in NOT_TAKEN:
            return Hopeless(reason, status)
        return Unanswerable(reason)
    if status == 413:
        return Unanswerable(reason)
    return Hopeless(reason, status)


def _sampling_refused(code: str, param: str, message: str) -> str:
    """The field of sampling that is not taken; empty where it is something else.

    A value that is out of bounds is a mistake of the caller, and is told as one.
    """
    if code not in NOT_TAKEN and not re.search(
        r"(?:not|n't) support|unsupported|may only be", message, re.I
    ):
        return ""
    if param in SAMPLING:
        return param
    return next((f for f in SAMPLING if re.search(rf"\b{f}\b", message)), "")


def hopeless_message(endpoint: Endpoint, fault: Hopeless) -> str:
    """Place, fact and next step of a fault that ends everything."""
    variable = endpoint.key_variable or "the server's settings"
    next_step = {
        401: f"Check {variable}.",
        402: "Top the account up.",
        403: f"Check what the key in {variable} may do.",
        404: "Check the address and the name of the model.",
        429: "The quota is used up: raise it, or wait for the next period.",
    }.get(fault.status, "Change the request or the endpoint.")
    what = NEVER_AGAIN.get(fault.status, "nothing can be asked")
    return f"{endpoint}: {what} ({fault.reason}). {next_step} What was answered is kept."


def fault_in_stream(error: Any) -> Fault:
    """What an error in the middle of a stream means; its status is 200, so its words decide."""
    fields = error if isinstance(error, dict) else {"message": str(error)}
    code = fields.get("code")
    if isinstance(code, int) and 400 <= code < 600:
        return fault_of(code, {}, json.dumps({"error": fields}))
    marks = f"{code} {fields.get('type')} {fields.get('message')}".lower()
    if any(word in marks for word in OUT_OF_MONEY):
        return Hopeless(_short(fields.get("message")), 429)
    if "rate_limit" in marks:
        return TooMany(None, _short(fields.get("message")))
    if any(word in marks for word in FILTERED):
        return Filtered(_short(fields.get("message")))
    return Passing(f"an error in the stream: {_short(fields.get('message'))}")


def wait_asked(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that ``Retry-After`` asks for, given as a number or a date.

    A date is compared to the answer's own ``Date``, so a clock that is wrong here does no harm.

    Args:
        headers: names in small letters.
        now: where the answer has no date; None: the time here.

    Returns:
        The seconds, at least 0; None where nothing sensible is asked.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if 0 <= seconds < 1e9:
            return seconds
    until = _date(headers.get("retry-after", ""))
    if until is None:
        return None
    told = _date(headers.get("date", ""))
    return max(0.0, (until - (told or now or datetime.now(UTC))).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _told(body: str) -> tuple[str, str, str]:
    """Message, code and parameter of an error of OpenAI's shape, or of one like it."""
    try:
        fields = json.loads(body)
    except ValueError:
        return _short(body), "", ""
    error = fields.get("error", fields) if isinstance(fields, dict) else fields
    if not isinstance(error, dict):
        return _short(error), "", ""
    message = error.get("message") or error.get("detail") or body
    code = f"{error.get('code') or ''} {error.get('type') or ''}".split()
    return _short(message), code[0] if code else "", str(error.get("param") or "")


def _short(text: Any) -> str:
    plain = " ".join(str(text).split())
    return plain if len(plain) <= LONGEST_MESSAGE else plain[: LONGEST_MESSAGE - 3] + "..."
