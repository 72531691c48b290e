"""Denial: whether an answer says that there is none."""

from __future__ import annotations

import re

WORDS = re.compile(
    r"\b(?:no|not|none|nothing|never|neither|nowhere|without|unknown|unclear|unspecified|"
    r"cannot|\w+n['’]t"  # English
    r"|ni|sin|nada|tampoco|ningun[ao]?|ningún|desconoc\w+"  # Spanish
    r"|nicht|keine?[rmns]?|ohne|unbekannt"  # German
    r"|pas|aucune?|rien|sans|inconnue?"  # French
    r"|non|nessun[ao]?|senza|não|nenhuma?|sem|niet|geen)\b"  # Italian, Portuguese, Dutch
    r"|\b(?:не|нет|ни|без|неизвестн\w+|немає|нема)\b"
    r"|[没沒无無未不]|[なぬ]い|ません|ずに|없|않|안 |못|아니|모르|모릅",
    re.IGNORECASE,
)
"""Words that deny, of languages one after the other: an answer may be in another language than its
passage. Whether it is a good answer is for the verdict to say."""


def denies(answer: str) -> bool:
    """Whether it may say that there is no answer; True in scripts that are not known here."""
    known = re.search(r"[A-Za-z\u0400-\u04ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", answer)
    return known is None or WORDS.search(answer) is not None
