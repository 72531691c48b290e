"""Split: by document, near copies together, and nothing on both sides."""

from __future__ import annotations

import hashlib
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.synthesize.chunks import Chunk, chunks
from tunesmith.synthesize.documents.block import ParsedDocument
from tunesmith.synthesize.documents.writer import Writer
from tunesmith.synthesize.split import DocumentSplit, SplitPlan

WORDS = "lamp hall store river stone paper cloud house garden winter letter bridge".split()


def paragraph(seed: object, n_words: int = 40) -> str:
    draw = random.Random(str(seed))
    return " ".join(f"{draw.choice(WORDS)}{draw.randrange(1000)}" for _ in range(n_words)) + "."


def document(*paragraphs: str) -> ParsedDocument:
    writer = Writer()
    for text in paragraphs:
        writer.add("paragraph", text)
    sha256 = hashlib.sha256(writer.text.encode()).hexdigest()
    return ParsedDocument("it", "text", sha256, writer.text, tuple(writer.blocks))


def own(name: str, n: int = 8) -> list[str]:
    return [paragraph(f"{name} {k}") for k in range(n)]


def plan(*documents: ParsedDocument, fraction: float = 0.3, seed: int = 0) -> SplitPlan:
    split = DocumentSplit()
    for one in documents:
        split.add(one, chunks(one))
    return split.plan(fraction, seed=seed)


def test_documents_are_parted_as_a_whole_and_about_by_the_fraction():
    documents = [document(*own(f"d{n}")) for n in range(40)]
    found = plan(*documents, fraction=0.2)
    assert 6 <= len(found.evaluation) <= 10
    assert found.n_groups == 40 and not found.shared
    assert found == plan(*reversed(documents), fraction=0.2), "the order does not matter"
    assert found != plan(*documents, fraction=0.2, seed=1)


def test_near_copies_and_excerpts_go_to_one_side():
    base = own("base", 12)
    changed = [base[0].replace("lamp", "lantern", 1), *base[1:]]
    resettled = document("\n".join(base).replace(" ", "\n"))
    excerpt = document(*base[:5], paragraph("own end"))
    family = [document(*base), document(*changed), resettled, excerpt]
    others = [document(*own(f"other {n}")) for n in range(6)]
    for seed in range(12):
        found = plan(*family, *others, fraction=0.3, seed=seed)
        assert found.n_groups == 7
        assert len({one.sha256 in found.evaluation for one in family}) == 1


def test_what_stands_on_both_sides_is_left_out_of_evaluation():
    disclaimer = paragraph("disclaimer", 30)
    documents = [document(*own(f"d{n}", 30), disclaimer) for n in range(10)]
    found = plan(*documents, fraction=0.3)
    assert found.n_groups == 10, "a sentence in all of them does not make them one"
    assert found.evaluation == found.shared.keys()
    for one in documents:
        parts = chunks(one)
        sides = [found.split_of(one.sha256, n) for n in range(len(parts))]
        if one.sha256 in found.evaluation:
            assert sides == ["eval"] * (len(parts) - 1) + [None]
        else:
            assert set(sides) == {"train"}


def test_nothing_is_for_evaluation_where_nothing_can_be():
    same = own("same")
    assert not plan(document(*same), document(*same, paragraph("x"))).evaluation
    assert not plan(*[document(*own(f"d{n}")) for n in range(4)], fraction=0).evaluation
    assert not plan().evaluation
    assert len(plan(document(*own("a")), document(*own("b"))).evaluation) == 1


@settings(max_examples=25)
@given(
    st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=8), min_size=1, max_size=10),
    st.floats(0.05, 0.9),
    st.integers(0, 3),
)
def test_no_chunk_is_shared_between_train_and_evaluation(recipes, fraction, seed):
    """Documents of paragraphs that are drawn from few, so that they overlap in every way."""
    documents = [document(*(paragraph(n, 12) for n in numbers)) for numbers in recipes]
    documents = list({one.sha256: one for one in documents}.values())
    found = plan(*documents, fraction=fraction, seed=seed)
    sides: dict[str, set[str]] = {"train": set(), "eval": set()}
    for one in documents:
        parts: list[Chunk] = chunks(one)
        for n, part in enumerate(parts):
            side = found.split_of(one.sha256, n)
            if side is not None:
                sides[side].add(" ".join(part.text_in(one).split()))
    assert not sides["train"] & sides["eval"]
    if found.evaluation:
        assert sides["train"]


def test_one_more_document_moves_no_other():
    documents = [document(*own(f"d{n}")) for n in range(20)]
    split = DocumentSplit()
    for one in documents:
        split.add(one, chunks(one))
    first = split.plan(0.3)
    kept = {d.sha256: "eval" if d.sha256 in first.evaluation else "train" for d in documents}
    for n in range(10):
        more = document(*own(f"more {n}"))
        split.add(more, chunks(more))
    second = split.plan(0.3, kept=kept)
    assert first.evaluation <= second.evaluation
    assert all(side == "eval" or sha not in second.evaluation for sha, side in kept.items())


def test_a_copy_of_a_training_document_trains_too_and_training_is_never_empty():
    base, other = own("base", 12), document(*own("other"))
    first, copy = document(*base), document(*base[:11])
    split = DocumentSplit()
    for one in (first, copy, other):
        split.add(one, chunks(one))
    kept = {first.sha256: "train", copy.sha256: "eval", other.sha256: "eval"}
    assert split.plan(0.3, kept=kept).evaluation == {other.sha256}
    alone = DocumentSplit()
    alone.add(other, chunks(other))
    assert not alone.plan(0.3, kept=kept).evaluation
