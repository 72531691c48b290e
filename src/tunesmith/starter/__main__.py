"""Command line: write the corpus, the dialogues and the blank model to pre-train."""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tunesmith.starter.blank import write_blank
from tunesmith.starter.dialogues import Split, generate_cases
from tunesmith.starter.letters import generate_letters
from tunesmith.starter.lists import generate_lists
from tunesmith.starter.records import pretraining_text, tweetsumm_record
from tunesmith.starter.stories import generate_stories

VALIDATION_DOCUMENTS = 400
SIZES: dict[Split, int] = {"train": 1400, "validation": 100, "test": 100}


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write `rows` to `path`, one JSON object per line in UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write_corpus(
    folder: Path, *, cases: int, stories: int, lists: int, letters: int, seed: int
) -> tuple[list[str], int, int]:
    """Write `train.jsonl` and `validation.jsonl`, each row holding one "text".

    Args:
        folder: where to write.
        cases: number of dialogues.
        stories: number of stories.
        lists: number of lists.
        letters: number of letters.
        seed: any integer.

    Returns:
        The texts for training, documents for validation, and words in all of them.
    """
    texts = [pretraining_text(case) for case in generate_cases(cases, seed, split="pretrain")]
    texts += generate_stories(stories, seed)
    texts += generate_lists(lists, seed)
    texts += generate_letters(letters, seed)
    random.Random(f"corpus:{seed}").shuffle(texts)
    held = min(VALIDATION_DOCUMENTS, len(texts) // 10)
    write_lines(folder / "validation.jsonl", ({"text": text} for text in texts[:held]))
    write_lines(folder / "train.jsonl", ({"text": text} for text in texts[held:]))
    return texts[held:], held, sum(len(text.split()) for text in texts)


def write_dialogues(folder: Path, *, sizes: dict[Split, int], seed: int) -> dict[Split, int]:
    """Write one file of records per split; return each split's words, labels left out.

    Args:
        folder: where to write.
        sizes: records per split ("train", "validation", "test").
        seed: any integer.
    """
    words: dict[Split, int] = {}
    for split, size in sizes.items():
        cases = list(generate_cases(size, seed, split=split))
        records = (tweetsumm_record(case, split, i) for i, case in enumerate(cases, start=1))
        write_lines(folder / f"{split}.jsonl", records)
        words[split] = sum(len(text.split()) for case in cases for _, text in case.turns)
    return words


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line with `argv` and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tunesmith.starter", description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--cases", type=int, default=40000, help="pre-training dialogues")
    parser.add_argument("--stories", type=int, default=10000, help="pre-training stories")
    parser.add_argument("--lists", type=int, default=24000, help="pre-training lists")
    parser.add_argument("--letters", type=int, default=0, help="pre-training letters")
    for split, size in SIZES.items():
        parser.add_argument(f"--{split}", type=int, default=size, help=f"{split} records")
    options = parser.parse_args(argv)
    train, held, words = write_corpus(
        options.out / "corpus",
        cases=options.cases,
        stories=options.stories,
        lists=options.lists,
        letters=options.letters,
        seed=options.seed,
    )
    write_blank(options.out / "blank", train)
    print(f"corpus: {len(train)} training and {held} validation documents, {words} words")
    sizes: dict[Split, int] = {split: getattr(options, split) for split in SIZES}
    for split, count in write_dialogues(
        options.out / "dialogues", sizes=sizes, seed=options.seed
    ).items():
        print(f"dialogues: {sizes[split]} {split} records, {count} words")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
