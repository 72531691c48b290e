"""Tasks of the lm-evaluation-harness by hosted models: whose replies they are, what they cost."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("httpx")

from tunesmith.chat.spend import PriceList, Prices  # noqa: E402
from tunesmith.cli.main import run as command  # noqa: E402
from tunesmith.core.errors import RunError  # noqa: E402
from tunesmith.core.extras import is_installed  # noqa: E402
from tunesmith.pipelines.harness import harness  # noqa: E402
from tunesmith.synthesize.teacher.script import Reply  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # the harness's own libraries warn
    pytest.mark.slow,
    pytest.mark.skipif(
        not is_installed("lm_eval"), reason="the harness is not installed: tunesmith[lm-eval]"
    ),
]


@pytest.fixture
def written(tmp_path, lines, monkeypatch):
    """A task of three questions whose answers are written; replies are cached apart."""
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))
    rows = [{"q": f"Who comes on day {n}?", "gold": "Ana"} for n in range(3)]
    file = tmp_path / "written.yaml"
    file.write_text(
        f"""task: written
dataset_path: json
dataset_kwargs: {{data_files: {{test: {lines(tmp_path / "questions.jsonl", *rows)}}}}}
test_split: test
doc_to_text: "{{{{q}}}}"
output_type: generate_until
doc_to_target: "{{{{gold}}}}"
generation_kwargs: {{until: ["."], max_gen_toks: 4}}
metric_list:
  - {{metric: bleu, aggregation: bleu, higher_is_better: true}}
"""
    )
    return file


def test_another_model_behind_a_url_is_asked_itself(written, tmp_path, teacher, capsys):
    server = teacher(models=("Ana",), otherwise=lambda asked: Reply(f"{asked.model}."))
    given, out = ([f"far={server.url}"], [str(written)]), tmp_path / "out"

    def said():
        lines = (out / "answers/far.jsonl").read_text("utf-8").splitlines()
        told = [json.loads(line) for line in lines]
        return [one["reply"] for one in told if "reply" in one]

    first = harness(*given, out=out)
    server.models = ("Bo",)
    harness(*given, out=out)
    assert said() == ["Ana"] * 3 + ["Bo"] * 3 and len(server.ledger) == 6
    server.models = ("Ana",)
    assert harness(*given, out=out) == first
    server.stop()
    assert harness(*given, out=out) == first and len(said()) == 6
    assert "It served Ana before" in capsys.readouterr().err


def test_a_cap_holds_over_all_calls_on_a_folder(written, tmp_path, teacher):
    server = teacher(otherwise=Reply("x" * 400))  # 100 tokens
    out, files = tmp_path / "out", [str(written)]
    prices = PriceList(None, {"h": Prices(0.0, 10_000.0)})  # one a reply
    capped = {"prices": prices, "max_cost": 3.0, "out": out}
    harness([f"h={server.url}#m"], files, **capped)
    assert len(server.ledger) == 3
    other = tmp_path / "other.yaml"
    other.write_text(written.read_text().replace("task: written", "task: other"))
    other.write_text(other.read_text().replace("max_gen_toks: 4", "max_gen_toks: 5"))
    with pytest.raises(RunError, match=r"cap of 3 is reached.*spent\.jsonl"):
        harness([f"h={server.url}#m"], [str(other)], **capped)
    assert len(server.ledger) == 3
    harness([f"h={server.url}#m"], [str(other)], **{**capped, "max_cost": 100.0})
    assert len(server.ledger) == 6


def test_prices_of_one_model_are_taken_and_a_name_that_is_none_is_refused(
    written, tmp_path, teacher, capsys
):
    server = teacher(otherwise=Reply("Ana."))
    words = ["lm-eval", f"h={server.url}#m", "--task", str(written), "--out", str(tmp_path / "out")]
    assert command([*words, "--prices", "x=1,2"]) != 0
    assert "prices of 'x'" in capsys.readouterr().err and not server.ledger
    assert command([*words, "--prices", "2.5", "10", "--prices", "h=1,2", "--max-cost", "3"]) == 0
    assert (tmp_path / "out/spent.jsonl").is_file()
