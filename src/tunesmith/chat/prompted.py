"""Prompted: any chat model with answered examples put before each request."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

from tunesmith.chat.chat_model import ChatModel, Completion, Sampling
from tunesmith.chat.patience import Failure
from tunesmith.chat.shots import Shots
from tunesmith.core.examples import Conversation


class Prompted(ChatModel):
    """A chat model that is shown examples first; ``PromptedLocal`` does it with local weights.

    Attributes:
        n_left_out: examples that had no room so far.
    """

    def __init__(
        self,
        model: ChatModel,
        shots: Shots,
        *,
        fits: Callable[[Conversation], bool] = lambda conversation: True,
    ) -> None:
        """Wraps a model.

        Args:
            model: answers.
            shots: what it is shown.
            fits: whether the model can hold a conversation; all can be held by default.
        """
        self.model = model
        self.shots = shots
        self.fits = fits
        self.n_left_out = 0

    def complete(
        self,
        many: Sequence[Conversation],
        sampling: Sampling,
        *,
        seeds: Sequence[int] | None = None,
    ) -> list[Completion]:
        """Answers many conversations, each behind its examples."""
        shown = [self._shown(one) for one in many]
        answers = self.model.complete([longer for longer, _ in shown], sampling, seeds=seeds)
        return [
            replace(one, n_shots_left_out=n) for one, (_, n) in zip(answers, shown, strict=True)
        ]

    def outcomes(
        self, many: Sequence[Conversation], sampling: Sampling
    ) -> list[Completion | Failure]:
        """Answers conversations behind their examples; of those that cannot be, the reason."""
        shown = [self._shown(one) for one in many]
        found = self.model.outcomes([longer for longer, _ in shown], sampling)
        return [
            replace(one, n_shots_left_out=n) if isinstance(one, Completion) else one
            for one, (_, n) in zip(found, shown, strict=True)
        ]

    def base(self) -> ChatModel:
        """The model without its examples."""
        return self.model

    def stream(
        self, conversation: Conversation, sampling: Sampling
    ) -> Generator[str, None, Completion]:
        """Answers one conversation behind its examples."""
        return self.model.stream(self._shown(conversation)[0], sampling)

    def _shown(self, conversation: Conversation) -> tuple[Conversation, int]:
        longer, n_left_out = self.shots.before(conversation.prompt(), self.fits)
        self.n_left_out += n_left_out
        return longer, n_left_out
