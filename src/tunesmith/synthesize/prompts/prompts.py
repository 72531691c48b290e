"""Prompts: finds the text for a purpose and a language, and fills in what belongs there.

A file is called ``qa.zh.txt``: what it is for, and the language that it is written in. The English
one of each purpose says which placeholders there are. Only a placeholder that is named so, such as
``{passage}``, is replaced, and what is put in its place is never looked at again, so braces of a
passage mean nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tunesmith.core.errors import DataError, did_you_mean
from tunesmith.synthesize.passage import Passage
from tunesmith.synthesize.prompts.languages import LANGUAGES, OF_THE_PASSAGE

HERE = Path(__file__).parent
ENGLISH = "en"
SAME = "same"
NAME = re.compile(r"([a-z][a-z-]*)\.([a-z]{2})\.txt")
VERSION = re.compile(r"\Aversion: (\d+)\s*\n\s*")
PLACEHOLDER = re.compile(r"\{([^\W\d][^{}\s\"]*)\}")
"""Also what only looks like one, so that a slip is found: ``{Passage}``, ``{passage.text}``."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One text."""

    purpose: str
    """Name of a kind, ``verify`` or ``repair``."""
    language: str
    text: str
    """Without its version line."""

    @property
    def placeholders(self) -> frozenset[str]:
        """What has to be filled in."""
        return frozenset(PLACEHOLDER.findall(self.text))

    @property
    def version(self) -> str:
        """For example ``qa.zh@1f0c22aa``: another text is another version."""
        digest = hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self.purpose}.{self.language}@{digest[:8]}"


class Prompts:
    """All texts: those that come with tunesmith, and a user's own in their place."""

    def __init__(self, folder: Path | None = None) -> None:
        """Reads them.

        Args:
            folder: with texts of one's own, by the same names; None: there are none.

        Raises:
            DataError: the folder is not there, holds a file of another name, or a text lacks a
                placeholder or has one that means nothing.
        """
        self._prompts = {(p.purpose, p.language): p for p in bundled()}
        if folder is not None:
            self._prompts |= {(p.purpose, p.language): p for p in self._own(folder)}

    @property
    def purposes(self) -> list[str]:
        """What there are texts for."""
        return sorted({purpose for purpose, _ in self._prompts})

    @property
    def languages(self) -> list[str]:
        """What there are texts in."""
        return sorted({language for _, language in self._prompts})

    def prompt(self, purpose: str, language: str) -> Prompt:
        """The text for a purpose: in a language, else in English."""
        return self._prompts.get((purpose, language)) or self._prompts[purpose, ENGLISH]

    def version(self, purpose: str, language: str) -> str:
        """Which text it is: ``qa.zh@1f0c22aa``.

        Args:
            purpose: name of a kind, ``verify`` or ``repair``.
            language: two letters; one without a text of its own has the English one.
        """
        return self.prompt(purpose, language).version

    def fill(self, purpose: str, language: str, values: Mapping[str, str]) -> str:
        """A text with its placeholders filled in.

        Args:
            purpose: name of a kind, ``verify`` or ``repair``.
            language: two letters, or ``unknown``.
            values: of all placeholders but ``language``.
        """
        known = {**values, "language": LANGUAGES.get(language, OF_THE_PASSAGE)}
        text = self.prompt(purpose, language).text
        return PLACEHOLDER.sub(lambda found: known[found[1]], text)

    def repair(self, language: str) -> str:
        """What is asked after a broken reply; ``{problem}`` is filled in by who knows it."""
        return self.prompt("repair", language).text

    def _own(self, folder: Path) -> list[Prompt]:
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder. Name the one that holds your prompts.")
        files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        return [self._checked(path) for path in files]

    def _checked(self, path: Path) -> Prompt:
        found = NAME.fullmatch(path.name)
        known = [f"{purpose}.{ENGLISH}.txt" for purpose in self.purposes]
        if found is None or (found[1], ENGLISH) not in self._prompts:
            raise DataError(
                f"{path}: no prompt is called so. {did_you_mean(path.name, known)} For another "
                "language write its two letters in place of en."
            )
        if found[2] not in LANGUAGES:
            raise DataError(
                f"{path}: no language {found[2]!r} is known. Known: {', '.join(sorted(LANGUAGES))}."
            )
        prompt = read_prompt(path)
        problem = _problem(prompt, self._prompts[prompt.purpose, ENGLISH].placeholders)
        if problem:
            raise DataError(f"{path}: {problem}")
        return prompt


def language_of(passage: Passage, language: str) -> str:
    """The language that rows of a passage are written in: two letters, or ``unknown``."""
    return passage.language if language == SAME else language


def check_language(language: str) -> str:
    """A language that can be asked for.

    Raises:
        DataError: it is neither ``same`` nor a language that has a name here.
    """
    if language != SAME and language not in LANGUAGES:
        raise DataError(
            f"no language {language!r}. {did_you_mean(language, [SAME, *LANGUAGES])} Write two "
            "letters, or same for that of each document."
        )
    return language


def read_prompt(path: Path) -> Prompt:
    """Reads a text; a first line ``version: 1`` is for people and is not sent.

    Raises:
        DataError: it cannot be read, or is empty.
    """
    purpose, language, _ = path.name.split(".")
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}). Save it as UTF-8 text.") from None
    text = VERSION.sub("", text).strip()
    if not text:
        raise DataError(f"{path}: is empty. Write a prompt there, or take the file away.")
    return Prompt(purpose, language, text)


def bundled(purpose: str = "*") -> list[Prompt]:
    """The texts that come with tunesmith, all of them or those for one purpose."""
    return [read_prompt(path) for path in sorted(HERE.glob(f"{purpose}.*.txt"))]


def _problem(prompt: Prompt, wanted: frozenset[str]) -> str:
    """What is wrong with the placeholders of a text; only English has to name the language."""
    listed = ", ".join(f"{{{name}}}" for name in sorted(wanted))
    strange = sorted(prompt.placeholders - wanted)
    if strange:
        return f"{{{strange[0]}}} is no placeholder of it. Known: {listed}."
    optional = set() if prompt.language == ENGLISH else {"language"}
    missing = sorted(wanted - optional - prompt.placeholders)
    if missing:
        return f"lacks the placeholder {{{missing[0]}}}. It needs {listed}."
    return ""
