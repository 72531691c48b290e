"""Reply stream: the events of a streamed answer, joined; or an answer that came whole."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from tunesmith.chat.reply_faults import Fault, Passing, Unanswerable, fault_in_stream

Finish = Literal["stop", "length", "content_filter", "refusal"]
FINISHES: dict[str, Finish] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
    "refusal": "refusal",
}
LONGEST = 8 << 20
"""Characters of an answer; an endpoint that sends more is not waited for."""


@dataclass(slots=True)
class ReplyStream:
    """What was received of one answer so far."""

    text: str = ""
    refusal: str = ""
    finish: str = ""
    """As the endpoint calls it; empty until it has said."""
    model: str = ""
    usage: dict[str, Any] = field(default_factory=dict[str, Any])
    fault: Fault | None = None
    is_over: bool = False
    """The endpoint has said that nothing follows."""
    _pieces: list[str] = field(default_factory=list[str])
    _n_chars: int = 0

    def take_line(self, line: str) -> str:
        """Takes one line of the event stream.

        Returns:
            The text that it adds to the answer.
        """
        if self.fault or not line.startswith("data:"):
            return ""  # comments keep a connection open; names of events say nothing new
        data = line[5:].strip()
        if data == "[DONE]":
            self.is_over = True
            return ""
        return self._take(data, "delta") if data else ""

    def take_whole(self, body: str) -> str:
        """Takes an answer that came in one piece, from an endpoint that does not stream."""
        added = self._take(body, "message")
        self.is_over = True
        return added

    def close(self) -> Fault | None:
        """Joins the text.

        Returns:
            What is wrong with the answer, None for one in good order.
        """
        self.text = "".join(self._pieces)
        if self.fault:
            return self.fault
        if not self.finish:
            # Without it nothing tells a whole answer from one whose end was lost.
            return Passing("the answer ended without a finish_reason")
        if self.finish not in FINISHES:
            return Unanswerable(f"finish_reason {self.finish!r} is not known")
        return None

    @property
    def finish_reason(self) -> Finish:
        """Why it ended, in our words."""
        found = FINISHES[self.finish]
        return "refusal" if self.refusal and found == "stop" else found

    def n_tokens(self, kind: Literal["prompt_tokens", "completion_tokens"]) -> int | None:
        """What the endpoint counted; None where it does not tell."""
        n = self.usage.get(kind)
        return n if isinstance(n, int) and n >= 0 else None

    def _take(self, data: str, kind: str) -> str:
        try:
            fields = json.loads(data)
        except ValueError:
            self.fault = Passing("the answer is broken JSON")
            return ""
        if not isinstance(fields, dict):
            self.fault = Passing("the answer is no object")
            return ""
        if fields.get("error"):
            self.fault = fault_in_stream(fields["error"])
            return ""
        self.model = str(fields.get("model") or self.model)
        usage = fields.get("usage")
        self.usage = usage if isinstance(usage, dict) else self.usage
        choices = fields.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else {}
        said = choice.get(kind) if isinstance(choice, dict) else None
        if not isinstance(said, dict):
            said = {}
        if isinstance(choice, dict) and choice.get("finish_reason"):
            self.finish = str(choice["finish_reason"])
        if isinstance(said.get("refusal"), str):
            self.refusal += said["refusal"]
        added = said.get("content")
        if not isinstance(added, str):
            return ""
        self._n_chars += len(added)
        if self._n_chars > LONGEST:
            self.fault = Unanswerable(f"the answer is longer than {LONGEST:,} characters")
            return ""
        self._pieces.append(added)
        return added
