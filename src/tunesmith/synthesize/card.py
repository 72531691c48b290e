"""Card: the README.md of a dataset: sources, counts by fate, kinds, languages, cost, samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from tunesmith.checks.languages import UNKNOWN
from tunesmith.synthesize.row import Row

SAMPLES = 3
LONGEST_SAMPLE = 400
FORMS = {
    "messages": "a list of messages, as chat APIs take them",
    "alpaca": "`instruction`, `input`, `output`",
    "sharegpt": "`conversations` with `from` and `value`",
}


@dataclass
class RowFacts:
    """What a card tells of accepted rows, gathered one by one."""

    kinds: Counter[str] = field(default_factory=Counter[str])
    languages: Counter[str] = field(default_factory=Counter[str])
    documents: Counter[str] = field(default_factory=Counter[str])
    models: Counter[str] = field(default_factory=Counter[str])
    prompts: Counter[str] = field(default_factory=Counter[str])
    flags: Counter[str] = field(default_factory=Counter[str])
    samples: dict[str, Row] = field(default_factory=dict[str, Row])
    """The first row of each kind."""
    n_translated: int = 0
    """Rows that a teacher wrote in another language than their passage's."""
    n_from_drafts: int = 0
    """Preferences made of answers that failed a check."""

    def add(self, row: Row, language: str) -> None:
        """Takes an accepted row in.

        Args:
            row: to be exported.
            language: of its passage.
        """
        told = row.provenance
        self.kinds[row.draft.kind] += 1
        self.languages[row.language] += 1
        self.n_translated += bool(row.draft.turns) and row.language != language != UNKNOWN
        self.documents[told.document] += 1
        if told.model:
            self.models[told.model] += 1
        if told.prompt:
            self.prompts[told.prompt] += 1
        self.flags.update(told.flags)
        self.samples.setdefault(row.draft.kind, row)


def dataset_card(
    title: str,
    facts: RowFacts,
    *,
    documents: Sequence[Mapping[str, Any]],
    skipped: Sequence[Mapping[str, str]],
    counts: Mapping[tuple[str, str], int],
    fates: Mapping[str, Any],
    reviewed: Mapping[str, int],
    effort: Mapping[str, Any],
    form: str,
) -> str:
    """A card in Markdown, with the head that hubs and ``datasets`` read.

    Args:
        title: heading.
        facts: of the accepted rows.
        documents: as they were read: ``name``, ``sha256``, ``kind``, ``chunks``, ``split``.
        skipped: files that were not read, ``name`` and ``reason``.
        counts: rows by folder and split.
        fates: what became of every planned row.
        reviewed: decisions of people, by what they decided.
        effort: calls, tokens and cost.
        form: name of the format of instructions.
    """
    parts = [
        _head(counts, facts),
        f"# {title}",
        f"{sum(counts.values()):,} rows made of {len(documents):,} documents by tunesmith. Every "
        "row names its document, the place in it, the words that bear it out, the prompt, the "
        "model and the call, under `provenance`.",
        *_contents(counts, facts, form),
        *_sources(documents, skipped, facts),
        *_fates(fates, reviewed),
        *_making(facts, effort),
        *_samples(facts),
        *_limits(facts, fates, reviewed),
    ]
    return "\n\n".join(parts) + "\n"


def _head(counts: Mapping[tuple[str, str], int], facts: RowFacts) -> str:
    folders = list(dict.fromkeys(folder for folder, _ in counts))
    configs = [
        {
            "config_name": folder,
            "data_files": [
                {"split": "train" if split == "train" else "test", "path": f"{name}/{split}.jsonl"}
                for name, split in counts
                if name == folder
            ],
        }
        for folder in folders
    ]
    known = sorted(language for language in facts.languages if len(language) == 2)
    head = {"language": known, "tags": ["synthetic", "tunesmith"], "configs": configs}
    return "---\n" + yaml.safe_dump(head, sort_keys=False, allow_unicode=True) + "---"


def _contents(counts: Mapping[tuple[str, str], int], facts: RowFacts, form: str) -> list[str]:
    folders = list(dict.fromkeys(folder for folder, _ in counts))
    rows = [
        [f"`{folder}`", *(f"{counts.get((folder, split), 0):,}" for split in ("train", "eval"))]
        for folder in folders
    ]
    kinds = ", ".join(f"{kind} {n:,}" for kind, n in facts.kinds.most_common())
    languages = ", ".join(f"{name} {n:,}" for name, n in facts.languages.most_common())
    told = f" `instructions` holds {FORMS[form]}." if "instructions" in folders else ""
    if facts.n_from_drafts:
        told += (
            f" Preferences from drafts: {facts.n_from_drafts:,}; their worse answers are drafts "
            "that failed a check, beside accepted ones to the same question."
        )
    return [
        "## Contents",
        _table(["folder", "train", "eval"], rows),
        f"Kinds: {kinds or 'none'}. Languages: {languages or 'none'}.{told} No document is in both "
        "train and eval.",
    ]


