"""Fit: work that runs out of memory is done again in portions of half the size."""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable, Iterator
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
    "Lower train.tokens_at_once (or train.micro_batch_size where that is set), "
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
    """How much is on the device at once; it halves where memory runs out, and stays so."""

    def __init__(self, size: int, work: str, advice: str = ADVICE, unit: str = "rows") -> None:
        """Starts as the settings have it.

        Args:
            size: at once.
            work: what is done with it, as messages call it.
            advice: what is told where the least does not fit.
            unit: what the size counts, as messages call it.
        """
        self.size = size
        self.work = work
        self.advice = advice
        self.unit = unit

    def run(
        self,
        most: int,
        work: Callable[[int], Result],
        undo: Callable[[], None],
        least: int = 1,
    ) -> Result:
        """Does some work, from its start again with half of it at once as often as need be.

        Args:
            most: what the work has at once where nothing limits it.
            work: is given the most at once.
            undo: puts back what unfinished work has changed.
            least: what one row has.

        Raises:
            RunError: memory does not suffice for one row.
        """
        while True:
            size = min(self.size, most)
            try:
                return work(size)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if size <= least:
                    where = f" for one row in {self.work}"
                    raise too_little_memory(error, where, self.advice) from None
            # Only outside of the block are the tensors of the failed work let go.
            undo()
            release_memory()
            self.size = max(least, (size + 1) // 2)
            print(
                f"out of memory with {size} {self.unit} at once in {self.work}: {self.size} at "
                "once from here on. Sums are the same up to rounding; it takes longer.",
                file=sys.stderr,
                flush=True,
            )


def release_memory() -> None:
    """Gives memory that is free inside of allocators back, so that it can be had in one piece."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
