"""Styles of a docx: what a paragraph's style, and the styles that it is based on, say of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

HEADING_NAME = re.compile(r"heading (\d)", re.I)
TOC_NAME = re.compile(r"(toc (\d|heading)|table of (figures|authorities)|index \d)", re.I)
BODY_LEVEL = 9
"""What Word writes as the outline level of running text."""


def local(element: Any) -> str:
    """The name of an element without its namespace; empty for what is no element."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def child(element: Any, *path: str) -> Any:
    """The first element down a path of names, or None."""
    for name in path:
        element = next((c for c in element if local(c) == name), None) if len(element) else None
        if element is None:
            return None
    return element


def value(element: Any, name: str = "val") -> str | None:
    """An attribute by its name without its namespace."""
    if element is None:
        return None
    return next((v for k, v in element.attrib.items() if k.rpartition("}")[2] == name), None)


def is_on(element: Any) -> bool:
    """Whether a switch such as ``<w:b/>`` is there and not turned off."""
    return element is not None and value(element) not in ("0", "false", "off", "none")


def number(text: str | None) -> int | None:
    """A whole number; None where there is none."""
    try:
        return int(text) if text else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Style:
    """What is inherited by a paragraph."""

    heading: int | None = None
    """Depth of the heading it makes; 0 for the title."""
    is_toc: bool = False
    list_id: str | None = None
    list_level: int = 0
    is_bold: bool = False
    size: int | None = None
    """Half points."""


class Styles:
    """The styles of one document by their ids."""

    def __init__(self, root: Any) -> None:
        self._styles: dict[str, Any] = {}
        self.default_size = 20
        self._default: str | None = None
        self._known: dict[str, Style] = {}
        if root is None:
            return
        for style in root:
            if local(style) != "style":
                continue
            self._styles[value(style, "styleId") or ""] = style
            is_default = value(style, "default") in ("1", "true")
            if is_default and value(style, "type") == "paragraph":
                self._default = value(style, "styleId")
        size = number(value(child(root, "docDefaults", "rPrDefault", "rPr", "sz")))
        self.default_size = size or self.default_size

    def of(self, style_id: str | None) -> Style:
        """The style with what it inherits; the default one for an unknown id."""
        name = (style_id if style_id in self._styles else self._default) or ""
        if name not in self._known:
            self._known[name] = self._resolved(name, frozenset())
        return self._known[name]

    def _resolved(self, style_id: str, seen: frozenset[str]) -> Style:
        style = self._styles.get(style_id)
        if style is None or style_id in seen:  # styles may be based on each other in a ring
            return Style()
        based_on = value(child(style, "basedOn"))
        base = self._resolved(based_on, seen | {style_id}) if based_on else Style()
        name = (value(child(style, "name")) or "").strip()
        bold = child(style, "rPr", "b")
        return Style(
            heading=self._heading(style, name, base),
            is_toc=bool(TOC_NAME.fullmatch(name)) or base.is_toc,
            list_id=value(child(style, "pPr", "numPr", "numId")) or base.list_id,
            list_level=number(value(child(style, "pPr", "numPr", "ilvl"))) or base.list_level,
            is_bold=base.is_bold if bold is None else is_on(bold),
            size=number(value(child(style, "rPr", "sz"))) or base.size,
        )

    @staticmethod
    def _heading(style: Any, name: str, base: Style) -> int | None:
        if found := HEADING_NAME.match(name):
            return int(found[1])
        if name.lower() == "title":
            return 0
        outline = number(value(child(style, "pPr", "outlineLvl")))
        if outline is not None:
            return outline + 1 if outline < BODY_LEVEL else None
        return base.heading
