"""Works through a store of planted requests: ``fill_store.py STORE URL N AT_ONCE``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "teacher"))

from planted import planted  # noqa: E402
from pydantic import BaseModel  # noqa: E402

from tunesmith.chat.endpoint import parse_endpoint  # noqa: E402
from tunesmith.chat.hosted import HostedModel  # noqa: E402
from tunesmith.chat.patience import Patience  # noqa: E402
from tunesmith.chat.request import Request  # noqa: E402
from tunesmith.synthesize.store import RequestStore  # noqa: E402
from tunesmith.synthesize.work_through import judge_items, work_through  # noqa: E402


class Pair(BaseModel):
    question: str
    answer: str
    evidence: str


def requests(n: int) -> list[Request]:
    return [
        Request(({"role": "user", "content": fact.request},), tag=f"fact {fact.number}")
        for fact in planted(n)
    ]


def fill(path: Path, url: str, n: int, at_once: int) -> None:
    endpoint = parse_endpoint(f"{url}#teacher")
    patience = Patience(first_wait_s=0.01, longest_wait_s=0.05)
    with RequestStore(path, endpoint) as store:
        store.add(requests(n))
        model = HostedModel(endpoint, at_once=at_once, patience=patience)
        work_through(store, model, judge_items(Pair))


if __name__ == "__main__":
    fill(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
