"""What can be measured beside answers: running text, classes one by one, metrics of one's own."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.errors import DataError, ModelError, RecipeError, RunError  # noqa: E402
from tunesmith.evaluation.foretold import foretold_texts  # noqa: E402
from tunesmith.evaluation.perplexity import RunningText, perplexity  # noqa: E402
from tunesmith.pipelines import bases  # noqa: E402
from tunesmith.pipelines.compare import compare  # noqa: E402
from tunesmith.pipelines.compare_request import CompareRequest  # noqa: E402
from tunesmith.pipelines.load import load  # noqa: E402

TEXTS = ["The kettle leaks.", "A new one comes on Friday. " * 30, "Ana asks.\n\nBo answers her."]


@pytest.fixture
def texts(tmp_path, lines):
    return lines(tmp_path / "texts.jsonl", *({"text": text} for text in TEXTS))


@pytest.fixture
def request_of(tiny, tmp_path):
    def make(data, *models, **fields):
        given = {"data": str(data), "out": str(tmp_path / "out"), "max_new_tokens": 4, **fields}
        return CompareRequest(models or (f"a={tiny}", "b=tunesmith-tiny"), **given)

    return make


def test_each_text_is_scored_by_itself_and_all_of_them_as_one_pass_does(tiny):
    model = load(tiny)
    ids = [np.array(np.random.default_rng(n).integers(5, 99, n), np.int32) for n in (2, 60, 9)]
    texts = [RunningText(one, 5, 20) for one in ids]
    each = foretold_texts(model, texts, window=16, stride=5)
    whole = perplexity(model.causal_lm, texts, window=16, stride=5, batch_size=3)
    assert sum(one.nats for one in each) == pytest.approx(whole.nats, rel=1e-5)
    assert [one.n_tokens for one in each] == [1, 59, 8]
    for one, text in zip(each, texts, strict=True):
        alone = perplexity(model.causal_lm, [text], window=16, stride=5, batch_size=3)
        assert one.nats == pytest.approx(alone.nats, rel=1e-5)


def test_running_text_is_compared_by_document_and_told_the_same_again(request_of, texts):
    request = request_of(texts)
    found = compare(request)
    assert found["task"] == "causal-lm" and found["n"] == 3
    assert found["judged_by"] == "bits_per_byte"
    file = Path(request.out) / "answers" / "a.foretold.jsonl"
    kept = [json.loads(line) for line in file.read_text().splitlines()]
    nats = [line["answer"]["answer"] for line in kept if "answer" in line]
    n_bytes = [len(text.encode()) for text in TEXTS]
    scores = found["models"]["a"]["scores"]
    expected = sum(nats) / math.log(2) / sum(n_bytes)
    assert scores["bits_per_byte"]["value"] == pytest.approx(expected)
    n_words = sum(len(text.split()) for text in TEXTS)
    assert scores["word_perplexity"]["value"] == pytest.approx(math.exp(sum(nats) / n_words))
    examples = (Path(request.out) / "examples.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in examples]
    own = [row["answers"]["a"]["bits_per_byte"] for row in rows]
    assert own == pytest.approx([n / math.log(2) / b for n, b in zip(nats, n_bytes, strict=True)])
    [pair] = [pair for pair in found["pairs"] if pair["score"] == "bits_per_byte"]
    assert pair["difference"] < 0 and pair["low"] <= pair["difference"] <= pair["high"]
    assert any("logarithm is what is averaged" in note for note in found["notes"])
    first = (Path(request.out) / "comparison.json").read_bytes()
    assert compare(request) == found
    assert (Path(request.out) / "comparison.json").read_bytes() == first


def test_running_text_is_not_told_as_if_it_had_been_written(request_of, texts):
    request = request_of(texts)
    for told in compare(request)["models"].values():
        assert not {"empty_fraction", "tokens_per_s", "mean_tokens"} & set(told)
    assert "tokens/s" not in (Path(request.out) / "comparison.md").read_text("utf-8")


def test_a_hosted_model_is_a_row_with_the_reason_why_it_foretells_nothing(request_of, texts, tiny):
    found = compare(request_of(texts, f"a={tiny}", "far=http://127.0.0.1:9/v1#any"))
    assert "no log-probabilities" in found["failed"]["far"]
    with pytest.raises(RunError, match="no log-probabilities"):
        compare(request_of(texts, "far=http://127.0.0.1:9/v1#any"))


@pytest.fixture
def asked(tmp_path, lines):
    rows = ({"instruction": f"Who comes on {n}?", "output": f"Guest {n}."} for n in range(6))
    return lines(tmp_path / "asked.jsonl", *rows)


def test_reference_answers_are_foretold_beside_what_is_answered(request_of, asked, teacher, tiny):
    server = teacher()
    models = (f"a={tiny}", f"far={server.url}#any")
    found = compare(
        request_of(asked, *models, metrics=("rouge", "perplexity"), templates={"a": "llama2"})
    )
    model = load(tiny, template="llama2")
    from tunesmith.core.examples import Conversation, Message

    nats, n_tokens = 0.0, 0
    for n in range(6):
        request = Conversation((Message("user", f"Who comes on {n}?"),), "x:1")
        n_tokens += len(model.answer_ids(request, f"Guest {n}."))
        nats -= model.weigh([request], [f"Guest {n}."])[0][0]
    scores = found["models"]["a"]["scores"]
    assert scores["perplexity"]["value"] == pytest.approx(math.exp(nats / n_tokens), rel=1e-4)
    assert "rougeL" in scores and "perplexity" not in found["models"]["far"]["scores"]
    assert any(note.startswith("far: ") and "log-prob" in note for note in found["notes"])


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        ("squared-error", "are text. Take: rouge"),
        ("label-f1", "does not fit"),
        ("preference", "does not fit"),
    ],
)
def test_a_metric_that_does_not_fit_is_refused_before_anything_is_asked(
    request_of, asked, metric, told
):
    with pytest.raises(RecipeError, match=told):
        compare(request_of(asked, "gone=http://127.0.0.1:9/v1#any", metrics=(metric,)))


def test_a_metric_that_lacks_something_is_told_before_anything_is_asked(request_of, asked):
    with pytest.raises(ModelError, match="bertscore:encoder=PATH"):
        compare(request_of(asked, "gone=http://127.0.0.1:9/v1#any", metrics=("bertscore",)))


def test_answers_are_no_measure_of_running_text(request_of, texts):
    with pytest.raises(RecipeError, match="running text. Take: bits-per-byte, perplexity"):
        compare(request_of(texts, metrics=("rouge",)))


def test_an_own_metric_is_compared_and_its_hash_is_kept(request_of, asked, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("SCALE = (0, 1)\ndef score(a, r): return float(len(a) > 3)\n")
    request = request_of(asked, metrics=(str(file),))
    found = compare(request)
    assert found["judged_by"] == "mine" and found["models"]["a"]["scores"]["mine"]["value"] <= 1
    assert [pair["score"] for pair in found["pairs"]] == ["mine"]
    assert found["own_metrics"][0]["file"] == str(file)
    file.write_text("def score(a, r): return 1 / 0\n")
    with pytest.raises(DataError, match=r"asked\.jsonl:1: .*mine\.py:1: ZeroDivisionError"):
        compare(request)


def test_classes_are_told_one_by_one_for_every_road(request_of, tmp_path, lines):
    rows = [{"text": f"A {w} film {n}.", "label": w} for n in range(6) for w in ("good", "bad")]
    file = lines(tmp_path / "films.jsonl", *rows)
    found = compare(request_of(file, "b=tunesmith-tiny", metrics=("label-f1", "mcc")))
    assert set(found["models"]) == {"b/likelihood", "b/generate"}
    tables = found["models"]["b/likelihood"]["tables"]
    assert tables["confusion"]["labels"] == ["bad", "good"]
    counts = np.array(tables["confusion"]["counts"])
    assert counts.sum() + sum(tables["confusion"]["unread"]) == 12
    for place, one in enumerate(tables["classes"]):
        assert one["n"] == 6
        right, said = counts[place, place], counts[:, place].sum()
        assert one["f1"] == pytest.approx(2 * right / (6 + said))
        assert one["low"] is None or one["low"] <= one["f1"] <= one["high"]
    page = (tmp_path / "out" / "comparison.md").read_text()
    assert "## Classes: b/likelihood" in page and "Rows are right classes" in page
    scores = found["models"]["b/likelihood"]["scores"]
    assert {"macro_f1", "micro_f1", "mcc"} <= set(scores)


def test_an_answer_beyond_the_window_is_left_out_and_counted(request_of, tmp_path, lines, tiny):
    rows = [{"instruction": f"Who comes on {n}?", "output": f"Guest {n}."} for n in range(4)]
    n_positions = load(tiny).max_positions
    long = {"instruction": "Who comes?", "output": "Ana and Bo come. " * n_positions}
    cut = {"instruction": "Who comes?", "input": "Ana comes. " * n_positions, "output": "Ana."}
    metrics = ("perplexity", "bits-per-byte")
    short = compare(request_of(lines(tmp_path / "short.jsonl", *rows), metrics=metrics))
    mixed = lines(tmp_path / "mixed.jsonl", *rows, long)
    found = compare(request_of(mixed, metrics=metrics, out=str(tmp_path / "mixed")))
    for score in ("perplexity", "bits_per_byte"):
        of = [one["models"]["a"]["scores"][score]["value"] for one in (found, short)]
        assert of[0] == pytest.approx(of[1], rel=1e-5)
    assert any("leave out 1 of 5 examples" in note for note in found["notes"])
    file = lines(tmp_path / "cut.jsonl", *rows, cut)
    found = compare(request_of(file, metrics=metrics, out=str(tmp_path / "cut")))
    assert any("a: 1 prompts were cut" in note for note in found["notes"])
    file = lines(tmp_path / "long.jsonl", long)
    found = compare(request_of(file, metrics=metrics, out=str(tmp_path / "long")))
    assert any("long.jsonl:1: as of all examples" in note for note in found["notes"])


@pytest.fixture
def by_letters(tiny, tmp_path):
    """The same weights with a tokenizer that joins no letters, and twice the window."""
    folder = shutil.copytree(tiny, tmp_path / "letters")
    for name, path in (("tokenizer.json", ("model", "merges")), ("config.json", ())):
        told = json.loads((folder / name).read_text("utf-8"))
        if path:
            told["model"]["merges"] = []
        else:
            told["max_position_embeddings"] *= 2
        (folder / name).write_text(json.dumps(told), "utf-8")
    return folder


def test_answers_that_fit_no_two_windows_leave_what_was_written_compared(
    request_of, tmp_path, lines, tiny, by_letters
):
    window = load(tiny).max_positions
    words = "Guest comes on Friday. " * (2 * window // 22 + 1)  # too many letters for b alone
    odd = "qzxj" * (window // 4 + 4)  # too many pieces for a alone
    rows = [{"instruction": "Who comes?", "output": text} for text in (words, odd)]
    file = lines(tmp_path / "long.jsonl", *rows)
    models = (f"a={tiny}", f"b={by_letters}")
    found = compare(request_of(file, *models, metrics=("rouge", "perplexity")))
    places: list[list[bool]] = []
    for name in "ab":
        kept = (tmp_path / f"out/answers/{name}.foretold.jsonl").read_text("utf-8").splitlines()
        places.append([json.loads(line)["answer"]["answer"] is None for line in kept])
    assert places == [[False, True], [True, False]]
    assert any("no reference answer fits into every model's window" in n for n in found["notes"])
    for name in "ab":
        scores = found["models"][name]["scores"]
        assert "rougeL" in scores and "perplexity" not in scores
    assert found["failed"] == {} and [pair["score"] for pair in found["pairs"]]


def test_why_a_model_is_not_there_is_told_once(request_of, asked, tiny, tmp_path, capsys):
    gone = f"gone={tmp_path / 'nowhere'}"
    found = compare(request_of(asked, f"a={tiny}", gone, metrics=("rouge", "perplexity")))
    reason = found["failed"]["gone"]
    assert capsys.readouterr().err.count(reason) == 1
    assert not any(reason in note for note in found["notes"])


def test_models_over_the_same_weights_foretell_one_after_the_other(
    request_of, texts, tiny, monkeypatch
):
    loaded = []
    real = bases.load_alone

    def counted(spec, **more):
        loaded.append(spec.path)
        return real(spec, **more)

    monkeypatch.setattr(bases, "load_alone", counted)
    models = (f"a={tiny}", "b=tunesmith-tiny", f"c={tiny}")
    found = compare(request_of(texts, *models, metrics=("perplexity",)))
    assert len(loaded) == 2 and list(found["models"]) == ["a", "b", "c"]


def test_an_answer_that_cannot_be_weighed_within_the_window_is_told_of(tiny):
    from tunesmith.core.errors import TemplateError
    from tunesmith.core.examples import Conversation, Message

    model = load(tiny)
    asked = Conversation((Message("user", "Who comes?"),), "asked.jsonl:7")
    with pytest.raises(TemplateError, match=r"asked\.jsonl:7: its prompt has .* holds"):
        model.weigh([asked], ["Ana.", "Ana and Bo come. " * model.max_positions])


def test_the_first_right_span_of_a_question_is_foretold(request_of, tmp_path, lines):
    context = "The kettle leaks. Ana buys a new one on Friday."
    answers = {"text": ["Ana", "one"], "answer_start": [18, 34]}
    row = {"context": context, "question": "Who buys one?", "answers": answers}
    none = {**row, "question": "Who sells it?", "answers": {"text": [], "answer_start": []}}
    file = lines(tmp_path / "asked.jsonl", row, none)
    found = compare(
        request_of(file, "b=tunesmith-tiny", metrics=("perplexity",), task="extractive-qa")
    )
    assert found["models"]
    [one] = {name: row["scores"]["perplexity"] for name, row in found["models"].items()}.values()
    assert one["value"] > 1
