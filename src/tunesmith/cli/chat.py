"""``tunesmith chat``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tunesmith.cli.show import json_option, print_json
from tunesmith.core.examples import Conversation, Message
from tunesmith.core.extras import require

if TYPE_CHECKING:
    from tunesmith.chat.chat_model import Sampling
    from tunesmith.chat.local import LocalModel


@click.command("chat")
@click.argument("model", metavar="MODEL|RUN")
@click.option("-m", "--message", help="Ask this once; default with --input: what it was tuned for.")
@click.option(
    "-i", "--input", "material", metavar="FILE", help="Text the request works on; - for stdin."
)
@click.option("--base", is_flag=True, help="Ask the base model below the adapter.")
@click.option("--template", help="Another template than the model was tuned with.")
@click.option(
    "--max-new-tokens",
    default=256,
    show_default=True,
    type=click.IntRange(1),
    help="Longest answer.",
)
@click.option(
    "--temperature",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0),
    help="0: always the likeliest token.",
)
@json_option
def command(
    model: str,
    message: str | None,
    material: str | None,
    base: bool,
    template: str | None,
    max_new_tokens: int,
    temperature: float,
    as_json: bool,
) -> None:
    """Talk to a model or a run; an empty line or Ctrl-D ends it.

    With --input it answers once: tunesmith chat runs/demo --input dialogue.txt
    """
    require("torch", extra="train", purpose="Running a model")
    from tunesmith.training.fit import CHAT_ADVICE, advised

    with advised(CHAT_ADVICE, f" to talk to {model}"):
        _answer(model, message, material, base, template, max_new_tokens, temperature, as_json)


def _answer(
    model: str,
    message: str | None,
    material: str | None,
    base: bool,
    template: str | None,
    max_new_tokens: int,
    temperature: float,
    as_json: bool,
) -> None:
    from tunesmith.chat.chat_model import Sampling
    from tunesmith.pipelines.load import load_chat

    if as_json and message is None and material is None:
        raise click.UsageError("--json answers one request; give it with --message or --input.")
    text = _read(material) if material else ""
    loaded = load_chat(model, template=template)
    if base and not loaded.has_adapter:
        raise click.UsageError(f"{model} has no adapter; ask its base model by its own name.")
    chosen = loaded.base() if base else loaded
    sampling = Sampling(max_new_tokens=max_new_tokens, temperature=temperature)
    if message is None and material is None:
        _converse(chosen, sampling)
        return
    if message is None:
        message = chosen.instruction
    if message is None:
        raise click.UsageError(f"{model} was not tuned for one request; give it with --message.")
    asked = Conversation((Message("user", message, text),), "the command line")
    if n_cut := chosen.prompt(asked, max_new_tokens).n_cut:
        click.echo(f"the prompt is too long: {n_cut} tokens of its end were cut", err=True)
    if as_json:
        print_json(asdict(chosen.complete([asked], sampling)[0]))
        return
    _say(chosen.stream(asked, sampling))


def _converse(model: LocalModel, sampling: Sampling) -> None:
    turns: list[Message] = []
    while True:
        try:
            said = click.prompt("you", prompt_suffix="> ", default="", show_default=False, err=True)
        except click.Abort:
            return
        if not said:
            return
        turns.append(Message("user", said))
        answer = _say(model.stream(Conversation(tuple(turns), "the conversation"), sampling))
        turns.append(Message("assistant", answer))


def _say(pieces: Iterable[str]) -> str:
    """Shows an answer while it is written; its line is ended even where it breaks off."""
    answer = ""
    try:
        for piece in pieces:
            click.echo(piece, nl=False)
            answer += piece
    finally:
        click.echo()
    return answer


def _read(material: str) -> str:
    if material == "-":
        return sys.stdin.read()
    try:
        return Path(material).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{material}: cannot be read: {error}.") from None
