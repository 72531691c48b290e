"""The command line as a person or a program meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tunesmith.cli.main import run
from tunesmith.cli.show import WIDTH_OF_A_FILE, print_table

torch = pytest.importorskip("torch")


def answer(capsys, *args: object) -> tuple[int, str, str]:
    code = run([str(arg) for arg in args])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def recipe(recipe_fields, tmp_path) -> Path:
    file = tmp_path / "mine.yaml"
    file.write_text(json.dumps(recipe_fields))
    return file


def test_help_answers_within_half_a_second():
    times = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "tunesmith", "--help"], check=True, capture_output=True
        )
        times.append(time.perf_counter() - started)
    assert min(times) < 0.5


def test_the_whole_way_as_json(capsys, recipe, recipe_fields, tmp_path):
    """Every verb prints one JSON object to standard output and nothing else."""
    code, out, err = answer(capsys, "train", recipe, "--json")
    summary = json.loads(out)
    assert code == 0
    assert set(summary) >= {
        "run", "steps", "eval_loss_first", "eval_loss_best", "tokens_per_s", "seconds",
        "peak_memory_mb", "ledger",
    }  # fmt: skip
    assert "eval loss" in err
    out_dir = recipe_fields["out"]
    for args in (
        ["eval", out_dir],
        ["chat", out_dir, "--message", "Summarize.", "--max-new-tokens", "4"],
        ["merge", out_dir, tmp_path / "merged"],
        ["data", "preview", recipe],
        ["runs", tmp_path],
        ["doctor"],
        ["train", recipe, "out=elsewhere", "--dry-run"],
    ):
        code, out, _ = answer(capsys, *args, "--json")
        assert code == 0, args
        assert isinstance(json.loads(out), dict), args
    assert not Path("elsewhere").exists()


def test_the_whole_way_for_people(capsys, recipe, recipe_fields, tmp_path):
    code, out, _ = answer(capsys, "train", recipe, "trackers=[tensorboard]")
    assert code == 0
    assert "evaluation loss" in out
    assert list(Path(recipe_fields["out"]).glob("tensorboard/events*"))
    code, out, _ = answer(capsys, "eval", recipe_fields["out"])
    assert "constant answer" in out
    code, out, _ = answer(capsys, "runs", tmp_path)
    assert "finished" in out
    code, out, _ = answer(capsys, "chat", recipe_fields["out"], "-m", "Sum up.")
    assert code == 0
    code, out, _ = answer(capsys, "data", "preview", recipe, "--ids", "-n", 1)
    assert "### Instruction: Summarize the following conversation." in out
    assert "learnt" in out


def test_a_finished_run_resumed_is_only_reported(capsys, recipe):
    answer(capsys, "train", recipe, "--json")
    code, out, _ = answer(capsys, "train", recipe, "--resume", "--json")
    assert code == 0
    assert json.loads(out)["steps"] == 6


MISTAKES = {
    "trian": "no verb 'trian'. Did you mean 'train'?",
    "train nope.yaml": "nope.yaml: no such recipe",
    "train {recipe} optim.lrr=1": "Did you mean 'lr'?",
    "train {recipe} method=lroa": "Did you mean 'lora'?",
    "train {recipe} method.rnk=1": "Did you mean 'rank'?",
    "train {recipe} data.format=tweetsum": "Did you mean 'tweetsumm'?",
    "train {recipe} data.path=nope.jsonl": "no such file or folder",
    "train {recipe} data.path={tmp}/empty.jsonl": "holds no record",
    "train {recipe} data.path={tmp}/broken.jsonl": "broken.jsonl:2: broken JSON",
    "train {recipe} data.path={tmp}/bare.jsonl": "bare.jsonl:1: no summary",
    "train {recipe} data.max_tokens=999": "has 256 positions",
    "train {recipe} data.max_tokens=9": "Raise data.max_tokens",
    "train {recipe} model.path={tmp}/bare": "no weights in safetensors form",
    "train {recipe} model.path={tmp}/nope": "no such model folder",
    "train {recipe} out={tmp}/empty.jsonl/run": "cannot be written",
    "train {recipe} out={tmp}": "not empty and no run",
    "train {recipe} --resume": "no run to resume here",
    "eval {tmp}": "holds no run",
    "chat {tmp}/nope -m x": "no such model folder",
    "data preview {recipe} --split trian": "Did you mean 'train'?",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_answered_with_place_fact_and_next_step(capsys, recipe, tmp_path, lines, line):
    lines(tmp_path / "broken.jsonl", {"dialogue": "A: hi", "summary": "x"}, '{"dialogue": ')
    lines(tmp_path / "bare.jsonl", {"dialogue": "A: hi", "fname": "a"})
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare/config.json").write_text("{}")
    before = sorted(tmp_path.rglob("*"))
    expected = MISTAKES[line]
    filled = [word.format(recipe=recipe, tmp=tmp_path) for word in line.split()]
    code, out, err = answer(capsys, *filled)
    assert code == 2
    assert expected in err
    assert "Traceback" not in err
    assert out == ""
    code, out, _ = answer(capsys, *filled, "--json")
    assert code == 2
    assert expected in json.loads(out)["error"]
    left = [p for p in tmp_path.rglob("*") if p.name not in ("run", "holder")]
    assert sorted(left) == before


def test_a_second_run_into_the_same_directory_is_refused(capsys, recipe, recipe_fields):
    answer(capsys, "train", recipe)
    before = {p: p.stat().st_mtime_ns for p in Path(recipe_fields["out"]).rglob("*") if p.is_file()}
    code, _, err = answer(capsys, "train", recipe)
    assert code == 2
    assert "holds a finished run already; nothing was touched" in err
    after = {p: p.stat().st_mtime_ns for p in Path(recipe_fields["out"]).rglob("*") if p.is_file()}
    assert before == after


def test_a_full_disk_is_said_and_the_run_goes_on_later(recipe, recipe_fields, tmp_path):
    """A real limit on the size of files, as a full disk would be: the write itself fails."""
    import resource

    def no_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    script = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" \
        "import sys; from tunesmith.cli.main import run; sys.exit(run(sys.argv[1:]))"  # fmt: skip
    command = [sys.executable, "-c", script, "train", str(recipe)]
    found = subprocess.run(command, preexec_fn=no_room, capture_output=True, text=True, check=False)
    assert found.returncode == 2, found.stderr
    assert "cannot be written" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_verb_without_its_extra_gives_the_install_command(recipe, tmp_path):
    """An interpreter that finds no torch: what a base install is."""
    hide = (
        "import sys\nfor name in ('torch', 'transformers', 'peft'):\n    sys.modules[name] = None\n"
    )
    script = (
        "import importlib.util as u, sys\n"
        "found = u.find_spec\n"
        "u.find_spec = lambda n, *a: None if n in ('torch', 'transformers') else found(n, *a)\n"
        + hide
        + "from tunesmith.cli.main import run; sys.exit(run(sys.argv[1:]))"
    )
    for verb in (["train", str(recipe)], ["eval", str(recipe)], ["chat", "tunesmith-tiny"]):
        found = subprocess.run(
            [sys.executable, "-c", script, *verb], capture_output=True, text=True, check=False
        )
        assert found.returncode == 2, found.stderr
        assert "pip install 'tunesmith[train]'" in found.stderr
        assert "Traceback" not in found.stderr
    for verb in (["data", "preview", str(recipe)], ["train", str(recipe), "--dry-run"], ["runs"]):
        found = subprocess.run(
            [sys.executable, "-c", script, *verb],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )
        assert found.returncode == 0, found.stderr


def test_a_tokenizer_alone_is_enough_to_look_at_data(capsys, recipe, shared):
    real, broken = (shared / f"tokenizers/llama-2-{name}" for name in ("hf", "broken-json"))
    code, out, _ = answer(capsys, "data", "preview", recipe, f"model.path={real}", "--json")
    assert code == 0
    assert json.loads(out)["examples"][0]["input_ids"][:2] == [1, 835]  # <s>, "▁###"
    code, _, err = answer(capsys, "data", "preview", recipe, f"model.path={broken}")
    assert code == 2
    assert "the tokenizer is damaged: " in err


def test_a_table_too_wide_for_its_place_breaks_headings_and_no_figure(capsys):
    header = ["model", *["Character exact match"] * 6]
    print_table(header, [["base/generate", *["0.133"] * 6], ["tuned/head", *["0.250"] * 6]])
    lines = capsys.readouterr().out.splitlines()
    assert len({len(line) for line in lines}) == 1 and len(lines[0]) <= WIDTH_OF_A_FILE
    assert [line.count("0.133") for line in lines if "base/generate" in line] == [6]
    assert [line.count("0.250") for line in lines if "tuned/head" in line] == [6]


@pytest.mark.slow
def test_the_demo_prints_a_row_for_every_model_and_for_nothing_else(capsys, tmp_path):
    settings = ["train.max_steps=2", "evaluate.max_rows=2", "evaluate.max_new_tokens=8"]
    code, out, _ = answer(capsys, "demo", "--out", tmp_path / "demo", *settings)
    assert code == 0
    table = out[out.index("rows of test") :]
    names = [line.split("│")[1].strip() for line in table.splitlines() if line.startswith("│")]
    assert names == ["constant answer", "base", "tuned"]
