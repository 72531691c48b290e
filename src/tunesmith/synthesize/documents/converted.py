"""Converted: what markitdown makes Markdown of, within the limits of every other reader."""

from __future__ import annotations

import importlib
import io
import warnings
from typing import Any

from tunesmith.core.errors import MissingExtraError
from tunesmith.core.extras import require
from tunesmith.synthesize.documents.refusal import Refusal

EXTRA = "more-documents"


def library(package: str, what: str) -> Any:
    """A library of the extra.

    Args:
        package: importable name.
        what: the file is, for example ``a presentation (pptx)``.

    Raises:
        Refusal: it is not installed; holds the install command. Other documents go on.
    """
    try:
        return require(package, extra=EXTRA, purpose=f"is {what}. Reading it")
    except MissingExtraError as error:
        raise Refusal(str(error), is_passing=True) from None


def as_markdown(converter: str, data: bytes, suffix: str, what: str) -> str:
    """What markitdown makes of a file.

    The converter is called by itself. The class MarkItDown would guess the kind with a model of its
    own (magika on onnxruntime), load plugins, and fetch addresses; here the kind is known.

    Args:
        converter: name of a class in ``markitdown.converters``.
        data: the file, which has been found sound.
        suffix: by which the converter knows its kind.
        what: the file is.

    Raises:
        Refusal: markitdown is not installed.
        RecursionError: the content is nested too deeply.
    """
    info = library("markitdown", what).StreamInfo(extension=suffix)
    convert = getattr(importlib.import_module("markitdown.converters"), converter)().convert
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # XHTML is read as HTML, which is meant
        # Without ``escape_misc`` a text such as <T> would come back as a tag, and be lost. Without
        # ``strict`` deep nesting would lose all headings and tables.
        return convert(io.BytesIO(data), info, strict=True, escape_misc=True).markdown
