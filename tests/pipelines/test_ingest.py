"""Ingesting: what was read stays read, what cannot be read is not tried again, names stay."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from corpus import write_corpus

from tunesmith.pipelines import ingest as module
from tunesmith.pipelines.ingest import Ingested, ingest
from tunesmith.synthesize.budget import Budget
from tunesmith.synthesize.catalog import Catalog
from tunesmith.synthesize.documents.limits import Limits


def run(folder: object, out: Path, *, limits: Limits | None = None, chars=2000) -> Ingested:
    with Catalog(out / "documents.sqlite") as catalog:
        return ingest(
            [str(folder)],
            catalog,
            budget=Budget(chars),
            limits=limits or Limits(),
            eval_fraction=0.3,
            seed=0,
            keep_sides=True,
            n_processes=1,
            out=out,
        )


def passages(out: Path) -> list:
    with Catalog(out / "documents.sqlite") as catalog:
        return [*catalog.passages()]


@pytest.fixture
def tried(monkeypatch) -> list[str]:
    """Names of the files that are given to the readers."""
    seen: list[str] = []
    read = module.read_documents

    def watched(files, *rest, **fields):
        return read((seen.append(name) or (path, name) for path, name in files), *rest, **fields)

    monkeypatch.setattr(module, "read_documents", watched)
    return seen


def test_a_reading_that_is_interrupted_goes_on_where_it_was(tmp_path, tried, monkeypatch):
    write_corpus(tmp_path / "manuals", 6)
    n_parted, parted = [], module.chunks

    def interrupted(document, budget):
        n_parted.append(1)
        if len(n_parted) == 4:
            raise KeyboardInterrupt
        return parted(document, budget)

    monkeypatch.setattr(module, "chunks", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "manuals", tmp_path / "out")
    assert passages(tmp_path / "out") == []
    tried.clear()
    run(tmp_path / "manuals", tmp_path / "out")
    assert tried == [f"manuals/manual-{n:04d}.txt" for n in (3, 4, 5)]
    run(tmp_path / "manuals", tmp_path / "clean")
    assert passages(tmp_path / "out") == passages(tmp_path / "clean") != []


def test_a_reading_that_was_killed_leaves_the_documents_of_the_last_one(tmp_path, tried):
    folder, out = tmp_path / "manuals", tmp_path / "out"
    write_corpus(folder, 40)
    run(folder, out, chars=60)
    before = passages(out)
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "import test_ingest\n"
        "test_ingest.run(sys.argv[2], Path(sys.argv[3]))"
    )
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "teacher")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([os.environ.get("PYTHONPATH", ""), *paths])}
    command = [sys.executable, "-c", script, paths[0], str(folder), str(out)]
    process = subprocess.Popen(command, env=env)
    taken = "SELECT count(*) FROM documents WHERE NOT is_current"
    with Catalog(out / "documents.sqlite") as catalog:
        while process.poll() is None and catalog._base.one(taken) < (5,):
            time.sleep(0.002)  # a real process is watched
    process.kill()
    assert process.wait() == -9
    assert passages(out) == before
    tried.clear()
    run(folder, out)
    assert 0 < len(tried) <= 35
    run(folder, tmp_path / "clean")
    assert passages(out) == passages(tmp_path / "clean") != before


def test_what_cannot_be_read_is_tried_again_only_where_it_may_be_read_now(tmp_path, tried):
    folder, out = tmp_path / "manuals", tmp_path / "out"
    write_corpus(folder, 1)
    (folder / "photo.docx").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "a-pipe").mkdir()
    os.mkfifo(folder / "a-pipe" / "pipe.txt")
    first = run(folder, out)
    assert [one["name"] for one in first.skipped] == [
        "manuals/a-pipe/pipe.txt",
        "manuals/photo.docx",
    ]
    tried.clear()
    assert run(folder, out).skipped == first.skipped and tried == ["manuals/a-pipe/pipe.txt"]
    run(folder, out, limits=Limits(members=17))
    assert tried[1:] == ["manuals/a-pipe/pipe.txt", "manuals/photo.docx"]


def test_a_document_that_took_too_long_is_tried_again(tmp_path, tried):
    folder, out = tmp_path / "manuals", tmp_path / "out"
    write_corpus(folder, 1)
    hasty = Limits(wall_s=0.0001)
    assert "took more than" in run(folder, out, limits=hasty).skipped[0]["reason"]
    run(folder, out, limits=hasty)
    assert len(tried) == 2


def test_the_folder_that_is_written_to_is_no_source(tmp_path, monkeypatch):
    write_corpus(tmp_path / "manuals", 2)
    out = tmp_path / "manuals" / "data"
    out.mkdir()
    (out / "holder").write_text("process 1")
    monkeypatch.chdir(tmp_path)
    told = run("manuals", out)
    assert told.n_found == 2 and told.notices == [
        "manuals: what was made of documents is passed over: manuals/data."
    ]


def test_a_catalog_is_the_same_wherever_the_folder_is_named_from(tmp_path, monkeypatch):
    folder = tmp_path / "manuals"
    write_corpus(folder, 3)
    (folder / "twin.txt").write_bytes((folder / "manual-0001.txt").read_bytes())
    found = []
    for number, (place, typed) in enumerate(
        [(tmp_path, "manuals"), (tmp_path, folder), (folder, "."), (folder, "../manuals/")]
    ):
        monkeypatch.chdir(place)
        told = run(typed, tmp_path / str(number))
        found.append((told, passages(tmp_path / str(number))))
        with Catalog(tmp_path / str(number) / "documents.sqlite") as catalog:
            file = catalog.file(told.documents[0]["sha256"])
        assert file is not None and file.is_absolute() and file.samefile(folder / "manual-0000.txt")
    assert all(one == found[0] for one in found)
    assert found[0][0].skipped == [
        {"name": "manuals/twin.txt", "reason": "has the same bytes as manuals/manual-0001.txt."}
    ]
    assert str(tmp_path) not in str(found[0])
