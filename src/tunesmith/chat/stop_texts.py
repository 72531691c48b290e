"""Stop texts: where an answer ends although the model went on."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from tunesmith.chat.chat_model import Completion


def before_stop(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """A text up to the first stop text in it, and whether there was one."""
    ends = [place for stop in stops if (place := text.find(stop)) >= 0]
    return (text[: min(ends)], True) if ends else (text, False)


def ended(completion: Completion, stops: Sequence[str]) -> Completion:
    """An answer up to the first stop text; one that has it is whole, even if it ran on."""
    text, is_stopped = before_stop(completion.text, stops)
    if not is_stopped:
        return completion
    return replace(completion, text=text.rstrip(), finish_reason="stop")


def until_stop(
    pieces: Generator[str, None, Completion], stops: Sequence[str]
) -> Generator[str, None, Completion]:
    """Pieces of an answer up to the first stop text; they join to what :func:`ended` gives.

    What comes behind it is read to its end all the same, as it is counted and paid for.
    """
    if not stops:
        return (yield from pieces)
    text, shown, held = "", 0, max(map(len, stops))
    try:
        while True:
            text += next(pieces)
            found, is_stopped = before_stop(text, stops)
            # White space at the end waits: a stop text behind it would take it away.
            safe = len(found.rstrip()) if is_stopped else min(len(text) - held, len(text.rstrip()))
            if safe > shown:
                yield found[shown:safe]
                shown = safe
    except StopIteration as end:
        whole = ended(end.value, stops)
    finally:
        pieces.close()
    if len(whole.text) > shown:
        yield whole.text[shown:]
    return whole
