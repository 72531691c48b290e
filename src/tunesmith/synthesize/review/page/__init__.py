"""Page: markup, style and script joined to one HTML file that loads nothing."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render_page(title: str, nonce: str) -> str:
    """The page; its rows come later, from the server.

    Args:
        title: names the dataset.
        nonce: by which the browser knows our own style and script.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("review.html.j2").render(title=title, nonce=nonce)
