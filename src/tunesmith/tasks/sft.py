"""Supervised fine-tuning: the model learns the assistant's turns of a conversation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Document, Example
from tunesmith.core.ledger import SplitLedger
from tunesmith.tasks.task import EncodedExample, Limits, Task, located
from tunesmith.templates.render import render, render_within
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer


class SupervisedFineTuning(Task):
    """Learns answers and the token that ends them; everything else is context."""

    name: Literal["sft"] = "sft"
    example_type: ClassVar[type[Conversation] | type[Document]] = Conversation
    uses_template: ClassVar[bool] = True

    def encode(
        self,
        example: Example,
        template: Template,
        tokenizer: Tokenizer,
        limits: Limits,
        ledger: SplitLedger,
    ) -> Iterator[EncodedExample]:
        """Renders a conversation, cut to the limit where that is allowed."""
        assert isinstance(example, Conversation)
        rendered = (
            render_within(example, template, tokenizer, limits.max_tokens)
            if limits.too_long == "cut"
            else render(example, template, tokenizer)
        )
        if rendered is None:
            ledger.reject(example.origin, "longer than the limit even without its material")
            return
        n_supervised = int(rendered.supervised.sum())
        if len(rendered) > limits.max_tokens:
            if limits.too_long == "error":
                raise DataError(
                    f"{example.origin}: {len(rendered)} tokens, and the limit is "
                    f"{limits.max_tokens}. Raise data.max_tokens, or set data.too_long=cut|drop."
                )
            ledger.drop(example.origin, "longer than the limit")
            return
        if n_supervised == 0:
            ledger.reject(example.origin, "nothing to learn: every token is masked")
            return
        if rendered.n_cut:
            ledger.cut(
                example.origin,
                "end of the prompt's material",
                n_tokens=len(rendered),
                n_supervised=n_supervised,
                n_cut=rendered.n_cut,
            )
        else:
            ledger.keep(n_tokens=len(rendered), n_supervised=n_supervised)
        yield located(rendered, example.origin)
