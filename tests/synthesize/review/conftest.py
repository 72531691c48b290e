"""A served dataset for tests of the review page."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from made_dataset import make_dataset

from tunesmith.pipelines.review import Review, review


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Datasets of so many rows, each made once; tests write into copies."""
    return cache(lambda n_rows: make_dataset(tmp_path_factory.mktemp("made") / "set", n_rows))


@pytest.fixture
def dataset(tmp_path: Path, made: Callable[[int], Path]) -> Callable[[int], Path]:
    """A dataset of so many rows, the test's own."""
    return lambda n_rows: Path(shutil.copytree(made(n_rows), tmp_path / "set"))


@pytest.fixture
def serve(tmp_path: Path, dataset: Callable[[int], Path]) -> Iterator[Callable[..., Review]]:
    """Serves a dataset of so many rows, or the one that is there; it ends with the test."""
    with ExitStack() as served:

        def start(n_rows: int = 20) -> Review:
            folder = tmp_path / "set"
            return served.enter_context(
                review(folder if folder.exists() else dataset(n_rows), by="Ana")
            )

        yield start
