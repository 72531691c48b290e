"""Fit: work that runs out of memory is done again in portions of half as many rows."""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch

from tunesmith.core.errors import RunError

Result = TypeVar("Result")
CPU_MESSAGES = (
    "can't allocate memory",  # torch's allocator
    "std::bad_alloc",  # whatever C++ asks for besides
    "could not create a memory object",  # oneDNN
    "could not create a primitive",  # oneDNN, where its scratch memory is refused
)
ADVICE = (
    "Lower train.micro_batch_size (train.tokens_per_row where rows are packed), "
    "train.eval_batch_size or data.max_tokens, set "
    "train.gradient_checkpointing=true, or use method=qlora. What it would need, and what would "
    "make it fit: --dry-run"
)

EVALUATION_ADVICE = (
    "Lower evaluate.batch_size (of predict: --batch-size), evaluate.max_new_tokens or "
    "data.max_tokens, or set model.dtype=bfloat16"
)
CHAT_ADVICE = (
    "Lower --max-new-tokens, shorten the text or the conversation, end what else needs memory, or "
    "ask a smaller model"
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or in the process."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(m in str(error) for m in CPU_MESSAGES)


def too_little_memory(error: BaseException, where: str = "", advice: str = ADVICE) -> RunError:
    """What is told where fewer rows do not help.

    The traceback is cut off, because its frames hold the tensors that took the memory.
    """
    error.__traceback__ = None
    fact = (str(error).splitlines() or [""])[0].removesuffix(".") or type(error).__name__
    return RunError(f"there is too little memory{where}: {fact}. {advice}")


@contextmanager
def advised(advice: str, where: str = "") -> Iterator[None]:
    """Answers a lack of memory within it with advice.

    Args:
        advice: what to do.
        where: what it is too little for, as " for ...".

    Raises:
        RunError: memory ran out.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise too_little_memory(error, where, advice) from None


class Portion:
    """How many rows are on the device at once; it halves where memory runs out, and stays so."""

    def __init__(self, n_rows: int, work: str, advice: str = ADVICE) -> None:
        """Starts as the settings have it.

        Args:
            n_rows: at once.
            work: what is done with them, as messages call it.
            advice: what is told where one row does not fit.
        """
        self.n_rows = n_rows
        self.work = work
        self.advice = advice

    def run(self, most: int, work: Callable[[int], Result], undo: Callable[[], None]) -> Result:
        """Does some work, from its start again with half the rows at once as often as need be.

        Args:
            most: rows that the work has at once where nothing limits it.
            work: is given the most rows at once.
            undo: puts back what unfinished work has changed.

        Raises:
            RunError: memory does not suffice for one row.
        """
        while True:
            n_rows = min(self.n_rows, most)
            try:
                return work(n_rows)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if n_rows == 1:
                    where = f" for one row in {self.work}"
                    raise too_little_memory(error, where, self.advice) from None
            # Only outside of the block are the tensors of the failed work let go.
            undo()
            release_memory()
            self.n_rows = (n_rows + 1) // 2
            print(
                f"out of memory with {n_rows} rows at once in {self.work}: {self.n_rows} at once "
                "from here on. Sums are the same up to rounding; it takes longer.",
                file=sys.stderr,
                flush=True,
            )


def divide(rows: Sequence[Sequence[int]], most: int) -> list[list[int]]:
    """Micro-batches of at most ``most`` rows each, in the same order."""
    return [
        list(micro[start : start + most]) for micro in rows for start in range(0, len(micro), most)
    ]


def release_memory() -> None:
    """Gives memory that is free inside of allocators back, so that it can be had in one piece."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
