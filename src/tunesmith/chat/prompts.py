"""Prompts: what people hand to a model, as texts, messages or transcripts -> conversations."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

from tunesmith.chat.chat_model import ChatModel, Completion, Sampling
from tunesmith.chat.transcript import Transcript, as_transcript, transcript_of
from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Message, Role

Prompt = str | Conversation | Sequence[Mapping[str, str] | Message]
"""A text, or a conversation that ends with a request."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One prompt, ready to be asked.

    Attributes:
        conversation: ends with the request.
        transcript: that is gone on with by one turn; None: it is none.
    """

    conversation: Conversation
    transcript: Transcript | None = None

    def sampling(self, sampling: Sampling) -> Sampling:
        """The same, ending at the next turn of a transcript too."""
        stops = () if self.transcript is None else self.transcript.stops
        return replace(sampling, stop=tuple(dict.fromkeys((*sampling.stop, *stops))))

    def answer(self, completion: Completion) -> Completion:
        """What was said; of a transcript the one turn."""
        if self.transcript is None:
            return completion
        return replace(completion, text=self.transcript.turn(completion.text))


def is_many(prompts: Any) -> bool:
    """Whether it is a list of prompts rather than one; messages are one conversation."""
    if not isinstance(prompts, list | tuple):
        return False
    return not prompts or not all(isinstance(one, Mapping | Message) for one in prompts)


def asked(
    prompt: Any,
    place: str,
    *,
    system: str | None = None,
    instruction: str | None = None,
    in_plain_text: bool = False,
) -> Asked:
    """Reads a prompt.

    Args:
        prompt: a text or a conversation.
        place: what it is called in errors.
        system: text before it where it has none.
        instruction: the one request that the model was tuned for, which then stands before a text
            that does not begin with it.
        in_plain_text: whether the model knows no roles.

    Raises:
        DataError: it is empty or no text, or ends with an answer.
    """
    if isinstance(prompt, str):
        found = _of_text(prompt, place, instruction, in_plain_text)
    elif isinstance(prompt, Conversation):
        found = Asked(prompt.prompt())
    elif isinstance(prompt, list | tuple):
        found = Asked(_conversation(cast("Sequence[Any]", prompt), place))
    else:
        raise DataError(
            f"{place}: is of type {type(prompt).__name__}. Give a text, or a list of messages: "
            "[{'role': 'user', 'content': '...'}]."
        )
    messages = found.conversation.messages
    if system and not any(message.role == "system" for message in messages):
        messages = (Message("system", system), *messages)
    if in_plain_text and sum(message.role != "system" for message in messages) > 1:
        transcript = as_transcript(messages, place)
        return Asked(Conversation((Message("user", transcript.text),), place), transcript)
    return replace(found, conversation=replace(found.conversation, messages=messages))


def answer_all(model: ChatModel, prompts: Sequence[Asked], sampling: Sampling) -> list[Completion]:
    """Answers prompts, in their order; those that end alike go together.

    Where tokens are drawn, the n-th prompt draws by ``seed + n`` and by nothing of the others.
    """
    together: dict[Sampling, list[int]] = {}
    for place, prompt in enumerate(prompts):
        together.setdefault(prompt.sampling(sampling), []).append(place)
    found: dict[int, Completion] = {}
    for own, places in together.items():
        many = [prompts[place].conversation for place in places]
        seeds = [own.seed + place for place in places] if own.temperature > 0 else None
        for place, one in zip(places, model.complete(many, own, seeds=seeds), strict=True):
            found[place] = prompts[place].answer(one)
    return [found[place] for place in range(len(prompts))]


def stream(model: ChatModel, prompt: Asked, sampling: Sampling) -> Generator[str, None, Completion]:
    """Answers one prompt piece by piece; the pieces join to the whole answer's text."""
    pieces = model.stream(prompt.conversation, prompt.sampling(sampling))
    if prompt.transcript is None:
        return (yield from pieces)
    text, shown = "", 0
    try:
        while True:
            text += next(pieces)
            if prompt.transcript.is_label_yet(text):
                continue
            said = prompt.transcript.turn(text)
            if len(said) > shown:
                yield said[shown:]
                shown = len(said)
    except StopIteration as end:
        whole = prompt.answer(end.value)
    finally:
        pieces.close()
    if len(whole.text) > shown:
        yield whole.text[shown:]
    return whole


def _of_text(text: str, place: str, instruction: str | None, in_plain_text: bool) -> Asked:
    if not text.strip():
        raise DataError(f"{place}: is empty. Give a text to answer.")
    if instruction is not None:
        apart = not text.lstrip().startswith(instruction)
        message = Message("user", instruction, text) if apart else Message("user", text)
        return Asked(Conversation((message,), place))
    transcript = transcript_of(text)
    if transcript is None:
        return Asked(Conversation((Message("user", text),), place))
    if in_plain_text:
        return Asked(Conversation((Message("user", transcript.text),), place), transcript)
    return Asked(transcript.conversation(place), transcript)


def _conversation(messages: Sequence[Any], place: str) -> Conversation:
    read = tuple(_message(one, f"{place}, message {n}") for n, one in enumerate(messages, 1))
    if not read:
        raise DataError(f"{place}: has no message. Give a text to answer.")
    if read[-1].role not in ("user", "tool"):
        raise DataError(
            f"{place}: ends with a message of the {read[-1].role}, so there is nothing to answer. "
            "End it with the user's."
        )
    return Conversation(read, place)


def _message(one: Any, place: str) -> Message:
    if isinstance(one, Message):
        return one
    if not isinstance(one, Mapping):
        raise DataError(
            f"{place}: is of type {type(one).__name__}. Write {{'role': 'user', 'content': '...'}}."
        )
    fields = cast("Mapping[str, Any]", one)
    role, content = fields.get("role"), fields.get("content")
    if set(fields) != {"role", "content"} or role not in get_args(Role):
        raise DataError(
            f"{place}: has {', '.join(map(repr, sorted(map(str, fields))))}, role {role!r}. A "
            f"message has a role ({', '.join(get_args(Role))}) and a content, and nothing else."
        )
    if not isinstance(content, str) or not content.strip():
        is_text = isinstance(content, str)
        fact = "is empty" if is_text else f"is of type {type(content).__name__}"
        raise DataError(f"{place}: its content {fact}. Give a text.")
    return Message(cast("Role", role), content)
