"""Kin: words of which one stands for another: France and French, JavaScript and js."""

from __future__ import annotations

from collections.abc import Container

KIN = [
    frozenset(group.split())
    for group in (
        "france french frenchman",
        "germany german",
        "spain spanish spaniard",
        "england ",
        "english britain british uk",
        "netherlands dutch ",
        "holland",
        "norway norwegian",
        "denmark danish dane",
        "sweden swedish swede",
        "finland finnish finn",
        "poland polish pole",
        "turkey turkish ",
        "türkiye",
        "greece greek",
        "china chinese",
        "japan japanese",
        "portugal portuguese",
        "ireland irish",
        "wales welsh",
        "scotland ",
        "scottish scots",
        "switzerland swiss",
        "belgium belgian",
        "iceland icelandic",
        "thailand thai",
        "iraq iraqi",
        "peru peruvian",
        "hungary hungarian",
        "italy italian",
        "canada canadian",
        "argentina ",
        "argentine argentinian",
        "norman normandy",
        "usa us u.s american ",
        "america",
        "europe european eu",
        "vietnam vietnamese",
        "mon monday",
        "tue tues tuesday",
        "wed wednesday",
        "thu thur thurs ",
        "thursday",
        "fri friday",
        "sat saturday",
        "sun sunday",
        "co2 carbon",
        "h2o water",
        "o2 oxygen",
        "macos mac",
        "javascript js",
        "postgresql postgres",
        "catholic catholicism",
        "buddha buddhist ",
        "buddhism",
        "islam islamic muslim",
        "christian christianity",
        "alps alpine",
        "napoleon ",
        "napoleonic",
        "rome roman",
        "athens athenian",
        "venice venetian",
        "paris parisian",
        "london londoner",
        "atlantic transatlantic",
    )
]


def has_kin(word: str, known: Container[str]) -> bool:
    """Whether a kindred word of the one given is known."""
    words = {word, stem(word), word.replace(".", "")}
    return any(words & group and any(one in known for one in group) for group in KIN)


def stem(word: str) -> str:
    """A word in small letters without its plural or possessive."""
    for ending in ("'s", "’s", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
