"""Harness model: a local model as EleutherAI's lm-evaluation-harness asks its own."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lm_eval.api.model import LM  # pyright: ignore[reportMissingImports]

from tunesmith.chat.chat_model import Sampling
from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Message
from tunesmith.evaluation.foretold import foretold_texts
from tunesmith.evaluation.harness_rows import row_within
from tunesmith.evaluation.perplexity import RunningText
from tunesmith.model.head import output_head
from tunesmith.model.lora_linear import adapter_off
from tunesmith.tasks.collate import pad

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance  # pyright: ignore[reportMissingImports]

    from tunesmith.chat.local import LocalModel

LONGEST_ANSWER = 256
"""Tokens of an answer where a task sets no limit, as in the harness's own model."""


class HarnessModel(LM):
    """Answers the three kinds of requests of the harness.

    Texts are taken as they are, behind the token that begins a document: a task writes its prompts
    itself, so the model must have the plain template.
    """

    def __init__(self, model: LocalModel) -> None:
        """Takes a loaded model with the plain template."""
        super().__init__()
        self.model = model

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """How likely a text is behind another, and whether it is what greedy choice would write.

        A context that leaves no room loses its beginning, as in the harness's own model.

        Raises:
            DataError: a continuation alone is longer than the model's window.
        """
        rows = [self._pair(*request.args) for request in requests]
        order = sorted(range(len(rows)), key=lambda place: -len(rows[place][0]))
        found: dict[int, tuple[float, bool]] = {}
        for start in range(0, len(order), self.model.batch_size):
            places = order[start : start + self.model.batch_size]
            for place, scores in zip(places, self._weighed([rows[p] for p in places]), strict=True):
                found[place] = scores
        return [found[place] for place in range(len(rows))]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """How likely whole texts are, in windows without overlap of what is scored."""
        lead = np.array([self._lead], np.int32)
        texts = [
            RunningText(np.concatenate([lead, self._ids(request.args[0])]), 1, 1)
            for request in requests
        ]
        window = self.model.max_positions
        found = foretold_texts(self.model, texts, window=window, stride=window - 1)
        return [-one.nats for one in found]

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Greedy answers up to a stop text.

        Raises:
            DataError: a task wants tokens drawn by chance.
        """
        answers: list[str] = []
        for request in requests:
            context, settings = request.args
            if settings.get("do_sample") and settings.get("temperature"):
                raise DataError(
                    f"task {request.task_name}: draws tokens by chance, and a comparison is to "
                    "give the same again. Set do_sample: false in its generation_kwargs."
                )
            until = settings.get("until") or ()
            sampling = Sampling(
                max_new_tokens=int(settings.get("max_gen_toks", LONGEST_ANSWER)),
                stop=(until,) if isinstance(until, str) else tuple(until),
            )
            asked = Conversation((Message("user", context),), str(request.task_name))
            answers += [one.text for one in self.model.complete([asked], sampling)]
        return answers

    @property
    def _lead(self) -> int:
        tokenizer = self.model.tokenizer
        bos = tokenizer.id_of(tokenizer.bos) if tokenizer.bos else None
        return tokenizer.eos_id if bos is None else bos

    def _ids(self, text: str) -> np.ndarray:
        return self.model.tokenizer.encode_many([(text, "nothing")])[0]

    def _pair(self, context: str, continuation: str) -> tuple[np.ndarray, int]:
        """Token ids of both together, and how many of them the continuation has at the end."""
        bare = context.rstrip()  # a token may begin with the space, so it goes with what follows
        continuation = context[len(bare) :] + continuation
        whole, before = self._ids(bare + continuation), self._ids(bare)
        n_scored = max(1, len(whole) - len(before))
        ids = np.concatenate([np.array([self._lead], np.int32), whole])
        return row_within(ids, n_scored, self.model.max_positions), n_scored

    @torch.no_grad()
    def _weighed(self, rows: list[tuple[np.ndarray, int]]) -> list[tuple[float, bool]]:
        network: Any = self.model.causal_lm
        device = next(network.parameters()).device
        # The last token of each row is foretold alone, so it needs no position.
        ids = pad([row[:-1] for row, _ in rows], self.model.tokenizer.pad_id).to(device)
        # Padding on the right stays unseen, as attention is causal.
        with nullcontext() if self.model.uses_adapter else adapter_off(network):
            hidden = network.base_model(input_ids=ids, use_cache=False).last_hidden_state
        found: list[tuple[float, bool]] = []
        for place, (row, n_scored) in enumerate(rows):
            ends = slice(len(row) - n_scored - 1, len(row) - 1)
            logps = output_head(network)(hidden[place, ends]).float().log_softmax(-1)  # [n, V]
            wanted = torch.from_numpy(row[-n_scored:]).long().to(device)
            total = float(logps.gather(1, wanted[:, None]).sum())
            found.append((total, bool((logps.argmax(-1) == wanted).all())))
        return found
