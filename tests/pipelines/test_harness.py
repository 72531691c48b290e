"""Tasks of the lm-evaluation-harness through its public interface; skipped where it is missing."""

from __future__ import annotations

import json
import os
import shutil

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")  # the harness's own libraries warn

from tunesmith.cli.main import run as command  # noqa: E402
from tunesmith.core.errors import MissingExtraError, RecipeError, RunError  # noqa: E402
from tunesmith.core.extras import is_installed  # noqa: E402
from tunesmith.pipelines.harness import harness  # noqa: E402
from tunesmith.pipelines.load import load  # noqa: E402
from tunesmith.synthesize.teacher.script import Reply  # noqa: E402


def needed(test):
    reason = "the harness is not installed: tunesmith[lm-eval]"
    missing = pytest.mark.skipif(not is_installed("lm_eval"), reason=reason)
    return pytest.mark.slow(missing(test))


QUESTIONS = [
    {"q": "Who comes on Monday?", "choices": ["Ana", "Bo and Cy"], "gold": 0},
    {"q": "Who comes on Friday?", "choices": ["Ana", "Bo"], "gold": 1},
    {"q": "What leaks?", "choices": ["the kettle", "it"], "gold": 0},
]


@pytest.fixture
def task(tmp_path, lines):
    data = lines(tmp_path / "questions.jsonl", *QUESTIONS)
    common = f"""
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
doc_to_text: "{{{{q}}}}"
"""
    choice = tmp_path / "choice.yaml"
    choice.write_text(
        f"""task: choice{common}output_type: multiple_choice
doc_to_choice: "{{{{choices}}}}"
doc_to_target: "{{{{gold}}}}"
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
"""
    )
    written = tmp_path / "written.yaml"
    written.write_text(
        f"""task: written{common}output_type: generate_until
doc_to_target: "{{{{choices[gold]}}}}"
generation_kwargs: {{until: ["."], max_gen_toks: 4}}
metric_list:
  - {{metric: bleu, aggregation: bleu, higher_is_better: true}}
"""
    )
    rolling = tmp_path / "rolling.yaml"
    rolling.write_text(
        f"""task: rolling{common}output_type: loglikelihood_rolling
doc_to_target: "{{{{q}}}}"
metric_list:
  - metric: bits_per_byte
"""
    )
    return choice, written, rolling


@needed
def test_scores_are_the_harness_own_and_examples_are_paired(task, tiny, tmp_path):
    files = [str(file) for file in task]
    out = tmp_path / "out"
    found = harness([f"a={tiny}", "b=tunesmith-tiny"], files, out=out)
    assert found["n"] == {"choice": 3, "written": 3, "rolling": 3}
    model = load(tiny, template="none")
    right = 0
    for question in QUESTIONS:
        lead = [model.tokenizer.id_of(model.tokenizer.bos)]
        scores = []
        for choice in question["choices"]:
            before = lead + model.tokenizer.encode(question["q"])
            ids = lead + model.tokenizer.encode(f"{question['q']} {choice}")
            with torch.no_grad():
                logps = model.causal_lm(torch.tensor([ids])).logits[0].log_softmax(-1)
            places = range(len(before), len(ids))
            scores.append(sum(float(logps[p - 1, ids[p]]) for p in places))
        right += scores.index(max(scores)) == question["gold"]
    own = found["models"]["a"]["harness"]["choice/acc"]["value"]
    assert own == pytest.approx(right / 3)
    assert found["models"]["a"]["scores"]["choice/acc"]["value"] == own
    pairs = {pair["score"] for pair in found["pairs"]}
    assert "choice/acc" in pairs and "written/bleu" not in pairs
    assert "rolling/bits_per_byte" in found["lower_is_better"]
    assert json.loads((out / "harness.json").read_text()) == found


@needed
def test_the_verb_prints_and_likelihoods_are_not_asked_of_an_endpoint(task, tiny, tmp_path, capsys):
    options = ["--task", str(task[0]), "--out", str(tmp_path / "out"), "--limit", "2"]
    assert command(["lm-eval", f"a={tiny}", *options]) == 0
    assert "choice/acc" in capsys.readouterr().out
    far = "far=http://127.0.0.1:9/v1#any"
    assert command(["lm-eval", f"a={tiny}", far, *options]) == 1
    assert "task choice asks for likelihoods" in capsys.readouterr().err


@needed
def test_a_hosted_model_does_what_is_written_and_is_asked_once(task, tiny, tmp_path, teacher):
    pytest.importorskip("httpx")
    server = teacher(models=("served",), otherwise=Reply("Ana. Bo."))
    models, files = [f"a={tiny}", f"far={server.url}"], [str(task[0]), str(task[1])]
    found = harness(models, files, out=tmp_path / "out")
    assert set(found["models"]["far"]["harness"]) == {"written/bleu"}
    assert set(found["models"]["a"]["harness"]) == {"written/bleu", "choice/acc"}
    assert set(found["left_out"]) == {"far"} and found["failed"] == {}
    assert "likelihoods" in found["left_out"]["far"][files[0]]
    replies = [json.loads(line) for line in (tmp_path / "out/answers/far.jsonl").open()]
    assert [reply["reply"] for reply in replies[1:]] == ["Ana"] * 3
    asked = len(server.ledger)
    server.stop()
    assert harness(models, files, out=tmp_path / "out") == found and asked == 3


