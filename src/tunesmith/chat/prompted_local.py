"""PromptedLocal: a local model with answered examples put before each request."""

from __future__ import annotations

from dataclasses import replace

from tunesmith.chat.local import LocalModel
from tunesmith.chat.shots import Shots
from tunesmith.core.examples import Conversation
from tunesmith.templates.render import Rendered, render


class PromptedLocal(LocalModel):
    """A local model that is shown examples first: whatever it does, it does behind them.

    Examples are left out before any of the request's material is cut.

    Attributes:
        n_left_out: examples that had no room so far.
    """

    def __init__(self, model: LocalModel, shots: Shots) -> None:
        """Takes a loaded model and what it is shown."""
        super().__init__(
            model.causal_lm,
            model.tokenizer,
            model.template,
            batch_size=model.batch_size,
            uses_adapter=model.uses_adapter,
            instruction=model.instruction,
        )
        self.shots = shots
        self.n_left_out = 0

    def prompt(self, conversation: Conversation, max_new_tokens: int) -> Rendered:
        """The examples that fit and the request, with the token ids that training gives them.

        Raises:
            TemplateError: the request alone does not fit, or the template has no second turn.
        """
        room = self.max_positions - min(max_new_tokens, self.max_positions // 4)

        def fits(longer: Conversation) -> bool:
            return len(render(longer, self.template, self.tokenizer)) <= room

        longer, n_left_out = self.shots.before(conversation.prompt(), fits)
        self.n_left_out += n_left_out
        rendered = super().prompt(longer, max_new_tokens)
        return replace(rendered, n_shots_left_out=n_left_out)
