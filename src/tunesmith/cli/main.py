"""The ``tunesmith`` command: its verbs, and how it answers mistakes."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import click

from tunesmith import __version__
from tunesmith.core.errors import TunesmithError, did_you_mean

VERBS = {
    "demo": ("tunesmith.cli.demo", "Tune the bundled model on the bundled dialogues."),
    "train": ("tunesmith.cli.train", "Tune a model as a recipe says."),
    "verify-resume": (
        "tunesmith.cli.verify_resume",
        "Prove that a killed and resumed run equals an unbroken one.",
    ),
    "sweep": ("tunesmith.cli.sweep", "Run a recipe with several settings and name the best."),
    "eval": ("tunesmith.cli.evaluate", "Score base and tuned model side by side."),
    "compare": ("tunesmith.cli.compare", "Compare any models; say which differences are real."),
    "lm-eval": ("tunesmith.cli.lm_eval", "Compare models on tasks of the lm-evaluation-harness."),
    "prompt": ("tunesmith.cli.prompt", "Put examples before a model's requests; train nothing."),
    "chat": ("tunesmith.cli.chat", "Talk to a model or a run."),
    "predict": ("tunesmith.cli.predict", "Label texts with a tuned model."),
    "merge": ("tunesmith.cli.merge", "Write a tuned model as whole weights."),
    "import-llamafactory": (
        "tunesmith.cli.import_llamafactory",
        "Show the recipe that a LLaMA-Factory file becomes.",
    ),
    "data": ("tunesmith.cli.data", "Look at data as the model sees it."),
    "teacher": ("tunesmith.cli.teacher", "Serve a stand-in for a hosted model, to try things."),
    "runs": ("tunesmith.cli.runs", "List runs and their figures."),
    "doctor": ("tunesmith.cli.doctor", "Say what this machine can do."),
}


class Verbs(click.Group):
    """Loads a verb's module when it is used, so that ``--help`` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs in the order of their use."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports one verb."""
        if cmd_name not in VERBS:
            return None
        return importlib.import_module(VERBS[cmd_name][0]).command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Answers an unknown verb with the nearest one."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            raise click.UsageError(f"no verb {args[0]!r}. {did_you_mean(args[0], VERBS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the verbs without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, text) for name, (_, text) in VERBS.items()])


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tunesmith")
def app() -> None:
    """From your own documents and dialogues to a tuned, measured Llama."""


def main() -> None:
    """Runs the command line and exits with its code."""
    sys.exit(run(sys.argv[1:]))


def run(args: list[str]) -> int:
    """Runs one command line.

    Returns:
        The exit code: 0, 1 where a check failed, 2 for a mistake that the message explains, 128 + n
        for a signal n.
    """
    wants_json = "--json" in args
    try:
        result = app.main(args, prog_name="tunesmith", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        return _refuse(error.format_message(), wants_json, error)
    except TunesmithError as error:
        return _refuse(str(error), wants_json)
    except SystemExit as stop:
        message = getattr(stop, "message", None)
        if message:
            _say(message, wants_json)
        return stop.code if isinstance(stop.code, int) else 1
    except (KeyboardInterrupt, click.Abort):
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader went away; nothing more can be said, and closing must not fail either.
        sys.stdout = None  # type: ignore[assignment]
        return 141


def _say(message: str, wants_json: bool, mark: str = "") -> None:
    """Tells why there is no result: people on standard error, programs on standard output too."""
    if wants_json:
        print(json.dumps({"error": message}, ensure_ascii=False))
    print(f"{mark}{message}", file=sys.stderr)


def _refuse(message: str, wants_json: bool, error: click.ClickException | None = None) -> int:
    _say(message, wants_json, "error: ")
    context = getattr(error, "ctx", None)
    if context is not None:
        print(f"Try: {context.command_path} --help", file=sys.stderr)
    return 2
