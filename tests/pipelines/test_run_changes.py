"""Two runs side by side: what changed, told by its name, and what it did to the scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch")

from tunesmith.cli.main import run as command  # noqa: E402
from tunesmith.core.errors import RunError  # noqa: E402
from tunesmith.core.runs import PREDICTIONS, SCORES, SUMMARY, Run  # noqa: E402
from tunesmith.pipelines.evaluate import evaluate  # noqa: E402
from tunesmith.pipelines.row_changes import row_changes  # noqa: E402
from tunesmith.pipelines.run_changes import run_changes  # noqa: E402
from tunesmith.pipelines.seen_rows import SeenRows, seen_by  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402


def rows(*whole: str, asked: tuple[str, ...] | None = None, at: str = "f") -> SeenRows:
    """Rows named by a letter for what is asked and a digit for the answer, as ``a1``."""
    numbers = [ord(w[0]) for w in whole] if asked is None else [ord(a) for a in asked]
    return SeenRows(
        {"train": np.array(numbers, np.uint64)},
        {"train": np.array([list(w.encode().ljust(16)) for w in whole], np.uint8).reshape(-1, 16)},
        {"train": [f"{at}:{n + 1}" for n in range(len(whole))]},
        "",
        "",
    )


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {kind: n for kind, n in found.items() if kind != "examples" and n}


def test_rows_are_the_same_wherever_they_stand():
    found = row_changes(rows("a1", "b1", "c1"), rows("c1", "a1", "b1", at="g"))["train"]
    assert counts(found) == {"before": 3, "after": 3, "same": 3}


def test_a_row_is_changed_where_it_asks_the_same_or_stands_in_the_same_place():
    found = row_changes(rows("a1", "b1", "c1"), rows("a2", "x1", "c1"))["train"]
    assert counts(found) == {"before": 3, "after": 3, "same": 1, "changed": 2}
    assert found["examples"]["changed"] == [["f:1", "f:1"], ["f:2", "f:2"]]


def test_rows_are_added_and_removed_and_repeats_are_counted():
    found = row_changes(rows("a1", "a1", "b1"), rows("a1", "d1", "e1", "f1", at="g"))["train"]
    assert counts(found) == {"before": 3, "after": 4, "same": 1, "removed": 2, "added": 3}
    assert found["examples"]["removed"] == ["f:1", "f:3"]
    assert found["examples"]["added"] == ["g:2", "g:3", "g:4"]


def test_a_row_that_goes_to_another_split_is_moved():
    before, after = rows("a1", "b1"), rows("a1")
    after.asked["validation"] = before.asked["train"][1:]
    after.whole["validation"] = before.whole["train"][1:]
    after.origins["validation"] = ["f:2"]
    found = row_changes(before, after)
    assert counts(found["train"]) == {"before": 2, "after": 1, "same": 1, "moved_out": 1}
    assert counts(found["validation"]) == {"after": 1, "moved_in": 1}
    assert found["validation"]["examples"]["moved_in"] == ["f:2"]


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny):
    """Two scored runs: other rows, another template, another rate; and what they are made of."""
    folder = tmp_path_factory.mktemp("runs")
    records = [
        {"instruction": f"Who comes on day {n}?", "output": f"Guest {n} comes."} for n in range(24)
    ]

    def write(name: str, records: list[dict[str, str]]) -> str:
        file = folder / name
        file.write_text("".join(json.dumps(r) + "\n" for r in records), "utf-8")
        return str(file)

    held_out = write("held-out.jsonl", records[16:])
    changed = [dict(r) for r in records[:16]]
    changed[3]["output"] = "Nobody comes."
    changed = changed[:14] + [{"instruction": "Who goes?", "output": "All of them go."}]

    def run(name: str, file: str, **fields: Any) -> Run:
        return train(
            make_recipe(
                {
                    "model": {"path": str(tiny)},
                    "data": {"path": {"train": file, "validation": held_out}},
                    "template": "alpaca",
                    "method": {"name": "lora", "rank": 4},
                    "optim": {"lr": 1e-2},
                    "train": {"epochs": 1, "batch_size": 8, "eval_every_fraction": 1.0},
                    "evaluate": {"max_new_tokens": 4},
                    "out": str(folder / name),
                    **fields,
                }
            )
        )

    one = run("one", write("first.jsonl", records[:16]))
    other = run("other", write("second.jsonl", changed), template="llama2", optim={"lr": 2e-2})
    for each in (one, other):
        evaluate(each)
    return one, other


def test_everything_that_changed_is_named(made):
    one, other = made
    found = run_changes(one, other)
    train_rows = found["data"]["splits"]["train"]
    assert counts(train_rows) == {
        "before": 16, "after": 15, "same": 13, "changed": 1, "removed": 2, "added": 1,
    }  # fmt: skip
    [changed] = train_rows["examples"]["changed"]
    assert "first.jsonl:4" in changed[0] and "second.jsonl:4" in changed[1]
    assert "second.jsonl:15" in train_rows["examples"]["added"][0]
    assert counts(found["data"]["splits"]["validation"]) == {"before": 8, "after": 8, "same": 8}
    diff = found["template"]["diff"]
    assert any(line.startswith("-### Instruction") for line in diff)
    assert any(line.startswith("+") and "[INST]" in line for line in diff)
    keys = {one["key"]: (one["before"], one["after"]) for one in found["recipe"]}
    assert keys["optim.lr"] == (1e-2, 2e-2) and keys["template.name"] == ("alpaca", "llama2")
    assert "out" not in keys and found["versions"] == []
    assert found["weights"]["start"]["same"] and not found["weights"]["result"]["same"]


def test_scores_are_tested_on_the_examples_that_both_were_asked(made):
    one, other = made
    found = run_changes(one, other)["scores"]
    assert found["n_common"] == 8 and not found["why"]
    by_name = {score["name"]: score for score in found["scores"]}
    rouge = by_name["rougeL"]
    assert rouge["n"] == 8 and rouge["verdict"] in ("better", "worse", "not told apart", "the same")
    assert rouge["difference"] == pytest.approx(rouge["after"] - rouge["before"])
    assert rouge["low"] <= rouge["difference"] <= rouge["high"]


def test_a_run_is_not_different_from_itself(made):
    found = run_changes(made[0], made[0])
    assert found["data"] == {"same": True, "splits": {}, "why": ""}
    assert found["recipe"] == found["versions"] == found["template"]["diff"] == []
    assert found["weights"]["result"]["same"]
    assert {score["verdict"] for score in found["scores"]["scores"]} == {"the same"}


def test_the_verb_says_it_and_the_list_is_still_there(made, capsys):
    one, other = made
    assert command(["runs", "compare", str(one.path), str(other.path)]) == 0
    told = capsys.readouterr().out
    assert "optim.lr: 0.01 -> 0.02" in told and "ROUGE-L" in told and "second.jsonl:15" in told
    for arguments in (["runs", str(one.path.parent)], ["runs", "list", str(one.path.parent)]):
        assert command(arguments) == 0
        assert "finished" in capsys.readouterr().out
    assert command(["runs", "--json", "compare", str(one.path), str(other.path)]) == 0
    assert json.loads(capsys.readouterr().out)["weights"]["start"]["same"]
    assert command(["runs", "--json", str(one.path.parent)]) == 0
    assert len(json.loads(capsys.readouterr().out)["runs"]) == 2


def test_rows_of_a_run_that_kept_none_are_read_again_or_said_to_be_unknown(made, tmp_path):
    import shutil

    one, _ = made
    bare = Run(Path(shutil.copytree(one.path, tmp_path / "bare")))
    (bare.path / "rows.npz").unlink()
    found = seen_by(bare)
    kept = seen_by(one)
    assert not isinstance(found, str) and not isinstance(kept, str)
    assert found.origins == kept.origins and found.shown == kept.shown
    assert all((found.whole[split] == kept.whole[split]).all() for split in kept.whole)
    lock = bare.read("lock.json")
    bare.write("lock.json", {**lock, "data": "another"})
    assert "its data have changed since" in str(seen_by(bare))
    assert "kept no list" in run_changes(one, bare)["data"]["why"]


def test_what_cannot_be_compared_is_said(made, tmp_path):
    import shutil

    one, other = made
    copied = Run(Path(shutil.copytree(other.path, tmp_path / "copied")))
    (copied.path / PREDICTIONS).write_text("", "utf-8")
    found = run_changes(one, copied)["scores"]
    assert {score["untested"] for score in found["scores"]} == {
        "the two runs were asked no example in common"
    }
    (copied.path / SCORES).unlink()
    assert "tunesmith eval" in run_changes(one, copied)["scores"]["why"]
    fields = yaml.safe_load((copied.path / "recipe.yaml").read_text("utf-8"))
    fields |= {"task": "causal-lm", "template": None}
    copied.write_text("recipe.yaml", yaml.safe_dump(fields))
    assert "the tasks differ (sft, causal-lm)" in run_changes(one, copied)["scores"]["why"]
    (copied.path / SUMMARY).unlink()
    with pytest.raises(RunError, match="not finished.*--resume"):
        run_changes(one, copied)
    with pytest.raises(RunError, match="no such folder.*Did you mean 'other'"):
        run_changes(one, other.path.parent / "othre")
    with pytest.raises(RunError, match="holds no run"):
        run_changes(one, tmp_path)


def test_scores_that_were_measured_with_other_settings_are_not_tested():
    from tunesmith.pipelines.score_changes import _measured_otherwise

    def recipe(*metrics: str):
        fields = {"model": {"path": "tunesmith-tiny"}, "data": {"path": "x.jsonl"}}
        return make_recipe({**fields, "out": "out", "evaluate": {"metrics": list(metrics)}})

    plain, by_sign = recipe("rouge"), recipe("rouge:units=characters")
    assert "rougeL" in _measured_otherwise([{}, {}], (plain, by_sign))
    assert not _measured_otherwise([{}, {}], (plain, plain))
