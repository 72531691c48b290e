"""Lists of a docx: the number that Word shows before an item, which stands nowhere in its text."""

from __future__ import annotations

from typing import Any

from tunesmith.synthesize.documents.docx_styles import child, local, number, value

BULLET = "-"
MOST_LEVELS = 9
ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
         (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip
CHINESE = "〇一二三四五六七八九"
HEAVENLY = "甲乙丙丁戊己庚辛壬癸"
CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
GANADA = "가나다라마바사아자차카타파하"


class Lists:
    """Counts the items of every list of one document."""

    def __init__(self, root: Any) -> None:
        self._abstract: dict[str, dict[int, Any]] = {}
        self._lists: dict[str, tuple[str, dict[int, Any]]] = {}
        self._counts: dict[str, list[int | None]] = {}
        self._started: set[str] = set()
        for element in root if root is not None else ():
            if local(element) == "abstractNum":
                levels = {number(value(e, "ilvl")) or 0: e for e in element if local(e) == "lvl"}
                self._abstract[value(element, "abstractNumId") or ""] = levels
            elif local(element) == "num":
                overrides = {
                    number(value(e, "ilvl")) or 0: e for e in element if local(e) == "lvlOverride"
                }
                abstract = value(child(element, "abstractNumId")) or ""
                self._lists[value(element, "numId") or ""] = (abstract, overrides)

    def next(self, list_id: str, level: int) -> str | None:
        """Counts an item and says what stands before it.

        Args:
            list_id: as the paragraph or its style names it.
            level: how deep the list is nested, from 0.

        Returns:
            For example ``2.1`` or ``-``; None where there is no such list, "" for a list that
            shows nothing.
        """
        if list_id not in self._lists or not 0 <= level < MOST_LEVELS:
            return None
        abstract, overrides = self._lists[list_id]
        # Lists made of one abstract list go on counting where another of them stopped.
        counts = self._counts.setdefault(abstract, [None] * MOST_LEVELS)
        if list_id not in self._started:
            self._started.add(list_id)
            for deep, override in overrides.items():
                start = number(value(child(override, "startOverride")))
                if start is not None and deep < MOST_LEVELS:
                    counts[deep] = start - 1
        for above in range(level):
            if counts[above] is None:
                counts[above] = self._start(list_id, above)
        before = counts[level]
        counts[level] = self._start(list_id, level) if before is None else before + 1
        counts[level + 1 :] = [None] * (MOST_LEVELS - level - 1)
        return self._shown(list_id, level, counts)

    def _level(self, list_id: str, level: int) -> Any:
        abstract, overrides = self._lists[list_id]
        own = child(overrides[level], "lvl") if level in overrides else None
        return own if own is not None else self._abstract.get(abstract, {}).get(level)

    def _start(self, list_id: str, level: int) -> int:
        element = self._level(list_id, level)
        start = number(value(child(element, "start"))) if element is not None else None
        return 1 if start is None else start

    def _shown(self, list_id: str, level: int, counts: list[int | None]) -> str:
        element = self._level(list_id, level)
        if element is None:
            return BULLET
        form = value(child(element, "numFmt")) or "decimal"
        text = value(child(element, "lvlText"))
        if form == "bullet":
            return BULLET
        if form == "none" or not text:
            return ""
        is_legal = child(element, "isLgl") is not None
        for deep in range(level + 1):
            inner = self._level(list_id, deep)
            own = value(child(inner, "numFmt")) if inner is not None else None
            shown = written("decimal" if is_legal else own or "decimal", counts[deep] or 0)
            text = text.replace(f"%{deep + 1}", shown)
        return text.strip()


def written(form: str, n: int) -> str:
    """A number as a list writes it; in digits where the form is not known."""
    if n < 1:
        return str(n)
    match form:
        case "lowerLetter" | "upperLetter":
            letters = chr(ord("a") + (n - 1) % 26) * ((n - 1) // 26 + 1)
            return letters.upper() if form == "upperLetter" else letters
        case "lowerRoman" | "upperRoman" if n < 4000:
            return _roman(n).upper() if form == "upperRoman" else _roman(n)
        case "decimalZero":
            return f"{n:02d}"
        case ("chineseCounting" | "chineseCountingThousand" | "japaneseCounting"
              | "taiwaneseCounting" | "taiwaneseCountingThousand"):  # fmt: skip
            return _chinese(n) if n < 100 else str(n)
        case "ideographDigital" | "ideographTraditional" if n <= 10:
            return HEAVENLY[n - 1] if form == "ideographTraditional" else _chinese(n)
        case "decimalEnclosedCircle" | "decimalEnclosedCircleChinese" if n <= len(CIRCLED):
            return CIRCLED[n - 1]
        case "ganada" if n <= len(GANADA):
            return GANADA[n - 1]
        case _:
            return str(n)


def _roman(n: int) -> str:
    parts: list[str] = []
    for worth, letters in ROMAN:
        parts.append(letters * (n // worth))
        n %= worth
    return "".join(parts)


def _chinese(n: int) -> str:
    tens, ones = divmod(n, 10)
    head = "" if tens == 0 else "十" if tens == 1 else CHINESE[tens] + "十"
    return head + (CHINESE[ones] if ones or not tens else "")