@pytest.fixture
def mine(tiny, tmp_path):
    return shutil.copytree(tiny, tmp_path / "mine")


def broken(folder, *, is_seen: bool):
    """Makes weights useless, with the old size; and with the old time, so that none can see it."""
    file = folder / "model.safetensors"
    before = file.stat()
    file.write_bytes(bytes(before.st_size))
    if not is_seen:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@needed
def test_a_second_call_opens_no_model_and_tells_the_same(task, mine, tmp_path):
    files, out = [str(file) for file in task], tmp_path / "out"
    found = harness([f"a={mine}"], files, out=out)
    whole = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    broken(mine, is_seen=False)
    assert harness([f"a={mine}"], files, out=out) == found
    assert {file: file.read_bytes() for file in out.rglob("*") if file.is_file()} == whole
    broken(mine, is_seen=True)
    with pytest.raises(RunError, match="no model finished"):
        harness([f"a={mine}"], files, out=out)


@needed
def test_a_call_that_was_stopped_goes_on(task, tiny, tmp_path):
    files, out = [str(file) for file in task], tmp_path / "out"
    harness([f"a={tiny}"], files, out=out)
    file = out / "answers" / "a.jsonl"
    lines = file.read_text().splitlines()
    head = [json.loads(line) for line in lines[:5]]
    head[2]["reply"] = [-0.5, True]  # would be another one if it were asked again
    file.write_text("\n".join(map(json.dumps, head)) + "\n" + lines[5][:20])
    found = harness([f"a={tiny}"], files, out=out)
    after = file.read_text().splitlines()
    assert [json.loads(line) for line in after[:5]] == head and len(after) == len(lines)
    assert {json.loads(line)["request"] for line in after[1:]} == {
        json.loads(line)["request"] for line in lines[1:]
    }
    assert found["n"] == {"choice": 3, "written": 3, "rolling": 3}


@needed
def test_one_task_that_cannot_be_done_leaves_the_others(task, tiny, tmp_path, capsys):
    drawn, twice = tmp_path / "drawn.yaml", tmp_path / "twice.yaml"
    drawn.write_text(task[1].read_text().replace("until:", "temperature: 1, until:"))
    twice.write_text(task[0].read_text())
    files = [str(drawn), str(task[0]), str(twice)]
    found = harness([f"a={tiny}"], files, out=tmp_path / "out")
    assert set(found["models"]["a"]["harness"]) == {"choice/acc"}
    assert "by chance" in found["left_out"]["a"][str(drawn)]
    assert "task 'choice' is in" in found["left_out"]["a"][str(twice)]
    assert "by chance" in capsys.readouterr().err


@needed
def test_a_model_with_examples_of_its_own_is_not_asked(task, tmp_path):
    (tmp_path / "prompted").mkdir()
    (tmp_path / "prompted" / "prompt.json").write_text("{}")
    with pytest.raises(RunError, match="examples of its own .* num_fewshot"):
        harness([f"a={tmp_path / 'prompted'}"], [str(task[0])], out=tmp_path / "out")


def test_a_task_that_is_not_there_is_told_first():
    with pytest.raises(RecipeError, match="no such file"):
        harness(["tunesmith-tiny"], ["/nowhere.yaml"])


@pytest.mark.skipif(is_installed("lm_eval"), reason="the harness is installed")
def test_without_the_harness_the_extra_is_named(task):
    with pytest.raises(MissingExtraError, match="lm-eval"):
        harness(["tunesmith-tiny"], [str(task[0])])


@needed
def test_scores_are_those_of_the_harness_own_model_class(task, tiny, tmp_path):
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    files = [str(task[0]), str(task[2])]
    ours = harness([f"a={tiny}"], files, out=tmp_path / "out")["models"]["a"]["harness"]
    # Its own class scores the begin token of a whole text too, unless it is told to leave it out.
    cases = ((files[0], None, "choice/acc"), (files[1], False, "rolling/bits_per_byte"))
    for file, bos, score in cases:
        settings = {"pretrained": str(tiny), "device": "cpu", "add_bos_token": bos}
        manager = TaskManager(include_defaults=False)
        found = simple_evaluate("hf", model_args=settings, tasks=[file], task_manager=manager)
        name, metric = score.split("/")
        theirs = found["results"][name][f"{metric},none"]
        assert ours[score]["value"] == pytest.approx(theirs, rel=1e-5)


@needed
def test_a_model_that_fails_midway_leaves_what_others_finished(task, tiny, tmp_path):
    calls = tmp_path / "calls"
    (tmp_path / "counts.py").write_text(
        f"""from pathlib import Path
def process(doc, results):
    with Path({str(calls)!r}).open("a") as stream:
        stream.write("x")
    if Path({str(calls)!r}).stat().st_size > 3:
        raise ValueError("the counter ran over")
    return {{"acc": 1.0}}
"""
    )
    text = task[0].read_text() + "process_results: !function counts.process\n"
    broken = tmp_path / "broken.yaml"
    broken.write_text(text)
    found = harness([f"a={tiny}", "b=tunesmith-tiny"], [str(broken)], out=tmp_path / "out")
    assert set(found["models"]) == {"a"} and "the counter ran over" in found["failed"]["b"]
    assert json.loads((tmp_path / "out" / "harness.json").read_text()) == found
    with pytest.raises(RunError, match="no model finished; .*the counter ran over"):
        harness([f"a={tiny}"], [str(broken)], out=tmp_path / "other")
