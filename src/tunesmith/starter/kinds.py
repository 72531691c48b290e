"""The shapes of a product domain and of one problem in it."""

from __future__ import annotations

from dataclasses import dataclass

NOT_ARRIVED = frozenset({"pickup", "store", "fix", "part", "technician", "refusal"})
"""Outcomes that make no sense for a product that never came."""

MONEY_ONLY = frozenset(
    {"pickup", "store", "fix", "part", "technician", "replacement", "wait", "refusal", "reissue"}
)
"""Outcomes that make no sense for a billing error."""


@dataclass(frozen=True)
class Problem:
    """What is wrong.

    Attributes:
        clause: words used both by the customer and in the summary. Its subject is the product
            ("leaks at the base"), or the customer where `by_customer` is set, and then the
            product follows it ("cannot log in to").
        details: further customer sentences, each complete.
        fixes: things to try, each in the base form ("clean the rubber seal"); none or two.
        part: the spare part that would mend it, or "".
        proof: what the agent may ask to see, or "" for the domain's own choices.
        by_customer: whether the customer is the subject of `clause`.
        bars: outcome keys that do not suit the problem.
    """

    clause: str
    details: tuple[str, ...]
    fixes: tuple[str, ...] = ()
    part: str = ""
    proof: str = ""
    by_customer: bool = False
    bars: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Domain:
    """A trade: its products, what goes wrong, and how its people speak.

    Attributes:
        key: short name of the trade.
        got: how the customer came by the product, past tense ("bought").
        products: singular product nouns; every problem suits every one of them.
        problems: what may go wrong.
        questions: pairs of an agent's question and possible customer answers.
        outcomes: keys of the outcomes that the trade offers.
        teams: names of teams a case may be passed to.
        events: clauses for what a waiting customer waits for, each said with "when".
        proofs: what the agent may ask to see.
        deal: what is cancelled or discounted ("order", "contract").
        cover: what may have run out ("guarantee").
        document: what may be sent anew by email, or "".
    """

    key: str
    got: str
    products: tuple[str, ...]
    problems: tuple[Problem, ...]
    questions: tuple[tuple[str, tuple[str, ...]], ...]
    outcomes: tuple[str, ...]
    teams: tuple[str, ...]
    events: tuple[str, ...]
    proofs: tuple[str, ...]
    deal: str
    cover: str
    document: str = ""


def never_received(*details: str) -> Problem:
    """Return the problem of a product that did not come, with customer sentences `details`."""
    return Problem(
        "never received", details, proof="a copy of the order form", by_customer=True,
        bars=NOT_ARRIVED,
    )  # fmt: skip


def charged_twice(*details: str) -> Problem:
    """Return the problem of a double charge, with customer sentences `details`."""
    return Problem(
        "was charged twice for", details, proof="a copy of the bank statement",
        by_customer=True, bars=MONEY_ONLY,
    )  # fmt: skip
