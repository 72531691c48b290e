"""Kind: what a file's name says it holds, and how it is packed."""

from __future__ import annotations

from dataclasses import dataclass

JSON = (".jsonl", ".ndjson", ".json")
TABLES = (".csv", ".tsv")
COLUMNAR = (".parquet", ".arrow")
TEXTS = (".txt", ".md")
PACKINGS = (".gz", ".zst")
SUFFIXES = (*JSON, *TABLES, *COLUMNAR, *TEXTS, ".tar", ".tgz")
"""Kinds of file that are read, each also behind a further ``.gz`` or ``.zst``."""
KNOWN = f"{', '.join(SUFFIXES)}; each also with {' or '.join(PACKINGS)} behind it"


@dataclass(frozen=True, slots=True)
class Kind:
    """``a.csv.gz`` is a ``.csv`` packed as ``.gz``; ``a.tgz`` is a ``.tar`` packed as ``.gz``."""

    suffix: str
    packing: str = ""


def kind_of(name: str) -> Kind | None:
    """The kind of a file by its name; None: it is none that we read."""
    stem, packing = name.lower(), ""
    for end in PACKINGS:
        if stem.endswith(end):
            stem, packing = stem.removesuffix(end), end
    suffix = next((s for s in SUFFIXES if stem.endswith(s)), None)
    if suffix == ".tgz":
        return None if packing else Kind(".tar", ".gz")
    return Kind(suffix, packing) if suffix else None


ABOUT = ("readme", "source", "license", "licence", "notice", "changelog")
BESIDE = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json")
"""What ``datasets`` and LLaMA-Factory keep beside data."""


def is_prose_about_data(name: str) -> bool:
    """Whether a file, by its name without its folder, is a read-me, a licence or the like."""
    stem, _, suffix = name.lower().partition(".")
    return stem in ABOUT and suffix in ("", "md", "txt", "rst")


def is_kept_beside_data(name: str) -> bool:
    """Whether a tool keeps a file of this name beside data to describe it."""
    return name.lower() in BESIDE


def is_hidden(name: str) -> bool:
    """Whether a file's name hides it: ``.DS_Store``, ``._a.json``."""
    return name.startswith(".")
