"""Review: a dataset that was built, opened for a person to decide on its rows."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tunesmith.core.errors import DataError, RunError
from tunesmith.synthesize.catalog import Catalog
from tunesmith.synthesize.review.decisions import Decisions
from tunesmith.synthesize.review.desk import Desk
from tunesmith.synthesize.review.filters import Filter
from tunesmith.synthesize.review.server import ReviewServer

ROWS = "rows.jsonl"
DOCUMENTS = "documents.sqlite"
DECISIONS = "review.sqlite"


@dataclass(frozen=True, slots=True)
class Review:
    """A page that is being served."""

    server: ReviewServer
    decisions: Path

    @property
    def url(self) -> str:
        """Where the page is, with the token that opens it."""
        return self.server.url

    def counts(self) -> dict[str, int]:
        """Rows by what was decided on them."""
        with self.server.desk.turn:
            return self.server.desk.progress(Filter())

    def wait(self) -> None:
        """Waits until it is interrupted."""
        self.server.wait()


@contextmanager
def review(folder: str | Path, *, port: int = 0, by: str | None = None) -> Iterator[Review]:
    """Serves the page of a dataset on the loopback address, as long as the context lasts.

    Args:
        folder: what ``tunesmith data build`` has written.
        port: 0: a free one.
        by: who decides; None: the name of the user.

    Raises:
        DataError: the folder holds no dataset, or a damaged one.
        RunError: the port is taken, or the decisions cannot be written.
    """
    folder = Path(folder).expanduser()
    for name in (ROWS, DOCUMENTS):
        if not (folder / name).is_file():
            raise DataError(
                f"{folder}: holds no {name}. Name a folder that `tunesmith data build` has written."
            )
    with ExitStack() as open_files:
        documents = open_files.enter_context(Catalog(folder / DOCUMENTS))
        decisions = open_files.enter_context(Decisions(folder / DECISIONS))
        desk = Desk(folder / ROWS, documents, decisions, by=_user() if by is None else by)
        open_files.callback(desk.close)
        try:
            server = ReviewServer(desk, folder.resolve().name, port=port)
        except OSError as error:
            raise RunError(
                f"port {port}: cannot be taken ({error.strerror}). Choose another, or none."
            ) from None
        with server:
            yield Review(server, decisions.path)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without a name
        return ""
