"""Reply stream: the events of a streamed answer, joined; or an answer that came whole."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from tunesmith.chat.reply_faults import Fault, Passing, Unanswerable, fault_in_stream
from tunesmith.core.surrogates import mended

Finish = Literal["stop", "length", "content_filter", "refusal"]
FINISHES: dict[str, Finish] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_calls": "stop",
    "function_call": "stop",
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
    """What was received of one answer so far.

    Where the model called a function, as a request with a schema makes it, the arguments are the
    answer, and what it said beside them is not.
    """

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
    _calls: list[list[str]] = field(default_factory=list[list[str]])
    """Pieces of the arguments of each call."""
    _places: dict[str, int] = field(default_factory=dict[str, int])
    """Which call an index or an id means."""
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
        called = [text for pieces in self._calls if (text := "".join(pieces)).strip()]
        # Mended when all is there, for a stream may be cut within a character.
        self.text = mended("\n".join(called) or "".join(self._pieces))
        self.refusal, self.model = mended(self.refusal), mended(self.model)
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
        calls = said.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            self._take_call(call)
        added = said.get("content")
        if not isinstance(added, str) or not self._has_room(added):
            return ""
        self._pieces.append(added)
        return mended(added)

    def _take_call(self, call: Any) -> None:
        """Takes a call, or the next piece of one."""
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            return
        # The index tells calls apart; some endpoints send none, and then a new id is a new call.
        index = call.get("index")
        name = str(call.get("id") or "") if index is None else str(index)
        if not self._calls or (name and name not in self._places):
            self._places[name] = len(self._calls)
            self._calls.append([])
        place = self._places.get(name, len(self._calls) - 1) if name else -1
        given = function.get("arguments")
        if given is None:
            return
        text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        if self._has_room(text):
            self._calls[place].append(text)

    def _has_room(self, text: str) -> bool:
        self._n_chars += len(text)
        if self._n_chars > LONGEST:
            self.fault = Unanswerable(f"the answer is longer than {LONGEST:,} characters")
        return self.fault is None
