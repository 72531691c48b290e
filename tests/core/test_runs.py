from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tunesmith.core.errors import RunError
from tunesmith.core.runs import RECIPE, SUMMARY, Run, locked_run, require_space


def test_a_second_run_into_the_same_directory_is_refused_and_harms_nothing(tmp_path: Path):
    with locked_run(tmp_path / "run", resume=False) as run:
        run.write_text(RECIPE, "first")
        run.write(SUMMARY, {})
    with pytest.raises(RunError, match="holds a finished run already"):
        with locked_run(tmp_path / "run", resume=False):
            pass
    assert (tmp_path / "run" / RECIPE).read_text() == "first"


def test_a_directory_with_other_things_is_refused(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunError, match="not empty and no run"):
        with locked_run(tmp_path, resume=False):
            pass


def test_nothing_to_resume_is_said(tmp_path: Path):
    with pytest.raises(RunError, match="no run to resume"):
        with locked_run(tmp_path / "run", resume=True):
            pass
    assert not (tmp_path / "run").exists()


def test_fault_11_a_second_process_is_refused_with_the_holder(tmp_path: Path):
    with locked_run(tmp_path / "run", resume=False) as run:
        run.write_text(RECIPE, "x")
        script = (
            "import sys; from pathlib import Path; from tunesmith.core.runs import locked_run\n"
            "with locked_run(Path(sys.argv[1]), resume=True): pass"
        )
        found = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "run")], capture_output=True, text=True
        )
    assert found.returncode != 0
    assert "in use by process" in found.stderr


def test_fault_12_the_lock_of_a_dead_process_is_free(tmp_path: Path):
    script = (
        "import os, sys; from pathlib import Path; from tunesmith.core.runs import locked_run\n"
        "with locked_run(Path(sys.argv[1]), resume=False) as run:\n"
        "    run.write_text('recipe.yaml', 'x'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "run")], check=False)
    with locked_run(tmp_path / "run", resume=True) as run:
        assert (run.path / RECIPE).read_text() == "x"


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        with locked_run(tmp_path / "file" / "run", resume=False):
            pass


def test_fault_6_a_disk_without_room_is_refused_with_both_figures(tmp_path: Path):
    with pytest.raises(RunError, match=r"about [\d,]+ MB are needed .* MB are free"):
        require_space(tmp_path, 10**18)


def test_a_line_of_json_lines_ends_at_a_line_feed_alone(tmp_path: Path):
    entries = [{"text": "a\x85b\u2028c\x1dd"}, {"text": "e"}]
    lines = (json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
    (tmp_path / "predictions.jsonl").write_text("".join(lines), "utf-8")
    assert Run(tmp_path).lines("predictions.jsonl") == entries
