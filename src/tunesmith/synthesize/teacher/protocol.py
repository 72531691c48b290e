"""Protocol: what a chat completion's request and reply look like, as OpenAI documents them."""

from __future__ import annotations

import json
import math
import time
from typing import Any

from tunesmith.synthesize.loopback import Refusal
from tunesmith.synthesize.teacher.script import Asked, Reply

Json = dict[str, Any]


def fields_of(body: bytes) -> Json:
    """The request, checked as far as it is used."""
    try:
        fields = json.loads(body)
    except ValueError:
        raise Refusal(400, "We could not parse the JSON body of your request.") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("model"), str):
        raise Refusal(400, "you must provide a model parameter")
    messages = fields.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, "'messages' must be a list that is not empty")
    if not all(isinstance(message, dict) for message in messages):
        raise Refusal(400, "each of 'messages' must be an object")
    return fields


def asked_of(fields: Json, n_before: int) -> Asked:
    """What the script is shown of a request."""
    form = fields.get("response_format")
    schema = form.get("json_schema", {}).get("schema") if isinstance(form, dict) else None
    limit = fields.get("max_completion_tokens", fields.get("max_tokens"))
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise Refusal(400, "'max_tokens' must be a whole number above 0")
    streams = fields.get("stream") is True
    return Asked(fields["model"], tuple(fields["messages"]), schema, limit, streams, n_before)


def shared_fields(asked: Asked, reply: Reply) -> Json:
    """What a whole reply and each event of a stream have in common."""
    return {
        "id": f"chatcmpl-{asked.key[:16]}-{asked.n_before}",
        "created": int(time.time()),
        "model": reply.model or asked.model,
    }


def events(asked: Asked, reply: Reply, shared: Json) -> list[bytes]:
    """The events of a stream; the text comes in pieces of a few characters."""
    size = max(4, math.ceil(len(reply.text) / 16))
    pieces = [reply.text[i : i + size] for i in range(0, len(reply.text), size)] or [""]
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": piece} for piece in pieces]
    if reply.refusal is not None:
        deltas.append({"refusal": reply.refusal})
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    parts: list[Json] = [{"choices": [choice]} for choice in choices]
    if reply.has_end:
        last = {"index": 0, "delta": {}, "finish_reason": reply.finish_reason}
        parts.append({"choices": [last]})
        parts.append({"choices": [], "usage": usage(asked, reply)})
    lines = [
        json.dumps({**shared, "object": "chat.completion.chunk", **part}, ensure_ascii=False)
        for part in parts
    ]
    if reply.has_end:
        lines.append("[DONE]")
    return [f"data: {line}\n\n".encode("utf-8", "replace") for line in lines]


def error_body(message: str, status: int, code: str | None, param: str | None) -> Json:
    """An error in its usual shape."""
    kind = "invalid_request_error" if status < 500 and status != 429 else "server_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def usage(asked: Asked, reply: Reply) -> Json:
    """The tokens of both sides."""
    asked_tokens, written = n_prompt_tokens(asked), _n_tokens(reply.text)
    total = asked_tokens + written
    return {"prompt_tokens": asked_tokens, "completion_tokens": written, "total_tokens": total}


def n_prompt_tokens(asked: Asked) -> int:
    """Tokens of all messages."""
    return sum(_n_tokens(json.dumps(m, ensure_ascii=False)) for m in asked.messages)


def _n_tokens(text: str) -> int:
    """There is no tokenizer here; four bytes are counted as a token."""
    return math.ceil(len(text.encode("utf-8", "replace")) / 4)
