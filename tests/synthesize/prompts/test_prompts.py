"""Prompts: every language whole, and a user's own in their place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.core.errors import DataError
from tunesmith.synthesize.kinds import KINDS
from tunesmith.synthesize.parse_reply import parse_reply
from tunesmith.synthesize.passage import Passage
from tunesmith.synthesize.prompts import Prompts
from tunesmith.synthesize.prompts.prompts import (
    HERE,
    VERSION,
    bundled,
    check_language,
    language_of,
)
from tunesmith.synthesize.repair import PROBLEM, REPAIRS
from tunesmith.synthesize.verify import Verdict

ALL = bundled()
ASKS = [prompt for prompt in ALL if prompt.purpose != "repair"]
PROMPTS = Prompts()
FORM = re.compile(r'^\{"items": .+$', re.MULTILINE)
SCRIPTS = {"zh": r"[\u4e00-\u9fff]", "ko": r"[\uac00-\ud7a3]", "es": r"[áéíóúñ]"}


def shown(language: str) -> Passage:
    return Passage("d", "n", 0, 0, 4, "text", language=language)


def test_there_is_a_text_for_every_kind_in_every_language():
    purposes = {name for name in KINDS.entries if KINDS.load(name).asks_teacher}
    assert {p.purpose for p in ALL} == purposes | {"verify", "repair"}
    assert len(ALL) == len(PROMPTS.purposes) * len(PROMPTS.languages)
    assert {"en", "zh", "es", "ko"} <= set(PROMPTS.languages)
    assert len({p.text for p in ALL}) == len(ALL) == len({p.version for p in ALL})


@pytest.mark.parametrize("prompt", ALL, ids=lambda p: f"{p.purpose}.{p.language}")
def test_a_text_has_its_placeholders_its_version_and_its_own_language(prompt):
    english = PROMPTS.prompt(prompt.purpose, "en")
    optional = {"language"} if prompt.language != "en" else set()
    assert english.placeholders - optional <= prompt.placeholders <= english.placeholders
    raw = (HERE / f"{prompt.purpose}.{prompt.language}.txt").read_text("utf-8")
    assert VERSION.match(raw) and not VERSION.match(prompt.text)
    assert re.fullmatch(rf"{prompt.purpose}\.{prompt.language}@[0-9a-f]{{8}}", prompt.version)
    if prompt.language in SCRIPTS:
        assert re.search(SCRIPTS[prompt.language], prompt.text)


@pytest.mark.parametrize("prompt", ASKS, ids=lambda p: f"{p.purpose}.{p.language}")
def test_the_form_that_is_shown_is_the_one_that_is_read(prompt):
    shape = Verdict if prompt.purpose == "verify" else KINDS.load(prompt.purpose).shape
    [form] = FORM.findall(prompt.text)
    parsed = parse_reply(form, shape)
    assert parsed.is_complete and len(parsed.values) == 1
    assert parsed.values[0].model_fields_set == set(shape.model_fields)


@pytest.mark.parametrize("prompt", ASKS, ids=lambda p: p.version)
def test_a_text_says_that_the_passage_is_no_instruction(prompt):
    word = {"en": "quotation", "zh": "引文", "es": "cita", "ko": "인용문"}[prompt.language]
    assert word in prompt.text and "<passage>" not in prompt.text


def test_other_languages_are_ordered_by_name():
    values = {"passage": "p", "n": "1", "styles": "fact × 1"}
    assert "in German." in PROMPTS.fill("qa", "de", values)
    assert "in the language of the passage." in PROMPTS.fill("qa", "unknown", values)
    assert PROMPTS.version("qa", "de") == PROMPTS.version("qa", "en")
    assert PROMPTS.version("qa", "zh").startswith("qa.zh@")
    assert language_of(shown("zh"), "same") == "zh" and language_of(shown("zh"), "en") == "en"
    assert check_language("same") == "same" and check_language("de") == "de"
    with pytest.raises(DataError, match=r"no language 'english'\. .*Write two letters"):
        check_language("english")


@given(st.text(), st.text())
def test_what_is_filled_in_is_never_looked_at_again(one, other):
    whole = PROMPTS.fill("labels", "zh", {"passage": one, "labels": other, "n": "{passage}"})
    text = PROMPTS.prompt("labels", "zh").text
    parts = re.split(r"\{(?:passage|labels|n)\}", text)
    filled = {"passage": one, "labels": other, "n": "{passage}"}
    order = re.findall(r"\{(passage|labels|n)\}", text)
    assert whole == "".join(p + filled.get(k, "") for p, k in zip(parts, [*order, ""], strict=True))


def own(folder: Path, name: str, text: str) -> Prompts:
    (folder / name).write_text(text, "utf-8")
    return Prompts(folder)


def test_a_users_own_text_wins(tmp_path):
    found = own(tmp_path, "qa.zh.txt", '\ufeff问{n}个 {styles}：{passage} {"a": {}}')
    filled = found.fill("qa", "zh", {"n": "2", "styles": "fact", "passage": "{n}"})
    assert filled == '问2个 fact：{n} {"a": {}}'
    assert found.version("qa", "zh") != PROMPTS.version("qa", "zh")
    assert found.version("qa", "en") == PROMPTS.version("qa", "en")
    german = own(tmp_path, "verify.de.txt", "{passage}{items}{n}")
    assert german.version("verify", "de").startswith("verify.de@")
    told = own(tmp_path, "repair.en.txt", "version: 3\n\nAgain: {problem}!").repair("en")
    assert told == "Again: {problem}!"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("qu.en.txt", "{passage}", r"qu\.en\.txt: no prompt is called so\. Did you mean 'qa\.en"),
        ("qa.txt", "{passage}", "no prompt is called so"),
        ("qa.en.md", "{passage}", "no prompt is called so"),
        ("qa.xx.txt", "{passage}", r"no language 'xx' is known\. Known: ar, "),
        ("qa.zh.txt", "{passage}", r"lacks the placeholder \{n\}\. It needs \{language\}, \{n\}"),
        ("qa.en.txt", "{passage}{n}{styles}", r"lacks the placeholder \{language\}"),
        ("qa.zh.txt", "{passage}{n}{styles}{Passage}", r"\{Passage\} is no placeholder"),
        ("qa.zh.txt", "{passage}{n}{styles}{passage.text}", r"\{passage\.text\} is no place"),
        ("qa.zh.txt", "{passage}{n}{styles}{n!r:>9}", r"\{n!r:>9\} is no placeholder"),
        ("qa.zh.txt", "version: 2\n \n", "is empty"),
    ],
)
def test_a_wrong_file_says_what_is_allowed(tmp_path, name, text, message):
    with pytest.raises(DataError, match=message):
        own(tmp_path, name, text)


def test_bytes_that_are_no_text_and_a_missing_folder_are_told(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        Prompts(tmp_path / "nowhere")
    (tmp_path / "qa.en.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="Save it as UTF-8"):
        Prompts(tmp_path)


def test_repairs_are_the_bundled_texts():
    assert all(PROBLEM in text for text in REPAIRS.values())
    assert {language: PROMPTS.repair(language) for language in REPAIRS} == REPAIRS
