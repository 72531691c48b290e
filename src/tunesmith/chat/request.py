"""Request: one question to a hosted model, and the key by which it is known again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from tunesmith.chat.chat_model import Sampling
from tunesmith.chat.endpoint import Endpoint
from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Message, Role

Json = dict[str, Any]
Form = Literal["schema", "tool", "plain"]
"""How an endpoint is told the form of a reply: by a JSON schema; by a function with that schema
that it has to call; by the words of the request alone."""
NEXT_FORM: dict[Form, Form] = {"schema": "tool", "tool": "plain"}
"""What is tried where an endpoint refuses a form."""
MOST_STOPS = 4
"""Stop texts that OpenAI's protocol takes."""
TOOL = "reply"
"""Name of the function whose arguments are the reply."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked."""

    messages: tuple[Mapping[str, str], ...]
    """``{"role": ..., "content": ...}`` each, ending with a request."""
    sampling: Sampling = field(default_factory=Sampling)
    schema: Mapping[str, Any] | None = None
    """JSON schema of the reply, sent where the endpoint takes one. The messages say the form in
    words too, for endpoints that take none."""
    sample: int = 0
    """Number of the draw, where the same is asked several times."""
    tag: str = ""
    """The caller's own name for it; no part of its key."""

    def key(self, endpoint: Endpoint) -> str:
        """SHA-256 of endpoint, model, messages, schema, parameters and number of the draw."""
        parameters = [
            self.sampling.max_new_tokens,
            float(self.sampling.temperature),
            float(self.sampling.top_p),
            self.sampling.seed,
            # Only where there are any, so that replies of before are known again.
            *([list(self.sampling.stop)] if self.sampling.stop else []),
        ]
        whole = [
            endpoint.url,
            endpoint.model,
            [dict(message) for message in self.messages],
            self.schema,
            parameters,
            self.sample,
        ]
        text = json.dumps(whole, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def body(self, endpoint: Endpoint, *, form: Form, without: Collection[str] = ()) -> Json:
        """The body of its HTTP request; replies are streamed, so that silence can be told.

        Args:
            endpoint: that is asked.
            form: how the schema is sent, where there is one.
            without: fields that the endpoint does not take.
        """
        body: Json = {
            "model": endpoint.model,
            "messages": [dict(message) for message in self.messages],
            endpoint.limit_field: self.sampling.max_new_tokens,
            "temperature": self.sampling.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self.sampling.top_p < 1:
            body["top_p"] = self.sampling.top_p
        if self.sampling.temperature > 0:
            body["seed"] = self.sampling.seed + self.sample
        if self.sampling.stop:
            # Whatever is not sent, or not taken, still ends the answer here.
            body["stop"] = list(self.sampling.stop[:MOST_STOPS])
        if self.schema is not None and form == "schema":
            named = {"name": TOOL, "strict": True, "schema": self.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        elif self.schema is not None and form == "tool":
            told = {"name": TOOL, "description": "Takes the reply.", "parameters": self.schema}
            body["tools"] = [{"type": "function", "function": told}]
            body["tool_choice"] = {"type": "function", "function": {"name": TOOL}}
        return {name: value for name, value in body.items() if name not in without}

    @property
    def n_tokens_about(self) -> int:
        """Tokens of the prompt, estimated: three bytes each, so rather too many than too few."""
        schema = "" if self.schema is None else json.dumps(self.schema, ensure_ascii=False)
        texts = [*(message["content"] for message in self.messages), schema]
        return sum(len(text.encode("utf-8", "replace")) // 3 + 4 for text in texts if text)


def conversation_of(request: Request) -> Conversation:
    """What a request asks, for a model that is asked without HTTP.

    Raises:
        DataError: a role is none that conversations have.
    """
    for message in request.messages:
        if message["role"] not in ("system", "user", "assistant"):
            raise DataError(f"a request with role {message['role']!r}: no local model knows it.")
    told = (Message(cast("Role", m["role"]), m["content"]) for m in request.messages)
    return Conversation(tuple(told), request.tag or "a request")


def request_of(conversation: Conversation, sampling: Sampling, tag: str = "") -> Request:
    """What a conversation asks.

    Raises:
        DataError: it has tools, or nothing to answer.
    """
    prompt = conversation.prompt()
    if conversation.tools or any(message.tool_calls for message in prompt.messages):
        raise DataError(
            f"{conversation.origin}: has tools, and hosted models are asked without. Leave such "
            "conversations out."
        )
    if not prompt.messages:
        raise DataError(f"{conversation.origin}: has no message to answer. Leave it out.")
    messages = tuple({"role": m.role, "content": m.text} for m in prompt.messages)
    return Request(messages, sampling, tag=tag)
