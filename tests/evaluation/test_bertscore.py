"""BERTScore: known truths, and the authors' own package where it is installed."""

from __future__ import annotations

import warnings

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.errors import ModelError  # noqa: E402
from tunesmith.evaluation.metrics.chosen import chosen  # noqa: E402
from tunesmith.evaluation.score import score_answers  # noqa: E402

WORDS = "the kettle leaks a new one comes on friday monday ana bo agent user".split()
PAIRS = [
    ("the kettle leaks", ["the kettle leaks"]),
    ("a new one comes", ["the new one comes on friday", "ana comes"]),
    ("monday", ["bo comes on monday a new agent"]),
]


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("bert")
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(tokens), "utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=24,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=24)
    tokenizer.save_pretrained(folder)
    return folder


def found(metric, pairs):
    answers, references = zip(*pairs, strict=True)
    return score_answers([metric], list(answers), list(references))


def test_a_text_is_wholly_alike_itself_and_others_are_less(bert):
    rows = found(f"bertscore:encoder={bert}", PAIRS).rows
    assert rows[0]["bertscore"] == pytest.approx(1.0, abs=1e-6)
    assert all(row["bertscore"] < 1 for row in rows[1:])


def test_a_batch_scores_as_each_pair_alone(bert):
    metric = f"bertscore:encoder={bert}"
    together = found(metric, PAIRS).rows
    for row, pair in zip(together, PAIRS, strict=True):
        [alone] = found(metric, [pair]).rows
        assert row == pytest.approx(alone, abs=1e-6)


def test_a_decoder_is_an_encoder_too_and_an_empty_answer_scores_nothing(tiny):
    rows = found(f"bertscore:encoder={tiny}", [("Ana", ["Ana"]), ("", ["Ana"])]).rows
    assert rows[0]["bertscore"] == pytest.approx(1.0, abs=1e-6)
    assert rows[1]["bertscore"] == 0.0


def test_long_texts_are_cut_and_it_is_told(bert):
    [note] = found(f"bertscore:encoder={bert}", [("ana " * 40, ["ana"])]).notes
    assert "1 texts are longer than it reads" in note


@pytest.mark.parametrize(
    ("settings", "told"),
    [("", "name a local model"), (":encoder=/nowhere", "there is no config.json")],
)
def test_a_missing_encoder_is_told_with_the_next_step(settings, told):
    with pytest.raises(ModelError, match=told):
        found(f"bertscore{settings}", PAIRS)


def test_a_layer_that_is_not_there_is_refused(bert):
    with pytest.raises(ModelError, match="the encoder has 2"):
        found(f"bertscore:encoder={bert},layer=3", PAIRS)
    [metric] = chosen([f"bertscore:encoder={bert},layer=99"])
    with pytest.raises(ModelError, match=r"layer=99, and the encoder has 2\. Set it to 0 to 2"):
        metric.require_usable()  # before any answer is made
    chosen([f"bertscore:encoder={bert},layer=2"])[0].require_usable()


@pytest.mark.parametrize("idf", [False, True])
@pytest.mark.parametrize("layer", [1, 2])
def test_figures_are_those_of_the_authors_package(bert, idf, layer):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package = pytest.importorskip("bert_score", reason="bert-score is not installed")
        answers, references = (list(side) for side in zip(*PAIRS, strict=True))
        theirs = package.score(
            answers, references, model_type=str(bert), num_layers=layer, idf=idf, nthreads=1
        )
    metric = f"bertscore:encoder={bert},layer={layer},idf={str(idf).lower()}"
    rows = found(metric, PAIRS).rows
    kinds = ("bertscore_precision", "bertscore_recall", "bertscore")
    for kind, values in zip(kinds, theirs, strict=True):
        assert [row[kind] for row in rows] == pytest.approx(values.tolist(), abs=1e-5)
