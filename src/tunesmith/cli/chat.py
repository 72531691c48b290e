"""``tunesmith chat``."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tunesmith.cli.hosted import hosted_options, prices_of
from tunesmith.cli.show import json_option, print_json
from tunesmith.core.errors import EndpointError
from tunesmith.core.examples import Conversation, Message
from tunesmith.core.extras import require

if TYPE_CHECKING:
    from tunesmith.chat.chat_model import ChatModel, Completion, Sampling
    from tunesmith.chat.spend import Prices

ENDS = {
    "length": "(cut after {} tokens: raise --max-new-tokens)",
    "full": "(cut after {} tokens: the model's {:,} positions are full; shorten the prompt)",
    "content_filter": "(the service withheld the answer)",
    "refusal": "(the model declined)",
}
"""What is said of an answer that is not whole."""


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
@hosted_options
@json_option
def command(
    model: str,
    message: str | None,
    material: str | None,
    base: bool,
    template: str | None,
    max_new_tokens: int,
    temperature: float,
    prices: tuple[float, float] | None,
    max_cost: float | None,
    as_json: bool,
) -> None:
    """Talk to a model or a run; an empty line or Ctrl-D ends it.

    MODEL may be hosted: openai:gpt-4o, or a URL such as http://127.0.0.1:8000/v1. With --input it
    answers once: tunesmith chat runs/demo --input dialogue.txt
    """
    if as_json and message is None and material is None:
        raise click.UsageError("--json answers one request; give it with --message or --input.")
    from tunesmith.chat.chat_model import Sampling

    text = _read(material) if material else None
    sampling = Sampling(max_new_tokens=max_new_tokens, temperature=temperature)
    with _within_memory(model):
        chosen = _open(model, base, template, prices_of(prices), max_cost)
        _answer(chosen, model, message, text, sampling, as_json)


def _within_memory(model: str) -> AbstractContextManager[None]:
    """Answers a lack of memory with advice, where the model is here."""
    from tunesmith.pipelines.load import hosted_behind

    if hosted_behind(model) is not None:
        return nullcontext()
    require("torch", extra="train", purpose="Running a model")
    from tunesmith.training.fit import CHAT_ADVICE, advised

    return advised(CHAT_ADVICE, f" to talk to {model}")


def _answer(
    chosen: ChatModel,
    model: str,
    message: str | None,
    material: str | None,
    sampling: Sampling,
    as_json: bool,
) -> None:
    if message is None and material is None:
        _converse(chosen, sampling)
        return
    if message is None:
        message = chosen.instruction
    if message is None:
        raise click.UsageError(f"{model} was not tuned for one request; give it with --message.")
    asked = Conversation((Message("user", message, material or ""),), "the command line")
    if as_json:
        completion = chosen.complete([asked], sampling)[0]
        _tell_cut_prompt(completion)
        print_json(asdict(completion))
        return
    _say(chosen, asked, sampling)


def _open(
    model: str, base: bool, template: str | None, prices: Prices | None, max_cost: float | None
) -> ChatModel:
    from tunesmith.pipelines.load import hosted_behind, load_chat

    loaded = load_chat(model, template=template, prices=prices, max_cost=max_cost)
    if not base:
        return loaded
    if hosted_behind(model) is None:
        from tunesmith.chat.local import LocalModel

        if isinstance(loaded, LocalModel) and loaded.has_adapter:
            return loaded.base()
    raise click.UsageError(f"{model} has no adapter; ask its base model by its own name.")


def _converse(model: ChatModel, sampling: Sampling) -> None:
    turns: list[Message] = []
    while True:
        try:
            said = click.prompt("you", prompt_suffix="> ", default="", show_default=False, err=True)
        except click.Abort:
            return
        if not said:
            return
        asked = (*turns, Message("user", said))
        try:
            answer = _say(model, Conversation(asked, "the conversation"), sampling).text
        except EndpointError as error:
            click.echo(f"error: {error}", err=True)  # what was said before is not lost
            continue
        turns = [*asked, Message("assistant", answer)]


def _say(model: ChatModel, asked: Conversation, sampling: Sampling) -> Completion:
    """Shows an answer while it is written; its line is ended even where it breaks off."""
    from tunesmith.chat.cut import full_positions

    pieces = model.stream(asked, sampling)
    try:
        while True:
            click.echo(next(pieces), nl=False)
    except StopIteration as end:
        completion: Completion = end.value
    finally:
        click.echo()
    _tell_cut_prompt(completion)
    positions = full_positions(model, completion, sampling.max_new_tokens)
    if positions is not None:
        click.echo(ENDS["full"].format(completion.n_tokens, positions), err=True)
    elif completion.finish_reason in ENDS:
        click.echo(ENDS[completion.finish_reason].format(completion.n_tokens), err=True)
    if completion.cost is not None:
        click.echo(f"(cost: {completion.cost:.6f})", err=True)
    return completion


def _tell_cut_prompt(completion: Completion) -> None:
    if n_cut := completion.n_prompt_cut:
        click.echo(f"the prompt was too long: {n_cut} tokens of its end were cut", err=True)


def _read(material: str) -> str:
    if material == "-":
        return sys.stdin.read()
    try:
        return Path(material).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{material}: cannot be read: {error}.") from None
