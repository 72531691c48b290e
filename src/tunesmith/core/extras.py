"""Optional libraries: imported when needed, and asked for by name when missing."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from tunesmith.core.errors import MissingExtraError


def is_installed(package: str) -> bool:
    """Whether ``package`` can be imported, without importing it."""
    return importlib.util.find_spec(package) is not None


def require_installed(package: str, *, extra: str, purpose: str) -> None:
    """Checks for an optional library without importing it; else as :func:`require`."""
    if not is_installed(package):
        raise MissingExtraError(package, extra, purpose)


def require(package: str, *, extra: str, purpose: str) -> ModuleType:
    """Imports an optional library.

    Args:
        package: importable name, for example ``"torch"``.
        extra: the extra of this package that installs it.
        purpose: what it is needed for; starts the error message.

    Raises:
        MissingExtraError: it is not installed; the message holds the install command.
    """
    require_installed(package, extra=extra, purpose=purpose)
    return importlib.import_module(package)
