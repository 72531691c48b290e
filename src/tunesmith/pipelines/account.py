"""Account: the ledger of encoded data; every row read is in it once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tunesmith.core.ledger import Ledger, SplitLedger
from tunesmith.data.files.splits import SPLITS
from tunesmith.data.split import Splits
from tunesmith.tasks.store import FATES, EncodedSplit, Store


def account(
    store: Store,
    splits: Splits,
    encoded: dict[str, EncodedSplit],
    refused: Mapping[int, str] | None = None,
) -> Ledger:
    """Counts what became of every row, by the split it ended up in.

    Args:
        store: what became of each row when it was encoded.
        splits: where each row went.
        encoded: the rows of each split, for their tokens.
        refused: source rows that were encoded, but do not fit the others; and why.
    """
    refused = refused or {}
    ledger = Ledger()
    ledger.notices = list(store.notices)
    source = store.source
    split_of = source.keys.split.copy()
    for number, name in enumerate(SPLITS):
        if name in splits.rows:
            split_of[splits.rows[name]] = number
    left_out = np.zeros(len(source.keys), np.bool_)
    for reason, rows in splits.left_out.items():
        for row in rows:
            ledger["train"].drop(store.origins()[row], reason)
        left_out[rows] = True
    for number, name in enumerate(SPLITS):
        rows = np.flatnonzero((split_of == number) & ~left_out)
        if len(rows) or name in splits.rows or name in encoded:
            _count(ledger[name], store, rows, refused)
    for name, split in encoded.items():
        _weigh(ledger[name], split, splits.rows.get(name))
    return ledger


def _count(ledger: SplitLedger, store: Store, rows: np.ndarray, refused: Mapping[int, str]) -> None:
    """Enters the fate of each row; whole rows are only counted."""
    source = store.source
    plain = (source.fate[rows] == FATES.index("kept")) & (source.mended[rows] < 0)
    plain &= ~np.isin(rows, list(refused))
    ledger.keep(int(plain.sum()))
    told = rows[~plain]
    origins = store.origins() if len(told) else []
    for row in told:
        code = source.reason[row]  # -1: kept whole
        fate, reason = FATES[source.fate[row]], source.reasons[code] if code >= 0 else ""
        if source.mended[row] >= 0:
            ledger.mend(origins[row], source.reasons[source.mended[row]])
        if row in refused:
            ledger.reject(origins[row], refused[row])
        elif fate == "kept":
            ledger.keep(1)
        elif fate == "cut":
            ledger.cut(origins[row], reason, n_cut=int(source.n_cut[row]))
        elif fate == "dropped":
            ledger.drop(origins[row], reason)
        else:
            ledger.reject(origins[row], reason)
    ledger.n_without_end += int(source.lacks_end[rows].sum())


def _weigh(ledger: SplitLedger, split: EncodedSplit, rows: np.ndarray | None) -> None:
    ledger.n_tokens += int(split.lengths.sum())
    ledger.n_supervised_tokens += int(split.n_learnt.sum())
    if rows is not None:
        ledger.n_repeated += len(rows) - len(np.unique(rows))
