"""Scoring and predicting with less memory than the rows at once would take."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

torch = pytest.importorskip("torch")

import tunesmith  # noqa: E402
from tunesmith.core.errors import RunError  # noqa: E402
from tunesmith.model.kv_cache import KVCache  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402

LABELLED = [{"text": f"{n} is fine", "label": ["bad", "good"][n % 2]} for n in range(16)]
DOCUMENTS = [{"text": f"The kettle {n} leaks, and it is sent back on Friday."} for n in range(16)]
PAIRS = [{"prompt": f"Q {n}", "chosen": f"Yes {n}", "rejected": "No never"} for n in range(16)]
KINDS = {
    "dialogues": (None, {}, 3),
    "labels": (LABELLED, {"task": "classify"}, 3),
    "text": (DOCUMENTS, {"task": "causal-lm", "template": None}, 3 * 30),
    "pairs": (PAIRS, {"task": "preference", "template": "alpaca"}, 3 * 60),
}


@contextmanager
def room_for(size):
    """Has every embedding of more rows (or, where rows lie in one line, tokens) find no memory.

    Nor have the keys and values of more rows, where answers are written.
    """
    fit = KVCache.fit

    def refuse_slots(cache, n_positions):
        if cache.n_slots > size:
            raise MemoryError
        fit(cache, n_positions)

    def refuse(module, args):
        if isinstance(module, torch.nn.Embedding):
            rows = len(args[0]) if size < 30 else args[0].numel()
            if rows > size:
                raise MemoryError

    handle = torch.nn.modules.module.register_module_forward_pre_hook(refuse)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(KVCache, "fit", refuse_slots)
            yield
    finally:
        handle.remove()


@pytest.fixture(params=KINDS)
def kind(request, recipe_fields, tmp_path, lines):
    rows, changes, size = KINDS[request.param]
    if rows is not None:
        path = str(lines(tmp_path / "rows.jsonl", *rows))
        recipe_fields["data"] = {"path": path, "validation_fraction": 0.5}
    train = {"epochs": 1, "batch_size": 6}
    return make_recipe({**recipe_fields, **changes, "train": train, "evaluate": {"batch_size": 8,
                        "max_new_tokens": 4}}), size  # fmt: skip


def figures(scores):
    found = scores.get("models", scores)
    return {name: row for name, row in found.items() if isinstance(row, dict)}


def test_scores_are_the_same_with_fewer_rows_at_once(kind, capsys):
    recipe, size = kind
    tunesmith.train(recipe)
    whole = figures(tunesmith.evaluate(recipe))
    capsys.readouterr()
    with room_for(size):
        halved = figures(tunesmith.evaluate(recipe))
    assert "out of memory with 8 rows at once in evaluation: 4 at once" in capsys.readouterr().err
    assert halved.keys() == whole.keys()
    for name, row in whole.items():
        assert halved[name] == pytest.approx(row, rel=1e-4, abs=1e-4)
    with (
        room_for(0),
        pytest.raises(RunError, match=r"for one row in evaluation.*evaluate\.batch_s"),
    ):
        tunesmith.evaluate(recipe)


def test_predictions_are_the_same_with_fewer_rows_at_once(recipe_fields, tmp_path, lines, capsys):
    path = str(lines(tmp_path / "rows.jsonl", *LABELLED))
    data = {"path": path, "validation_fraction": 0.5}
    run = tunesmith.train(make_recipe({**recipe_fields, "data": data, "task": "classify"}))
    texts = [row["text"] for row in LABELLED]
    whole = [one["answer"] for one in tunesmith.predict(run, texts=texts)]
    with room_for(3):
        assert [one["answer"] for one in tunesmith.predict(run, texts=texts)] == whole
    assert "out of memory with 32 rows at once in evaluation" in capsys.readouterr().err
    with room_for(0), pytest.raises(RunError, match=r"too little memory.*--batch-size"):
        list(tunesmith.predict(run, texts=texts))
