"""Words of HTML: which elements are blocks, and which are no content."""

from __future__ import annotations

import re
from typing import Any

HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
BLOCKS = frozenset(
    "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption "
    "figure footer form header hgroup hr html legend li main nav ol option p section summary "
    "tbody td tfoot th thead tr ul caption optgroup".split()
)
LEFT_OUT = {
    "script": "scripts",
    "style": "",
    "head": "",
    "title": "",
    "meta": "",
    "link": "",
    "template": "",
    "noscript": "what is shown without scripts",
    "svg": "pictures",
    "picture": "pictures",
    "canvas": "pictures",
    "iframe": "embedded pages",
    "object": "embedded objects",
    "embed": "embedded objects",
    "audio": "sound and film",
    "video": "sound and film",
    "button": "form controls",
    "select": "form controls",
    "input": "form controls",
    "textarea": "form controls",
    "datalist": "form controls",
    "rt": "readings above characters",
    "rp": "",
}
"""Elements without content -> how they are counted; empty: never seen on the page."""
SURROUNDS = {
    "nav": "navigation",
    "navigation": "navigation",
    "menu": "navigation",
    "menubar": "navigation",
    "banner": "page headers and footers",
    "contentinfo": "page headers and footers",
    "search": "form controls",
    "complementary": "asides",
    "aside": "asides",
}
"""Elements and roles that stand around the content."""
CLASSES = {
    "navigation": re.compile(
        r"(nav|navbar|navbox\S*|navigation|menu|breadcrumbs?|pagination|pager|skip-?link\S*|"
        r"vector-(toc|dropdown|menu|page-toolbar|column)\S*|mw-(portlet|jump-link|footer)\S*|"
        r"mw-editsection|catlinks|sidebar|site-?nav)", re.I
    ),
    "tables of contents": re.compile(r"(toc|table-of-contents)", re.I),
    "advertisements and banners": re.compile(
        r"(advert\S*|ads?|cookie\S*|social|share|newsletter|popup|modal)", re.I
    ),
    "page headers and footers": re.compile(r"(footer|site-?footer|printfooter|masthead)", re.I),
    "reference marks": re.compile(r"(reference|footnote-ref|noteref)", re.I),
}  # fmt: skip
"""Words of ``class`` and ``id``, each as a whole."""
HIDDEN = re.compile(r"(display\s*:\s*none|visibility\s*:\s*hidden)", re.I)
LONGEST_MARK = 8
"""Characters of a mark such as ``[12]``; longer things of that class are content."""


def is_hidden(element: Any) -> bool:
    """Whether a browser would not show an element."""
    return (
        element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or HIDDEN.search(element.get("style") or "") is not None
    )


def surrounding(element: Any) -> str:
    """What an element is that stands around the content; empty for content."""
    tag = element.tag
    if tag in ("html", "body", "main"):
        return ""
    named = SURROUNDS.get(element.get("role") or "") or (
        SURROUNDS.get(tag) if tag != "menu" else ""
    )
    if named:
        return named
    if tag in ("header", "footer") and not any(
        e.tag in ("article", "main", "section") for e in element.iterancestors()
    ):
        return "page headers and footers"
    for word in f"{element.get('class') or ''} {element.get('id') or ''}".split():
        for what, pattern in CLASSES.items():
            if pattern.fullmatch(word) and _is_mark(element, what):
                return what
    return ""


def _is_mark(element: Any, what: str) -> bool:
    """Whether a reference mark is one: an exponent of a few characters."""
    if what != "reference marks":
        return True
    return element.tag == "sup" and len(element.xpath("string()").strip()) <= LONGEST_MARK
