"""A dataset does not tell where it was built, and half a character breaks nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from corpus import PER_DOCUMENT, FactTeacher, write_corpus

pytest.importorskip("httpx")

from tunesmith.chat.endpoint import parse_endpoint
from tunesmith.chat.hosted import HostedModel
from tunesmith.pipelines.build_data import BuildSettings, build_data
from tunesmith.pipelines.trace import trace
from tunesmith.synthesize.kinds import KINDS
from tunesmith.synthesize.rows_file import read_rows
from tunesmith.synthesize.teacher.script import Reply

KIND = {"name": "span-qa", "per_chunk": PER_DOCUMENT}
PAIRS = {"name": "qa", "per_chunk": PER_DOCUMENT, "styles": ["fact"]}


def build(folder: object, out: Path, server, kind=PAIRS):
    settings = BuildSettings(kinds=[KINDS.parse(kind)], n_processes=1, eval_fraction=0.3)
    teacher = HostedModel(parse_endpoint(f"{server.url}#teacher"))
    return build_data([str(folder)], out, settings, teacher=teacher)


def written(out: Path) -> dict[str, bytes]:
    files = [out / "rows.jsonl", *sorted((out / "dataset").rglob("*"))]
    return {str(p.relative_to(out)): p.read_bytes() for p in files if p.is_file()}


@pytest.mark.parametrize("kind", [PAIRS, KIND], ids=["qa", "span-qa"])
def test_the_same_bytes_however_the_folder_was_typed(tmp_path, teacher, monkeypatch, kind):
    folder = tmp_path / "manuals"
    facts = write_corpus(folder, 4)
    (folder / "photo.pdf").write_bytes(b"\x89PNG\r\n\x1a\n")
    server = teacher(otherwise=FactTeacher(facts))
    build(folder, tmp_path / "one" / "data", server, kind)
    monkeypatch.chdir(folder)
    build(".", tmp_path / "other" / "data", server, kind)
    first, second = written(tmp_path / "one" / "data"), written(tmp_path / "other" / "data")
    assert first == second and len(first) >= 4
    assert str(tmp_path).encode() not in b"".join(first.values())
    assert b"manuals/manual-0000.txt" in first["rows.jsonl"]


def test_a_row_is_traced_from_any_folder_and_a_change_is_told(tmp_path, teacher, monkeypatch):
    folder = tmp_path / "manuals"
    facts = write_corpus(folder, 2)
    monkeypatch.chdir(tmp_path)
    build("manuals", tmp_path / "out", teacher(otherwise=FactTeacher(facts)))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    row = f"{tmp_path}/out/dataset/instructions/train.jsonl:1"
    file = tmp_path / trace(row).provenance["name"]
    assert trace(row).state == f"the file is as it was: {file}"
    file.write_text("anew")
    assert trace(row).state == f"the file has changed since: {file}"
    file.unlink()
    assert trace(row).state == f"the file is gone: {file}"


def test_a_build_within_its_documents_does_not_read_itself(tmp_path, teacher):
    folder = tmp_path / "manuals"
    facts = write_corpus(folder, 3)
    server = teacher(otherwise=FactTeacher(facts))
    first = build(folder, folder / "data", server)
    files, n = written(folder / "data"), len(server.ledger)
    again = build(folder, folder / "data", server)
    assert first["found"] == again["found"] == 3 and len(server.ledger) == n
    assert written(folder / "data") == files


def test_a_folder_in_which_a_build_was_killed_at_once_can_be_used(tmp_path, teacher):
    facts = write_corpus(tmp_path / "manuals", 2)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "holder").write_text("process 1 on it\n")
    server = teacher(otherwise=FactTeacher(facts))
    assert build(tmp_path / "manuals", tmp_path / "out", server)["found"] == 2


def test_half_a_character_in_document_reply_and_verdict_breaks_nothing(tmp_path, teacher):
    folder = tmp_path / "manuals"
    facts = write_corpus(folder, 2)
    page = f"<p>Lamp &#xD83D; stands in the hall.</p><p>{facts[0].passage}</p>"
    (folder / "manual-0000.txt").unlink()
    (folder / "manual-0000.html").write_text(page, "utf-8")
    (folder / "utf-16.txt").write_bytes(
        "\ufeffA lamp \ud83d in it.".encode("utf-16-le", "surrogatepass")
    )

    class Halves(FactTeacher):
        def _pairs(self, asked):
            return [
                {**one, "question": one["question"] + " \ud83d?"} for one in super()._pairs(asked)
            ]

        def _verdicts(self, asked):
            n_drafts = asked.text.count('{"number": ')
            verdicts = [self._verdict(number, 0) for number in range(1, n_drafts + 1)]
            return [{**one, "reason": "fine \ud83d"} for one in verdicts]

        def __call__(self, asked):  # as an escape within the reply, as models write it
            return Reply(json.dumps(json.loads(super().__call__(asked).text)))

    server = teacher(otherwise=Halves(facts))
    result = build(folder, tmp_path / "out", server)
    rows = [*read_rows(tmp_path / "out" / "rows.jsonl")]
    assert all("\ufffd?" in row.draft.turns[0].request for row in rows) and len(rows) > 4
    assert result["fates"]["accepted"] > 4, result["fates"]
    assert "fine \ufffd" in str(rows[0].provenance.verdicts)
    n = len(server.ledger)
    assert build(folder, tmp_path / "out", server)["fates"] == result["fates"]
    assert len(server.ledger) == n, "every reply was kept"
