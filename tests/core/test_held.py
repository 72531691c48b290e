"""A held directory: full disks are told, and what an ended process left blocks nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tunesmith.core.errors import RunError
from tunesmith.core.held import HOLDER, held, is_unused, written_down


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is always full")
def test_a_full_disk_is_told(tmp_path: Path):
    (tmp_path / HOLDER).symlink_to("/dev/full")
    with pytest.raises(RunError, match=r"holder: cannot be written \(No space left"):
        with written_down(tmp_path):
            pass


def test_a_holder_whose_process_was_killed_leaves_the_directory_unused(tmp_path: Path):
    folder = tmp_path / "out"
    script = (
        "import os, sys; from pathlib import Path\n"
        "from tunesmith.core.held import held, written_down\n"
        "path = Path(sys.argv[1])\n"
        "with held(path, choose='x'), written_down(path): os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], check=False)
    assert os.listdir(folder) == [HOLDER] and is_unused(folder)
    with held(folder, choose="Choose another") as left_by:
        assert left_by.startswith("process ")
    assert os.listdir(folder) == [], "nothing came into it"
    with held(folder, choose="Choose another"):
        (folder / "thesis.tex").write_text("years of work")
    assert sorted(os.listdir(folder)) == [HOLDER, "thesis.tex"] and not is_unused(folder)


def test_a_directory_that_was_made_in_vain_is_taken_away(tmp_path: Path):
    with held(tmp_path / "out", choose="Choose another"):
        pass
    assert not (tmp_path / "out").exists() and is_unused(tmp_path / "out")
