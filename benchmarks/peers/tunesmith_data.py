"""Our own preparation of a data set: tokenized, masked, on disk, with a packing of its rows.

Usage: tunesmith_data.py FILE TOKENIZER OUT
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version


def main(file: str, tokenizer_folder: str, out: str) -> None:
    """Prepares the file and prints what it took."""
    from tunesmith.data.packing import pack
    from tunesmith.pipelines.prepare import prepare
    from tunesmith.recipe import make_recipe

    started = time.perf_counter()
    recipe = make_recipe(
        {
            "model": {"path": tokenizer_folder},
            "data": {"path": file, "validation_fraction": 0},
            "template": "llama2",
            "out": out,
        }
    )
    prepared = prepare(recipe, weights=False)
    train = prepared.encoded["train"]
    rows = pack(train.lengths, prepared.limits.max_tokens)
    seconds = time.perf_counter() - started
    print(
        json.dumps(
            {
                "seconds": seconds,
                "tokens": int(train.lengths.sum()),
                "rows": len(rows),
                "version": version("tunesmith"),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
