"""Passwords and keys that were written into an address: in no file, and not on the screen."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("httpx")

from tunesmith.chat.endpoint import parse_endpoint  # noqa: E402
from tunesmith.cli.main import run as command  # noqa: E402
from tunesmith.core.errors import EndpointError, RecipeError  # noqa: E402
from tunesmith.pipelines.beside import named_models  # noqa: E402

SECRET = "s3cr3t"
ADDRESSES = [
    f"https://me:{SECRET}@h.example/v1",
    f"HTTPS://me:{SECRET}@h.example/v1",
    f"https://me:{SECRET}/more@h.example/v1",
    f"https://me:1{SECRET}@h\u2100st/v1",
    f"https://me:80/{SECRET}@h.example/v1",
    f"https://h.example/v1?api_key={SECRET}",
    f"https://h.example/v1#model?api_key={SECRET}",
    f"s3://me:{SECRET}@bucket/model",
]


@pytest.fixture
def asked(tmp_path, lines, monkeypatch):
    """A folder to work in, with examples."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))
    rows = [{"instruction": f"Who comes on day {n}?", "input": "", "output": "A."} for n in "123"]
    return lines(tmp_path / "asked.jsonl", *rows)


def leaks(folder, capsys):
    """Where the secret can be read: files, and the screen."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    found = [str(file) for file in files if SECRET.encode() in file.read_bytes()]
    told = capsys.readouterr()
    return found + [text for text in (told.out, told.err) if SECRET in text]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("before", ["", "h=", "h= ", "my name="])
def test_a_model_whose_address_holds_a_secret_is_refused_before_anything_is_written(
    asked, address, before, capsys
):
    good = "b=tunesmith-tiny"
    code = command(["compare", good, f"{before}{address}", "--data", str(asked), "--out", "out"])
    assert code == 2 and not (asked.parent / "out").exists()
    assert not leaks(asked.parent, capsys)
    with pytest.raises((EndpointError, RecipeError)) as refused:
        named_models([f"{before}{address}"])
    assert SECRET not in str(refused.value) and "https://HOST/v1" in str(refused.value)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_judge_whose_address_holds_a_secret_is_refused_too(asked, address, capsys):
    folder = asked.parent / "out"
    kept = {"models": {"a": {}, "b": {}}, "request": {"models": []}, "task": "sft"}
    folder.mkdir()
    (folder / "comparison.json").write_text(json.dumps(kept), "utf-8")
    line = {"origin": "x", "prompt": "x", "references": ["x"]}
    line["answers"] = {"a": {"text": "x"}, "b": {"text": "y"}}
    (folder / "examples.jsonl").write_text(json.dumps(line) + "\n", "utf-8")
    assert command(["compare", "--judge", address, "--out", "out"]) == 2
    assert command(["compare", "a=tunesmith-tiny", "--judge", address, "--data", str(asked)]) == 2
    assert not leaks(asked.parent, capsys)


def test_addresses_that_hold_no_secret_are_taken_as_they_are():
    for name, model in {
        "https://h.example/v1#@cf/meta/llama-2-7b": "@cf/meta/llama-2-7b",
        "HTTP://127.0.0.1:8000/v1#m": "m",
        "https://bücher.example/v1#m": "m",
    }.items():
        assert parse_endpoint(name).model == model
        assert named_models([f"x={name}"])[0].model == name
    with pytest.raises(EndpointError, match=r"'a b': no host is called so"):
        parse_endpoint("https://a b/v1#m")
