"""Account: every key of a file is mapped, not applicable or refused, and none is forgotten."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from tunesmith.compat.llamafactory.keys import FIRST, SECRET, Keys
from tunesmith.core.errors import RecipeError, did_you_mean

Fate = Literal["mapped", "not applicable", "refused"]
WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one key."""

    key: str
    value: Any
    """As the file says; hidden where it is a secret."""
    fate: Fate
    to: str = ""
    """The key of our recipe that it became, where it was mapped."""
    note: str = ""
    """Where it was mapped: what changed with it, if anything did. Else the reason."""


class RefusedKeysError(RecipeError):
    """A LLaMA-Factory file asks for what cannot be had here; holds every such key."""

    def __init__(self, source: str, refused: list[Entry]) -> None:
        lines = [f"  {entry.key}: {entry.note}" for entry in refused]
        super().__init__(
            f"{source}: {len(lines)} key(s) of this LLaMA-Factory file cannot be followed:\n"
            + "\n".join(lines)
        )
        self.refused = refused


class Account:
    """The keys that a file gives, by their newest names, and what became of each."""

    def __init__(self, given: Mapping[str, Any], source: str, keys: Keys = FIRST) -> None:
        self.source = source
        self._keys = keys
        self.given: dict[str, Any] = {}
        self.entries: dict[str, Entry] = {}
        self.written: dict[str, str] = {}
        self.comments: dict[str, list[str]] = {}
        for name, value in given.items():
            key = keys.renamed.get(name, name)
            if key in self.given and self.given[key] != value:
                raise RecipeError(
                    f"{source}: {self.written[key]} and {name} say the same thing differently. "
                    f"Keep {key}."
                )
            self.given[key] = value
            self.written[key] = name
        self._check_known()

    def get(self, key: str, default: Any = None) -> Any:
        """A value; the default where the key is not given, or null."""
        value = self.given.get(key)
        return default if value is None else value

    def number(self, key: str, default: float | None = None) -> Any:
        """A value that counts or measures.

        Raises:
            RecipeError: it is no number.
        """
        value = self.get(key, default)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise RecipeError(
                f"{self.source}: {key}: {value!r} is no number. Write one, such as {default or 1}."
            ) from None
        return int(number) if number.is_integer() else number

    def flag(self, key: str, default: bool = False) -> bool:
        """A value that is on or off.

        Raises:
            RecipeError: it is neither.
        """
        value = self.get(key, default)
        if isinstance(value, str):
            value = WORDS.get(value.lower(), value)
        if not isinstance(value, bool):
            raise RecipeError(f"{self.source}: {key}: {value!r} is neither true nor false.")
        return value

    def names(self, key: str) -> list[str]:
        """A list of names: a YAML list, or one text with commas."""
        return as_names(self.given.get(key))

    def maps(self, key: str, to: str, note: str = "") -> None:
        """Says that a key became a key of the recipe; the note tells what changed with it."""
        self._enter(key, "mapped", to, note)
        if note and self.get(key) is not None:
            self.comment(to, f"{self.written[key]} {note}")

    def skips(self, key: str, reason: str) -> None:
        """Says that nothing has to be done about a key."""
        self._enter(key, "not applicable", "", reason)

    def refuses(self, key: str, reason: str) -> None:
        """Says that a key cannot be followed; given or not, the file is refused."""
        value = self._shown(key)
        name = self.written.get(key, key)
        self.entries[key] = Entry(name, value, "refused", "", reason)

    def comment(self, to: str, text: str) -> None:
        """A remark beside a key of the recipe."""
        self.comments.setdefault(to, []).append(text)

    def close(self) -> None:
        """Accounts for the keys that no section asks for, by the tables."""
        for key, value in self.given.items():
            if key in self.entries:
                continue
            if key in self._keys.not_applicable:
                self.skips(key, self._keys.not_applicable[key])
            elif key in self._keys.switches:
                off, reason = self._keys.switches[key]
                if value is None or value in off:
                    self.skips(key, "switched off")
                else:
                    self.refuses(key, f"{reason}.")
            elif (owner := self._keys.owner_of(key)) is not None:
                self.skips(key, f"belongs to {owner}, and does nothing without it")
            elif value is None:
                self.skips(key, "null, as if it were not there")

    @property
    def unaccounted(self) -> list[str]:
        """Given keys that no section and no table has accounted for: a mistake of ours."""
        return sorted(set(self.given) - set(self.entries))

    def with_fate(self, fate: Fate) -> list[Entry]:
        """The keys that met one fate, in the order of the file."""
        order = {key: place for place, key in enumerate(self.given)}
        found = [(key, entry) for key, entry in self.entries.items() if entry.fate == fate]
        return [entry for key, entry in sorted(found, key=lambda kv: order.get(kv[0], -1))]

    def _enter(self, key: str, fate: Fate, to: str, note: str) -> None:
        if key in self.given and key not in self.entries:
            self.entries[key] = Entry(self.written[key], self._shown(key), fate, to, note)

    def _shown(self, key: str) -> Any:
        value = self.given.get(key)
        return "(hidden)" if value is not None and key.endswith(SECRET) else value

    def _check_known(self) -> None:
        unknown = [self.written[key] for key in self.given if key not in self._keys.known]
        if not unknown:
            return
        lines = [
            f"  {key}: no such key there. {_nearest(key, self._keys.known)}" for key in unknown
        ]
        raise RecipeError(
            f"{self.source}: {len(lines)} key(s) that LLaMA-Factory does not know:\n"
            + "\n".join(lines)
        )


def as_names(value: Any) -> list[str]:
    """A list of names, written as a list or as one text with commas."""
    if value is None:
        return []
    items = cast("list[Any]", value) if isinstance(value, list) else str(value).split(",")
    return [str(item).strip() for item in items if str(item).strip()]


def _nearest(key: str, known: Collection[str]) -> str:
    """The nearest known key alone; listing hundreds would help nobody."""
    hint, sign, _ = did_you_mean(key, known).partition(" Known: ")
    return hint if sign and hint.startswith("Did") else "Take it out."
