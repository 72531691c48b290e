"""Causal language modelling: the model learns to continue running text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np

from tunesmith.core.examples import Conversation, Document, Example
from tunesmith.core.ledger import SplitLedger
from tunesmith.tasks.task import EncodedExample, Limits, Task
from tunesmith.templates.render import render_document
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer


class CausalLM(Task):
    """Learns every token of a document; a longer one is read window by window."""

    name: Literal["causal-lm"] = "causal-lm"
    example_type: ClassVar[type[Conversation] | type[Document]] = Document
    uses_template: ClassVar[bool] = False

    def encode(
        self,
        example: Example,
        template: Template,
        tokenizer: Tokenizer,
        limits: Limits,
        ledger: SplitLedger,
    ) -> Iterator[EncodedExample]:
        """Splits a document into windows that share one token, so that every token is learnt once.

        Nothing is cut: each row of the source counts as one kept row however many windows it makes.
        """
        assert isinstance(example, Document)
        rendered = render_document(example, tokenizer)
        step = limits.max_tokens - 1
        n_tokens = n_supervised = 0
        for start in range(0, max(1, len(rendered) - 1), step):
            ids = rendered.input_ids[start : start + limits.max_tokens]
            supervised = np.ones(len(ids), np.bool_)
            supervised[0] = False
            n_tokens += len(ids)
            n_supervised += len(ids) - 1
            yield EncodedExample(ids, supervised, example.origin)
        ledger.keep(n_tokens=n_tokens, n_supervised=n_supervised)
