from __future__ import annotations

import gzip
import io
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from tunesmith.core.errors import DataError
from tunesmith.data.records import Notice, Section, read_records
from tunesmith.data.source import find_files


def pack(path: Path, members: dict[str, bytes | tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as tar:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
                continue
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


REVIEWS: dict[str, bytes | tarfile.TarInfo] = {
    "aclImdb/README": b"about",
    "aclImdb/imdb.vocab": b"the",
    "aclImdb/train/urls_pos.txt": b"http://x",
    "aclImdb/train/pos/1_9.txt": "Fine\x85 film.".encode(),
    "aclImdb/train/neg/2_1.txt": b"Bad film.",
    "aclImdb/train/unsup/3_0.txt": b"A film.",
    "aclImdb/test/pos/4_8.txt": b"Good film.",
}


def test_labelled_texts_in_an_archive_are_records_with_their_labels(tmp_path):
    file = pack(tmp_path / "a.tar.gz", REVIEWS)
    others, *found, unlabelled = read_records(file)
    assert found == [
        (f"{file}!aclImdb/train/pos/1_9.txt", {"text": "Fine\x85 film.", "label": "pos"}),
        (f"{file}!aclImdb/train/neg/2_1.txt", {"text": "Bad film.", "label": "neg"}),
        (f"{file}!aclImdb/test/pos/4_8.txt", {"text": "Good film.", "label": "pos"}),
    ]
    assert "3 members left out that are no data" in others.text
    assert "aclImdb/README, aclImdb/imdb.vocab, aclImdb/train/urls_pos.txt" in others.text
    assert "1 texts without a label left out" in unlabelled.text


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.tar"])
def test_each_split_of_an_archive_is_a_section(tmp_path, name):
    file = pack(tmp_path / name, REVIEWS)
    found = find_files(str(file))
    assert found == {"train": [Section(file, "train")], "test": [Section(file, "test")]}
    records = [item for item in read_records(found["test"][0]) if not isinstance(item, Notice)]
    assert [record["text"] for _, record in records] == ["Good film."]


def test_files_in_an_archive_are_read_in_place_whatever_their_kind(tmp_path):
    members: dict[str, bytes | tarfile.TarInfo] = {
        "data/train.jsonl": b'{"a": "1"}\n{"a": \n',
        "data/train.csv.gz": gzip.compress(b"a\n2\n"),
        "data/test/x.json": b'[{"a": "3"}]',
        "data/._x.json": b"\0",
    }
    file = pack(tmp_path / "a.tgz", members)
    found = find_files(str(file))
    assert set(found) == {"train", "test"}
    first, bad, second = read_records(found["train"][0])
    assert first == (f"{file}!data/train.jsonl:1", {"a": "1"})
    assert f"{file}!data/train.jsonl:2: broken JSON" in str(bad)
    assert second == (f"{file}!data/train.csv.gz:2", {"a": "2"})
    [(origin, _)] = read_records(found["test"][0])
    assert origin == f"{file}!data/test/x.json:1"


def test_real_reviews_are_read_whole(shared):
    file = shared / "imdb" / "aclImdb_train_2000.tar.gz"
    [section] = find_files(str(file))["train"]
    found = list(read_records(section))
    assert Counter(record["label"] for _, record in found) == {"pos": 1000, "neg": 1000}
    assert found[0][0] == f"{file}!aclImdb/train/pos/10587_8.txt"
    with tarfile.open(file) as tar:
        texts = [tar.extractfile(m).read().decode() for m in tar if m.isfile()]
    assert [record["text"] for _, record in found] == texts


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("../x.jsonl", b"{}", "leads out of the archive"),
        ("a/../../x.jsonl", b"{}", "leads out of the archive"),
        ("/etc/x.jsonl", b"{}", "leads out of the archive"),
        ("a\\..\\x.jsonl", b"{}", "leads out of the archive"),
        ("x.jsonl", special("x.jsonl", tarfile.SYMTYPE, "/etc/passwd"), "is a link"),
        ("x.jsonl", special("x.jsonl", tarfile.LNKTYPE, "y.jsonl"), "is a link"),
        ("x.jsonl", special("x.jsonl", tarfile.CHRTYPE), "is no plain file"),
        ("x.jsonl", special("x.jsonl", tarfile.FIFOTYPE), "is no plain file"),
    ],
)
def test_a_member_that_could_reach_out_of_the_archive_is_refused(tmp_path, name, content, told):
    file = pack(tmp_path / "a.tar", {"y.jsonl": b"{}", name: content})
    with pytest.raises(DataError, match=told):
        list(read_records(file))


def test_an_archive_that_unpacks_to_far_too_much_is_refused(tmp_path):
    file = pack(tmp_path / "a.tar.gz", {"x.txt": b" " * 100_000_000})
    assert file.stat().st_size < 200_000
    with pytest.raises(DataError, match="too large when unpacked"):
        list(read_records(file))


def test_a_header_that_is_too_large_is_refused(tmp_path):
    member = tarfile.TarInfo("x.jsonl")
    member.pax_headers = {"comment": "x" * 5_000_000}
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(member)
    with pytest.raises(DataError, match="the header of a member is too large"):
        list(read_records(tmp_path / "a.tar"))


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_an_archive_that_is_cut_off_is_told(tmp_path, kept):
    file = pack(tmp_path / "a.tar.gz", REVIEWS)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(DataError, match="damaged"):
        list(read_records(file))
