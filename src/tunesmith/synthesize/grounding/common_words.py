"""Common words: which English words are ordinary, and so no names where they begin a sentence."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from importlib.resources import files

SHORT_WORDS = frozenset(
    "re ll ve a an as at be by do go he if in is it me my no of on or so to up us we".split()
)
SUFFIXES = [
    tuple(pair.split(">"))
    for pair in (
        "ies>y ied>y ily>y s> es> ed> ed>e d> ing> ing>e ings> ly> er> er>e ers> ers>e est> "
        "ness> ment> ments> ion> ion>e ions>e ation>e ation> al> ally>al able> able>e ity> "
        "ity>e ful> less> ant>e ance>e "
    ).split()
]
"""An ending, and what the word ends with without it."""
COMMON_ENDINGS = re.compile(
    r"(?:tion|tions|ment|ments|ness|ing|ings|ity|ities|ously|ally|ely|ably|ibly|ingly|edly|able"
    r"|ible"
    r"|less|ful|ized|ised|izes|ises|ship|ships|wards?|wise|ology|graphy|sis)$"
)
PREFIXES = ("un", "re", "non", "over", "under", "pre", "mis", "dis", "out", "sub", "inter", "anti")


@lru_cache(maxsize=16384)
def plain_word(word: str) -> str:
    """Small letters without accents and without a possessive."""
    bare = re.sub(r"['’](?:s|re|ll|ve|d|m)?$", "", word)
    apart = unicodedata.normalize("NFKD", bare.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char)).replace("ø", "o")


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    text = files("tunesmith.synthesize.grounding").joinpath("common_english.txt").read_text("utf-8")
    return frozenset(text.split()) | SHORT_WORDS


@lru_cache(maxsize=16384)
def is_common(word: str) -> bool:
    """Whether an English word is an ordinary one, by a list of these and their endings."""
    low = plain_word(word)
    parts = re.split(r"[-/'’]", low)
    if len(parts) > 1:
        return all(is_common(part) for part in parts if part)
    known = _common()
    if len(low) < 2 or low in known:
        return True
    for prefix in PREFIXES:
        if low.startswith(prefix) and len(low) - len(prefix) >= 3 and is_common(low[len(prefix) :]):
            return True
    if len(low) >= 7 and COMMON_ENDINGS.search(low):
        return True
    for ending, instead in SUFFIXES:
        if low.endswith(ending) and len(low) - len(ending) >= 2:
            base = low[: -len(ending)] + instead
            if base in known or (len(base) > 3 and base[-1] == base[-2] and base[:-1] in known):
                return True
    return False
