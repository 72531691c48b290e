"""BERTScore: answers and references alike in what a local model makes of their tokens."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from tunesmith.core.answers import Answer, shown
from tunesmith.core.errors import ModelError
from tunesmith.core.extras import require
from tunesmith.evaluation.metrics.metric import Metric, Scores

AT_ONCE = 32
"""Texts of a forward pass."""


class BertScore(Metric):
    """BERTScore: greedy matching of token states by their cosine (Zhang et al. 2020).

    Precision is the mean over an answer's tokens of the highest cosine with any token of the
    reference, recall the same the other way round, F1 their harmonic mean (arXiv:1904.09675, eqs. 1
    to 3). Special tokens do not count, as in the paper. Figures depend on the encoder and are not
    rescaled, so compare them for one encoder only.
    """

    name: Literal["bertscore"] = "bertscore"
    encoder: str = ""
    """Folder of any local transformers model, an encoder or a decoder; it must be named:
    ``bertscore:encoder=PATH``."""
    layer: int | None = Field(default=None, ge=0)
    """Layer whose states are compared, 0 being the embeddings; None: the last."""
    idf: bool = False
    """Whether rare tokens weigh more, by how many references have them (section 3)."""
    gives: ClassVar[tuple[str, ...]] = ("bertscore", "bertscore_precision", "bertscore_recall")
    headings: ClassVar[Mapping[str, str]] = {"bertscore": "BERTScore"}
    scales: ClassVar[Mapping[str, str]] = dict.fromkeys(gives, "-1 to 1")
    about: ClassVar[str] = (
        "BERTScore matches each token of one text with the token of the other that a language "
        "model finds most alike. Higher is better."
    )

    def require_usable(self) -> None:
        """Checks that the encoder can be loaded, and has the layer."""
        encoder = _encoder(self.encoder)
        n_layers = getattr(encoder.network.config, "num_hidden_layers", None)
        if n_layers is not None:
            _require_layer(self.layer, n_layers)

    def score(self, answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        """Means over all answers; precision, recall and F1 each against the best reference.

        Raises:
            ModelError: no encoder is named, or it cannot be used.
            MissingExtraError: torch or transformers is not installed.
        """
        texts = [shown(answer).strip() for answer in answers]
        accepted = [[shown(one).strip() for one in some] for some in references]
        encoder = _encoder(self.encoder)
        every = list(dict.fromkeys([*texts, *(one for some in accepted for one in some)]))
        states = dict(zip(every, encoder.states(every, self.layer), strict=True))
        rarity = self._rarity([states[one][1] for some in accepted for one in some])
        rows = [
            self._best([_matched(states[t], states[o], encoder.special, rarity) for o in some])
            for t, some in zip(texts, accepted, strict=True)
        ]
        values = {name: sum(row[name] for row in rows) / len(rows) for name in self.gives}
        cut = sum(text in encoder.cut for text in every)
        note = f"BERTScore compares states of {Path(self.encoder).name}"
        told = f"; {cut} texts are longer than it reads, and were cut." if cut else "."
        return Scores(values, rows, {}, (note + told,))

    def _rarity(self, references: Sequence[np.ndarray]) -> dict[int, float] | None:
        """Inverse document frequencies of token ids, with one added to both counts."""
        if not self.idf:
            return None
        n_with = Counter(int(i) for ids in references for i in set(ids.tolist()))
        n = len(references)
        found = {i: math.log((n + 1) / (count + 1)) for i, count in n_with.items()}
        return {**found, -1: math.log(n + 1)}  # of a token that no reference has

    def _best(self, scores: Sequence[tuple[float, float, float]]) -> dict[str, float]:
        precision, recall, f1 = (max(column) for column in zip(*scores, strict=True))
        return {"bertscore": f1, "bertscore_precision": precision, "bertscore_recall": recall}


def _matched(
    said: tuple[np.ndarray, np.ndarray],
    right: tuple[np.ndarray, np.ndarray],
    special: frozenset[int],
    rarity: Mapping[int, float] | None,
) -> tuple[float, float, float]:
    """Precision, recall and F1 of two texts, each its states [T, D] of length 1 and ids [T]."""
    alike = said[0] @ right[0].T  # [T, T]
    weights = [_weights(ids, special, rarity) for _, ids in (said, right)]
    if not all(w.sum() > 0 for w in weights):
        return 0.0, 0.0, 0.0
    precision = float((alike.max(1) * weights[0]).sum() / weights[0].sum())
    recall = float((alike.max(0) * weights[1]).sum() / weights[1].sum())
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0.0


def _weights(
    ids: np.ndarray, special: frozenset[int], rarity: Mapping[int, float] | None
) -> np.ndarray:
    """[T]; special tokens can be matched and weigh nothing, as in the authors' code."""
    return np.array(
        [
            0.0 if i in special else 1.0 if rarity is None else rarity.get(i, rarity[-1])
            for i in ids.tolist()
        ]
    )


