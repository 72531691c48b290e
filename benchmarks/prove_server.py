"""A real HTTP server with a real model behind it: what stands for "hosted" in ``prove.py``.

    python benchmarks/prove_server.py MODEL

It speaks OpenAI's protocol on the loopback address, prints its URL, and answers with any model that
``tunesmith.load`` takes. Requests that wait together are answered as one batch. Tokens are told as
the teacher's server tells them: four bytes each.
"""

from __future__ import annotations

import queue
import sys
import threading
from concurrent.futures import Future
from typing import Any

import tunesmith
from tunesmith.chat.chat_model import ChatModel, Sampling
from tunesmith.core.errors import TunesmithError
from tunesmith.core.examples import Conversation, Message
from tunesmith.synthesize.teacher.script import Asked, Fault, Reply, Script
from tunesmith.synthesize.teacher.server import TeacherServer

AT_ONCE = 32
LONGEST = 128
"""Tokens of an answer, where the request names no limit."""


class Served:
    """Answers requests with a model, those that wait together at once."""

    def __init__(self, model: ChatModel) -> None:
        """Takes the model; a thread of its own asks it."""
        self._model = model
        self._waiting: queue.Queue[tuple[Asked, Future[Reply | Fault]]] = queue.Queue()
        threading.Thread(target=self._work, daemon=True).start()

    def __call__(self, asked: Asked) -> Reply | Fault:
        """What the model says, or why it cannot."""
        answer: Future[Reply | Fault] = Future()
        self._waiting.put((asked, answer))
        return answer.result()

    def _work(self) -> None:
        while True:
            together = [self._waiting.get()]
            while len(together) < AT_ONCE and not self._waiting.empty():
                together.append(self._waiting.get())
            limit = max(asked.max_tokens or LONGEST for asked, _ in together)
            try:
                said = self._model.complete(
                    [conversation(asked) for asked, _ in together], Sampling(max_new_tokens=limit)
                )
            except TunesmithError as error:
                for _, answer in together:
                    answer.set_result(Fault("status", 400, message=str(error)))
                continue
            for (_, answer), one in zip(together, said, strict=True):
                answer.set_result(Reply(one.text, finish_reason=one.finish_reason))


def conversation(asked: Asked) -> Conversation:
    """A request as the model was tuned on it: the request, and behind an empty line the text."""
    messages: list[Message] = []
    for message in asked.messages:
        request, _, text = str(message["content"]).partition("\n\n")
        messages.append(Message(message["role"], request, text))
    return Conversation(tuple(messages), "request")


def main() -> None:
    """Serves until standard input ends."""
    model: Any = tunesmith.load(sys.argv[1])
    with TeacherServer(Script(otherwise=Served(model)), models=("served",)) as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
