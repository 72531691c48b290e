"""Roles: the speakers of a conversation -> customer and agent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import translate

from tunesmith.synthesize.dialogues.said import Said, Side

FAR_MORE = 3
"""Times as many conversations as the other speaker, and at least so many: a company's account."""
UNCLEAR = "several speakers, and nothing tells which is the agent; name it with --agent"


@dataclass(frozen=True, slots=True)
class Settled:
    """Messages with their sides, or why there are none."""

    messages: Sequence[Said]
    told_by: str = ""
    """``option``, ``flag``, ``word``, ``handle``, ``rest``, ``number``, ``company``, ``first``."""
    problem: str = ""


class Roles:
    """Tells sides, one conversation after the other.

    Args:
        agents: names or patterns (``*@acme.com``) of the agents; empty: told by the data.
    """

    def __init__(self, agents: Sequence[str] = ()) -> None:
        self.n_matched = 0
        self._agents = [re.compile(translate(name.strip().lower())) for name in agents]

    def settle(self, messages: Sequence[Said], n_conversations: Callable[[str], int]) -> Settled:
        """Gives every message of a conversation its side.

        Args:
            messages: in order.
            n_conversations: in how many conversations of the file somebody speaks.
        """
        spoken = [message for message in messages if message.side != "automatic"]
        if self._agents and any(message.speaker for message in spoken):
            matched = {m.speaker for m in spoken if self._is_agent(m.speaker)}
            self.n_matched += len(matched)
            by_option: dict[str, Side] = {
                m.speaker: _agent_if(m.speaker in matched) for m in spoken
            }
            return _given(messages, by_option, "option", override=True)
        known: dict[str, Side] = {m.speaker: m.side for m in spoken if m.side and m.speaker}
        unknown = [m for m in spoken if not m.side and m.speaker not in known]
        told_by = next((m.told_by for m in spoken if m.side), "")
        if not unknown:
            return _given(messages, known, told_by)
        if any(not message.speaker for message in unknown):
            return Settled((), problem="nothing tells who speaks")
        names = list(dict.fromkeys(message.speaker for message in unknown))
        told = {message.side for message in spoken if message.side}
        if told:
            rest: Side = _agent_if("agent" not in told)
            return _given(messages, {**known, **{name: rest for name in names}}, "rest")
        return self._by_names(messages, names, n_conversations)

    def _by_names(
        self, messages: Sequence[Said], names: Sequence[str], n_conversations: Callable[[str], int]
    ) -> Settled:
        """Where the export tells nothing but the speakers' names."""
        numbers = [name.isdecimal() for name in names]
        if any(numbers) and not all(numbers):
            found: dict[str, Side] = {n: _agent_if(not n.isdecimal()) for n in names}
            return _given(messages, found, "number")
        often = {name: n_conversations(name) for name in names}
        least = min(often.values(), default=0)
        found = {n: _agent_if(often[n] >= FAR_MORE * max(1, least)) for n in names}
        if len(set(found.values())) == 2:
            return _given(messages, found, "company")
        if len(names) > 2:
            return Settled((), problem=UNCLEAR)
        found = {name: _agent_if(place > 0) for place, name in enumerate(names)}
        return _given(messages, found, "first")

    def _is_agent(self, speaker: str) -> bool:
        return any(pattern.match(speaker.strip().lower()) for pattern in self._agents)


def _agent_if(is_agent: bool) -> Side:
    side: Side = "agent" if is_agent else "customer"
    return side


def _given(
    messages: Sequence[Said], sides: Mapping[str, Side], told_by: str, *, override: bool = False
) -> Settled:
    given = [
        message
        if message.side == "automatic" or (message.side and not override)
        else replace(message, side=sides.get(message.speaker, message.side))
        for message in messages
    ]
    return Settled(given, told_by)
