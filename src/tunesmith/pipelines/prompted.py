"""Prompted: the folder of a prompted model -> a model that answers behind its examples."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.chat.shots import Shots
from tunesmith.core.errors import ModelError
from tunesmith.core.examples import Conversation, Message, ToolCall
from tunesmith.model.source import model_folder, weights_fingerprint
from tunesmith.model.spec import Model
from tunesmith.templates import TEMPLATES

if TYPE_CHECKING:
    from tunesmith.chat.chat_model import ChatModel
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.prompted import Prompted
    from tunesmith.chat.prompted_local import PromptedLocal
    from tunesmith.templates.template import Template

PROMPT, EXAMPLES, PROMPT_RECIPE = "prompt.json", "examples.jsonl", "recipe.yaml"


def is_prompted(folder: Path) -> bool:
    """Whether a folder holds a prompted model."""
    return (folder / PROMPT).is_file()


def load_prompted(
    folder: Path,
    base: Callable[[Model, Template], LocalModel],
    *,
    template: Template | None = None,
) -> PromptedLocal:
    """Reads what stands before each request, and puts it before those of its base.

    Args:
        folder: of the prompted model.
        base: ``base(spec, template)`` loads the model that it names.
        template: another than it was made with.

    Raises:
        ModelError: it is broken, or base or tokenizer are others than it was made with.
    """
    from tunesmith.chat.prompted_local import PromptedLocal

    with _broken(folder):
        info, shots = _read(folder)
        spec = Model(**info["model"])
        chosen = template or TEMPLATES.parse(info["template"])
        fingerprints = info["base_fingerprint"], info["tokenizer_fingerprint"]
    there = model_folder(spec.path, spec.revision)
    model = base(spec, chosen)
    for what, found, made_with in (
        ("weights", weights_fingerprint(there), fingerprints[0]),
        ("tokenizer", model.tokenizer.fingerprint, fingerprints[1]),
    ):
        if found != made_with:
            raise ModelError(
                f"{folder}: was made with other {what} than those in {there} (fingerprint "
                f"{made_with[:12]}, there {found[:12]}). Put the original back, or make it anew."
            )
    return PromptedLocal(model, shots)


def hosted_name(folder: Path) -> str | None:
    """The hosted model that a prompted one asks; None where its weights are here.

    Raises:
        ModelError: it is broken.
    """
    with _broken(folder):
        name = json.loads((folder / PROMPT).read_text("utf-8")).get("hosted")
        return None if name is None else str(name)


def shot_origins(folder: Path) -> frozenset[str]:
    """Where the examples of a prompted model were read.

    Raises:
        ModelError: it is broken.
    """
    with _broken(folder):
        return frozenset(shot.origin for shot in _read(folder)[1].examples)


def load_prompted_hosted(folder: Path, model: ChatModel) -> Prompted:
    """Puts what stands before each request before those to a hosted model.

    Args:
        folder: of the prompted model.
        model: that it names.

    Raises:
        ModelError: it is broken.
    """
    from tunesmith.chat.prompted import Prompted

    with _broken(folder):
        return Prompted(model, _read(folder)[1])


def _read(folder: Path) -> tuple[dict[str, Any], Shots]:
    info = json.loads((folder / PROMPT).read_text("utf-8"))
    text = (folder / EXAMPLES).read_text("utf-8")
    known = tuple(_conversation(json.loads(line)) for line in text.split("\n") if line)
    return info, Shots(known, **info["shots"])


@contextmanager
def _broken(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{folder}: broken: {error}. Make it anew.") from None


def _conversation(fields: dict[str, Any]) -> Conversation:
    messages = tuple(
        Message(**{**m, "tool_calls": tuple(ToolCall(**call) for call in m["tool_calls"])})
        for m in fields["messages"]
    )
    return Conversation(**{**fields, "messages": messages, "references": ()})
