"""ApiKey: what a hosted model asks for; taken from the environment or a file, and never shown."""

from __future__ import annotations

import os
from pathlib import Path

from tunesmith.core.errors import EndpointError

SHORTEST_HIDDEN = 4
"""Characters: a shorter key is no secret, and hiding it would garble every message."""


class ApiKey:
    """A key whose text appears in no representation, message or copy."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def header(self) -> str:
        """What the ``Authorization`` header says."""
        return f"Bearer {self._text}"

    def hidden_in(self, text: str) -> str:
        """A text with the key blotted out: services repeat it in their errors."""
        if len(self._text) < SHORTEST_HIDDEN:
            return text
        return text.replace(self._text, "***")

    def __repr__(self) -> str:
        return "ApiKey(***)"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a key is not written anywhere")


def find_key(variable: str) -> ApiKey | None:
    """The key that a variable holds, or the file that ``<variable>_FILE`` names.

    Args:
        variable: of the environment, such as ``OPENAI_API_KEY``.

    Returns:
        The key, or None where neither is set.

    Raises:
        EndpointError: the file cannot be read, or what was found cannot be a key.
    """
    text, place = os.environ.get(variable, "").strip(), variable
    file = os.environ.get(f"{variable}_FILE", "")
    if not text and file:
        place = f"{variable}_FILE"
        try:
            text = Path(file).expanduser().read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise EndpointError(f"{place}: {file}: cannot be read ({why}).") from None
        if not text:
            raise EndpointError(f"{place}: {file}: is empty. Put the key into it.")
    if not text:
        return None
    if not text.isascii() or not text.isprintable() or " " in text:
        # What stands there is not repeated: it may be a key with something behind it.
        raise EndpointError(
            f"{place}: holds no key: there are spaces, line ends or other signs in it. Copy the "
            "key anew, alone."
        )
    return ApiKey(text)