def _sources(
    documents: Sequence[Mapping[str, Any]], skipped: Sequence[Mapping[str, str]], facts: RowFacts
) -> list[str]:
    rows = [
        [
            _plain(entry["name"]),
            entry["kind"],
            f"`{entry['sha256'][:12]}`",
            f"{entry['chunks']:,}",
            f"{facts.documents[entry['sha256']]:,}",
            entry["split"],
        ]
        for entry in documents
    ]
    parts = [
        "## Sources",
        _table(["document", "kind", "SHA-256", "passages", "rows", "split"], rows),
    ]
    if skipped:
        listed = "\n".join(f"- {_plain(s['name'])}: {_plain(s['reason'])}" for s in skipped)
        parts.append(f"Not read:\n\n{listed}")
    return parts


def _fates(fates: Mapping[str, Any], reviewed: Mapping[str, int]) -> list[str]:
    rows = [["accepted", "", f"{fates['accepted']:,}"]]
    for fate in ("rejected", "failed"):
        rows += [[fate, _plain(step), f"{n:,}"] for step, n in fates[fate].items()]
    told = ", ".join(f"{n:,} {what}" for what, n in reviewed.items() if n)
    return [
        "## What became of every row",
        f"{fates['planned']:,} rows were planned.",
        _table(["fate", "step", "rows"], rows),
        f"Looked at by people: {told or 'none'}.",
    ]


def _making(facts: RowFacts, effort: Mapping[str, Any]) -> list[str]:
    models = ", ".join(f"`{_plain(name)}`" for name in sorted(facts.models)) or "none"
    prompts = ", ".join(f"`{name}`" for name in sorted(facts.prompts)) or "none"
    cost = "" if effort.get("cost") is None else f", cost {effort['cost']:.4f}"
    return [
        "## How it was made",
        f"Teacher: {models}. Prompts: {prompts}.",
        f"{effort['calls']:,} calls, {effort['prompt_tokens']:,} tokens of prompts, "
        f"{effort['answer_tokens']:,} of answers{cost}.",
    ]


def _samples(facts: RowFacts) -> list[str]:
    parts = ["## Samples"]
    for kind, row in list(facts.samples.items())[:SAMPLES]:
        lines = [f"**{kind}**, {_plain(row.provenance.name)}"]
        for turn in row.draft.turns:
            lines += [f"> {_quoted(turn.request)}", f"> **{_quoted(turn.answer)}**"]
        if row.draft.label:
            lines += [f"> {_quoted(row.draft.quotes[0])}", f"> **{_quoted(row.draft.label)}**"]
        parts.append("\n>\n".join([lines[0] + "\n", *lines[1:]]).replace("\n\n>\n", "\n\n"))
    return parts if len(parts) > 1 else []


def _limits(facts: RowFacts, fates: Mapping[str, Any], reviewed: Mapping[str, int]) -> list[str]:
    lines = [
        "Rows were written by a language model and judged by rules and by the model itself: "
        "quotes, numbers and names are in the documents, but what a row says may still mislead.",
    ]
    if not any(reviewed.values()):
        lines.append("No row was looked at by a person.")
    if n := facts.n_translated:
        lines.append(
            f"{n:,} rows are in another language than their document: their quotes and numbers "
            "were looked up in it, their names only where both are in the same script. An "
            "invented name in them was left to the model to find."
        )
    for flag, n in facts.flags.most_common():
        lines.append(f"{n:,} rows are flagged: {flag}.")
    if n := sum(fates["failed"].values()):
        lines.append(f"{n:,} planned rows are missing, because calls failed or wrote fewer.")
    lines.append("The documents' own licences and personal data carry over to the rows.")
    return ["## Limits", "\n".join(f"- {line}" for line in lines)]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """A text in one line that is neither markup nor the end of a cell."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("`", "'")


def _quoted(text: str) -> str:
    whole = _plain(text).replace("*", "\\*")
    return whole if len(whole) <= LONGEST_SAMPLE else whole[: LONGEST_SAMPLE - 3] + "..."
