"""Plan: what a teacher is to be asked about each passage, before anything is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from tunesmith.chat.chat_model import Sampling
from tunesmith.chat.request import Request
from tunesmith.synthesize.kinds.kind import Kind
from tunesmith.synthesize.passage import Passage
from tunesmith.synthesize.prompts.prompts import SAME, Prompts, language_of


@dataclass(frozen=True, slots=True)
class Planned:
    """One call, or one passage that is taken as it is."""

    passage: Passage
    kind: Kind
    n: int
    """Rows that are asked for."""
    language: str
    """That they are to be written in."""
    follows: bool = True
    """Whether that is the passage's own; a quote in another language may then be asked about in
    that one."""
    prompt: str = ""
    """Version of the prompt."""
    request: Request | None = None
    """None: this kind asks nobody."""


@dataclass(frozen=True)
class Plan:
    """Every call, in order; made anew each time it is gone through, so nothing is held.

    Attributes:
        passages: gives all passages, as often as it is called.
        kinds: what is made of each.
        prompts: texts to ask with.
        sampling: temperature and seed; the room of a reply is the kind's own.
        language: ``same``, or the one that all rows are to be in.
    """

    passages: Callable[[], Iterable[Passage]]
    kinds: Sequence[Kind]
    prompts: Prompts
    sampling: Sampling = field(default_factory=Sampling)
    language: str = SAME

    def __iter__(self) -> Iterator[Planned]:
        for passage in self.passages():
            for kind in self.kinds:
                yield self._planned(passage, kind)

    def _planned(self, passage: Passage, kind: Kind) -> Planned:
        language = language_of(passage, self.language)
        follows = self.language == SAME
        n = kind.wanted(passage)
        if not kind.asks_teacher:
            return Planned(passage, kind, n, language, follows)
        request = kind.request(passage, n, self.prompts, language, self.sampling)
        version = self.prompts.version(kind.name, language)
        tagged = replace(request, tag=f"{kind.name}/{language}")
        return Planned(passage, kind, n, language, follows, version, tagged)
