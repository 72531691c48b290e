"""Request: one question to a hosted model, and the key by which it is known again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tunesmith.chat.chat_model import Sampling
from tunesmith.chat.endpoint import Endpoint
from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked."""

    messages: tuple[Mapping[str, str], ...]
    """``{"role": ..., "content": ...}`` each, ending with a request."""
    sampling: Sampling = field(default_factory=Sampling)
    schema: Mapping[str, Any] | None = None
    """JSON schema of the reply; sent where the endpoint takes one."""
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

    def body(self, endpoint: Endpoint, *, with_schema: bool) -> Json:
        """The body of its HTTP request; replies are streamed, so that silence can be told."""
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
        if self.schema is not None and with_schema:
            form = {"name": "reply", "strict": True, "schema": self.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        return body

    @property
    def n_tokens_about(self) -> int:
        """Tokens of the prompt, estimated: three bytes each, so rather too many than too few."""
        return sum(len(m["content"].encode("utf-8", "replace")) // 3 + 4 for m in self.messages)


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
