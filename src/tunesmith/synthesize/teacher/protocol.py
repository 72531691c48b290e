"""Protocol: what a chat completion's request and reply look like, as OpenAI documents them."""

from __future__ import annotations

import json
import math
import time
from typing import Any

from tunesmith.synthesize.loopback import Refusal
from tunesmith.synthesize.teacher.script import Asked, Fault, Reply

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


def asked_of(fields: Json) -> Asked:
    """What the script is shown of a request, as if it came for the first time."""
    form = fields.get("response_format")
    schema = form.get("json_schema", {}).get("schema") if isinstance(form, dict) else None
    limit = fields.get("max_completion_tokens", fields.get("max_tokens"))
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise Refusal(400, "'max_tokens' must be a whole number above 0")
    streams = fields.get("stream") is True
    tool, parameters = _forced_tool(fields)
    schema = parameters if tool else schema
    messages = tuple(fields["messages"])
    return Asked(fields["model"], messages, schema, limit, streams, 0, tool)


def _forced_tool(fields: Json) -> tuple[str, Json | None]:
    """Name and parameters of the function that has to be called; an empty name: none has to."""
    tools, choice = fields.get("tools"), fields.get("tool_choice")
    if tools is None and choice is None:
        return "", None
    functions = [tool.get("function") for tool in tools or () if isinstance(tool, dict)]
    known = {
        f["name"]: f.get("parameters") for f in functions if isinstance(f, dict) and "name" in f
    }
    if not known:
        raise Refusal(400, "'tool_choice' is only allowed when 'tools' are specified.")
    if choice == "required":
        return next(iter(known.items()))
    if not isinstance(choice, dict):
        return "", None  # it may be called, and this server does not
    name = choice.get("function", {}).get("name")
    if name not in known:
        raise Refusal(400, f"Tool choice '{name}' not found in 'tools' parameter.")
    return name, known[name]


def not_taken(asked: Asked, *, takes_schema: bool, takes_tools: bool) -> Fault | None:
    """What an endpoint says that does not know how a reply's form is told; None where it does."""
    if asked.form == "schema" and not takes_schema:
        told = "This response_format type is unavailable now"
        return Fault("status", 400, "invalid_request_error", told, param="response_format")
    if asked.form == "tool" and not takes_tools:
        return Fault("status", 400, message=f"{asked.model} does not support tools")
    return None


def shared_fields(asked: Asked, reply: Reply) -> Json:
    """What a whole reply and each event of a stream have in common."""
    return {
        "id": f"chatcmpl-{asked.key[:16]}-{asked.n_before}",
        "created": int(time.time()),
        "model": reply.model or asked.model,
    }


def message_of(asked: Asked, reply: Reply) -> Json:
    """The message of a reply that comes in one piece."""
    message: Json = {"role": "assistant", "content": reply.text, "refusal": reply.refusal}
    if asked.tool and reply.calls:
        message |= {"content": None, "tool_calls": [_call(asked, reply.text)]}
    return message


def _call(asked: Asked, arguments: str) -> Json:
    function = {"name": asked.tool, "arguments": arguments}
    return {"id": f"call_{asked.key[:16]}", "type": "function", "function": function}


def events(asked: Asked, reply: Reply, shared: Json) -> list[bytes]:
    """The events of a stream; the text comes in pieces of a few characters."""
    size = max(4, math.ceil(len(reply.text) / 16))
    pieces = [reply.text[i : i + size] for i in range(0, len(reply.text), size)] or [""]
    deltas: list[Json]
    if asked.tool and reply.calls:
        opened = {"index": 0, **_call(asked, "")}
        deltas = [{"role": "assistant", "content": None, "tool_calls": [opened]}]
        parts_of_call = [{"index": 0, "function": {"arguments": piece}} for piece in pieces]
        deltas += [{"tool_calls": [part]} for part in parts_of_call]
    else:
        deltas = [{"role": "assistant", "content": ""}]
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