class _Encoder:
    """A transformers model that gives states of tokens."""

    def __init__(self, folder: Path) -> None:
        transformers = require("transformers", extra="train", purpose="BERTScore")
        try:
            self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True
            )
            self.network: Any = transformers.AutoModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True
            ).eval()
        except (OSError, ValueError) as error:
            told = " ".join(str(error).split())
            raise ModelError(f"{folder}: cannot be used as BERTScore's encoder: {told}") from None
        self.special = frozenset(self.tokenizer.all_special_ids)
        self.longest = min(
            int(getattr(self.network.config, "max_position_embeddings", 512)),
            int(self.tokenizer.model_max_length),
        )
        self.cut: set[str] = set()

    def states(
        self, texts: Sequence[str], layer: int | None
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """States of length 1 [T, D] and token ids [T] of each text."""
        import torch

        every = [self._ids(text) for text in texts]
        order = sorted(range(len(texts)), key=lambda place: -len(every[place]))
        found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        for start in range(0, len(order), AT_ONCE):
            places = order[start : start + AT_ONCE]
            longest = max(1, *(len(every[p]) for p in places))
            ids = torch.zeros((len(places), longest), dtype=torch.long)
            mask = torch.zeros_like(ids)
            for row, place in enumerate(places):
                own = torch.tensor(every[place], dtype=torch.long)
                ids[row, : len(own)], mask[row, : len(own)] = own, 1
            with torch.no_grad():
                out = self.network(input_ids=ids, attention_mask=mask, output_hidden_states=True)
            n_layers = len(out.hidden_states) - 1
            _require_layer(layer, n_layers)
            hidden = out.hidden_states[n_layers if layer is None else layer].float()
            hidden = torch.nn.functional.normalize(hidden, dim=-1).numpy()  # [B, T, D]
            for row, place in enumerate(places):
                own_ids = np.array(every[place], np.int64)
                found[place] = (hidden[row, : len(own_ids)].copy(), own_ids)
        return [found[place] for place in range(len(texts))]

    def _ids(self, text: str) -> list[int]:
        whole = self.tokenizer(text, verbose=False)["input_ids"]
        if len(whole) <= self.longest:
            return whole
        self.cut.add(text)
        return self.tokenizer(text, truncation=True, max_length=self.longest)["input_ids"]


def _require_layer(layer: int | None, n_layers: int) -> None:
    if layer is not None and layer > n_layers:
        raise ModelError(
            f"bertscore: layer={layer}, and the encoder has {n_layers}. Set it to 0 to {n_layers}."
        )


def _encoder(path: str) -> _Encoder:
    if not path:
        raise ModelError("bertscore: name a local model: --metric bertscore:encoder=PATH.")
    folder = Path(path).expanduser().absolute()
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder}: holds no model for BERTScore; there is no config.json.")
    return _loaded(folder)


@cache
def _loaded(folder: Path) -> _Encoder:
    return _Encoder(folder)
