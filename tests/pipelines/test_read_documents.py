"""Reading documents as a user does: every file is read or skipped, and the counts add up."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections import Counter

import pytest
from made_documents import make_docx, make_pdf, paragraph, wrapped

from tunesmith.cli.main import run
from tunesmith.core.errors import DataError
from tunesmith.pipelines.read_documents import read_documents
from tunesmith.synthesize.budget import Budget

REAL = [
    ("zh_nandrive_product.docx", "预置10个字节的唯一ID码"),
    ("zh_nandrive_product.docx", "利用NANDrive微型固态硬盘作为各种数字产品的存储部件"),
    ("zh_requirements_notes.docx", "i. 对共享现象的描述"),
    ("zh_regex_tutorial.docx", "简单的说，正则表达式是一种可以用于模式匹配和替换的强有力的工具。"),
    ("en_tax_cases_tables.docx", "| Gross Income | 17,542 | 17,542 |"),
    ("en_tax_cases_tables.docx", "| Deductions as a % of Gross Income | 4.7% | 0% |"),
    ("en_mixed_footnotes_comments_changes.docx", "And this is the footnote"),
    ("en_mixed_footnotes_comments_changes.docx", "This is a text box"),
    ("en_numbered_headings.docx", "1.2.1. Section 1.2.3"),
    ("en_rich_table_cells.docx", "| Cell 1 | Cell 2 | Cell 3 |"),
    ("es_policy_footnotes.docx", "La desigualdad es la principal debilidad estructural de Chile"),
    ("en_wiki_duck.html", "Duck is the common name for numerous species of waterfowl"),
    ("en_llamafactory_readme.md", "Supervised Fine-Tuning"),
    ("multi_page.pdf", "by Christopher Latham Sholes, the typewriter revolutionized"),
    ("multi_page.pdf", "which leveraged the Macintosh"),
    ("en_paper_page_table.pdf", "| 4 | 4 | OTSL | 0.938 | 0.904 | 0.927 | 0.853 | 1.97 |"),
    ("en_paper_page_table.pdf", "report TED scores separately for simple and complex tables"),
    ("ko_normal_4pages.pdf", "상해나 재해로 보아야 할지 이슈가 될 것으로 판단된다."),
    ("ko_normal_4pages.pdf", "| 분류 | 1군 감염병 | 1급 감염병 |"),
]  # fmt: skip
"""Sentences and rows as they stand on the pages, some of them over lines, columns and cells."""


@pytest.mark.slow
def test_every_real_document_is_read_and_the_counts_add_up(shared, tmp_path):
    folder = shared / "documents"
    out = tmp_path / "chunks.jsonl"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = read_documents([str(folder)], out=out, eval_fraction=0.2)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Not by the clock, for the machine may be busy: with two processes it is half of this.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 20
    assert result["found"] == result["read"] == len([*folder.iterdir()]) == 20
    assert result["skipped"] == []
    records = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert len(records) == result["chunks"]
    counts = Counter(record["name"] for record in records)
    for entry in result["documents"]:
        assert counts[entry["name"]] == entry["chunks"]
        own = [record for record in records if record["document"] == entry["sha256"]]
        assert [r["start"] for r in own] == [0, *(r["end"] for r in own[:-1])]
        assert own[-1]["end"] == entry["characters"] == sum(len(r["text"]) for r in own)
        assert max(len(r["text"]) for r in own) <= 2000
    for name, sentence in REAL:
        text = "".join(r["text"] for r in records if r["name"].endswith(name))
        assert sentence in " ".join(text.split()), name
    again = tmp_path / "again.jsonl"
    assert read_documents([str(folder)], out=again, eval_fraction=0.2) | {"out": 0} == result | {
        "out": 0
    }
    assert again.read_bytes() == out.read_bytes()
    sides = {side: {r["text"] for r in records if r["split"] == side} for side in ("train", "eval")}
    assert sides["eval"] and not sides["train"] & sides["eval"]


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "docs"
    (place / "deep").mkdir(parents=True)
    text = "A text about lamps and stores that is long enough to be something. "
    (place / "a.docx").write_bytes(make_docx(paragraph(text * 50)))
    (place / "b.pdf").write_bytes(make_pdf([wrapped(text * 3)]))
    (place / "deep" / "c.txt").write_text(text)
    (place / "deep" / "twin.docx").write_bytes((place / "a.docx").read_bytes())
    (place / "empty.md").write_bytes(b"")
    (place / "photo.docx").write_bytes(b"\x89PNG\r\n\x1a\n")
    (place / ".hidden.txt").write_text("hidden")
    (place / "link").symlink_to(place / "deep")
    return place


def test_a_folder_is_read_and_what_is_skipped_is_named(folder, capsys):
    assert run(["data", "read", str(folder), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["found"], result["read"], result["skipped_files"]) == (6, 3, 3)
    assert [(d["name"].rpartition("/")[2], d["kind"], d["pages"]) for d in result["documents"]] == [
        ("a.docx", "docx", None), ("b.pdf", "pdf", 1), ("c.txt", "text", None),
    ]  # fmt: skip
    reasons = {s["name"].rpartition("/")[2]: s["reason"] for s in result["skipped"]}
    assert reasons["empty.md"].startswith("is empty")
    assert reasons["photo.docx"].startswith("is a picture")
    assert reasons["twin.docx"] == f"has the same bytes as {folder}/a.docx."
    assert "1 hidden passed over" in result["notices"][0]
    assert "1 linked folders not looked into" in result["notices"][1]


def test_the_table_for_people(folder, capsys):
    assert run(["data", "read", str(folder), "--eval-fraction", "0.5"]) == 0
    out = capsys.readouterr().out
    assert "6 found = 3 read + 3 skipped" in out
    assert "is empty (0 bytes)" in out
    assert "documents for training" in out


def test_show_prints_the_blocks_of_one_document(folder, capsys):
    assert run(["data", "read", "--show", str(folder / "b.pdf")]) == 0
    assert "[0-200] p. 1 paragraph\nA text about" in capsys.readouterr().out
    assert run(["data", "read", "--show", str(folder / "b.pdf"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["blocks"][0]["text"].startswith("A text")
    assert run(["data", "read", "--show", str(folder)]) == 2
    assert "Name one to be shown" in capsys.readouterr().err


def test_nothing_readable_is_exit_code_1(tmp_path, capsys):
    (tmp_path / "empty.md").write_bytes(b"")
    assert run(["data", "read", str(tmp_path / "empty.md")]) == 1
    assert "0 read + 1 skipped" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no-such.docx"], "no such file or folder"),
        (["."], "no file here to read"),
        (["a.txt", "--out", "a.csv"], "Name a file that ends in .jsonl"),
        (["a.txt", "--out", "no/a.jsonl"], "does not exist"),
        (["a.txt", "--out", "there.jsonl"], "--force"),
        (["a.txt", "--chunk-tokens", "100"], "belong together"),
        (["a.txt", "--chunk-chars", "0"], "too small"),
    ],
)
def test_mistakes_are_answered_before_anything_is_read(
    tmp_path, monkeypatch, capsys, arguments, told
):
    monkeypatch.chdir(tmp_path)
    if arguments != ["."]:
        (tmp_path / "a.txt").write_text("A text.")
        (tmp_path / "there.jsonl").write_text("mine")
    assert run(["data", "read", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".part")]


def test_an_out_file_is_whole_or_not_there(folder, tmp_path, monkeypatch):
    out = tmp_path / "chunks.jsonl"
    out.write_text("old")

    class Broken(RuntimeError):
        pass

    def breaks(*_, **__):
        raise Broken

    monkeypatch.setattr("tunesmith.pipelines.read_documents.chunks", breaks)
    with pytest.raises(Broken):
        read_documents([str(folder)], out=out, force=True)
    assert out.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["chunks.jsonl", "docs"]


def test_from_python_with_a_budget(folder):
    result = read_documents([str(folder / "a.docx")], budget=Budget(500))
    assert result["chunks"] == 8
    with pytest.raises(DataError, match="no such file"):
        read_documents([str(folder / "a.doc")])


def test_a_missing_library_is_asked_for_by_name(folder, monkeypatch):
    from tunesmith.core import extras

    monkeypatch.setattr(extras, "is_installed", lambda package: package != "pdfplumber")
    assert run(["data", "read", str(folder)]) == 2


def test_reading_documents_imports_no_torch():
    script = (
        "import sys\nimport tunesmith.pipelines.read_documents\n"
        "import tunesmith.synthesize.documents.worker\n"
        "sys.exit(any(m in sys.modules for m in ('torch', 'transformers', 'lxml', 'pdfplumber')))"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


@pytest.mark.slow
def test_memory_stays_flat_over_many_documents(tmp_path):
    """The reading side holds a few documents at a time: 30 and 150 need about the same."""
    peaks: list[float] = []
    for n in (30, 150):
        place = tmp_path / str(n)
        place.mkdir()
        for k in range(n):
            (place / f"{k:04}.txt").write_text(f"Number {k}. {paragraph('x' * 5)} " * 1000)
        script = (
            "import sys, resource\nfrom tunesmith.pipelines.read_documents import read_documents\n"
            "print(read_documents([sys.argv[1]])['read'], "
            "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(place)], capture_output=True, text=True, check=True
        )
        read, peak = map(int, done.stdout.split())
        assert read == n
        peaks.append(peak / 1024)
    assert peaks[1] - peaks[0] < 12, peaks
