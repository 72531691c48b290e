"""Card: the README.md of a tuned model, with data, settings, scores and how to load it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from tunesmith.core.ledger import FATES
from tunesmith.core.markdown import markdown_table
from tunesmith.model.artifact import ArtifactInfo

BESIDE = ("_fraction", "mean_words")
"""What stands beside scores; scores of single classes have a slash in their names."""

AUTO_CLASSES = {
    None: "AutoModelForCausalLM",
    "sequence-classification": "AutoModelForSequenceClassification",
    "question-answering": "AutoModelForQuestionAnswering",
}
LORA_METHODS = ("lora", "qlora")


@dataclass(frozen=True)
class Card:
    """Everything a card tells; what is not known is left out.

    Attributes:
        title: heading.
        info: where the weights come from.
        licence: of the base, by its own card.
        merged: type of the written weights, where an adapter was merged into them; None: as
            trained.
        summary: of the run.
        lock: hashes and versions of the run.
        scores: by model, where the run was evaluated.
        recipe_yaml: the resolved recipe.
        source: the adapter that was merged, where nothing else is known.
    """

    title: str
    info: ArtifactInfo | None = None
    licence: str | None = None
    merged: str | None = None
    summary: dict[str, Any] | None = None
    lock: dict[str, Any] | None = None
    scores: dict[str, Any] | None = None
    recipe_yaml: str | None = None
    source: str = ""

    @property
    def is_adapter(self) -> bool:
        """Whether the folder holds an adapter, which needs its base."""
        return self.info is not None and not self.merged and self.info.method in LORA_METHODS


def model_card(card: Card) -> str:
    """A model card in Markdown, with the head that model hubs read."""
    parts = [_head(card), f"# {card.title}", *_origin(card), *_use(card)]
    parts += [*_training(card), *_scores(card), *_data(card), *_recipe(card)]
    return "\n\n".join(parts) + "\n"


def _head(card: Card) -> str:
    fields: dict[str, Any] = {"library_name": "peft" if card.is_adapter else "transformers"}
    fields["tags"] = ["tunesmith"]
    if card.info is not None:
        fields["base_model"] = card.info.base_path
    if card.licence is not None:
        fields["license"] = card.licence
    return "---\n" + yaml.safe_dump(fields, sort_keys=False, allow_unicode=True) + "---"


def _origin(card: Card) -> list[str]:
    info = card.info
    if info is None:
        return [f"Merged in {card.merged} from the adapter `{card.source}`."]
    how = f" and merged in {card.merged}" if card.merged else ""
    licence = (
        f"its own card names the licence `{card.licence}`, which goes on for what was made of it."
        if card.licence
        else "its licence is not named beside it, and goes on for what was made of it."
    )
    found = [
        f"`{info.base_path}`, tuned with `{info.method}` for the task `{info.task}`{how}.",
        f"Fingerprint of the base weights: `{info.base_fingerprint}`. Of the base, {licence}",
    ]
    if info.head is None:
        found.append(
            f"Prompts were written with the template `{info.template['name']}`; ask it the same "
            "way."
        )
    return found


def _use(card: Card) -> list[str]:
    info = card.info
    head = None if info is None or info.head is None else info.head["kind"]
    name = AUTO_CLASSES[head]
    lines = [f"from transformers import {name}, AutoTokenizer"]
    if card.is_adapter and info is not None:
        labels = info.head["labels"] if info.head else ()
        options = f", num_labels={len(labels)}" if labels else ""
        lines += [
            "from peft import PeftModel",
            "",
            f"base = {name}.from_pretrained({info.base_path!r}{options})",
            'model = PeftModel.from_pretrained(base, "FOLDER")',
        ]
    else:
        lines += ["", f'model = {name}.from_pretrained("FOLDER")']
    lines.append('tokenizer = AutoTokenizer.from_pretrained("FOLDER")')
    theirs = "\n".join(lines)
    ours = 'import tunesmith\n\nmodel = tunesmith.load("FOLDER")'
    return [
        "## Use",
        "FOLDER is the directory that holds this file.",
        f"```python\n{theirs}\n```",
        "With tunesmith, which also writes prompts as in training:",
        f"```python\n{ours}\n```",
    ]


def _training(card: Card) -> list[str]:
    summary = card.summary
    if summary is None:
        return []
    lines = [
        f"- {summary['steps']} steps, {summary['seconds']} s; it ended {summary['stopped']}",
        f"- weights of step {summary['model_step']}",
        f"- evaluation loss {_number(summary['eval_loss_first'])} before, "
        f"{_number(summary['eval_loss_model'])} after",
    ]
    if summary["best_step"] is not None:
        lines.append(
            f"- best `{summary['best_metric']}`: {_number(summary['best_value'])} at step "
            f"{summary['best_step']}"
        )
    if forgetting := summary["forgetting"]:
        lines.append(
            f"- perplexity on general text {forgetting['perplexity_before']:.2f} before, "
            f"{forgetting['perplexity_after']:.2f} after ({forgetting['rise']:+.1%})"
        )
    found = ["## Training", "\n".join(lines)]
    if summary["model_values"]:
        rows = [(name, f"{value:.4f}") for name, value in summary["model_values"].items()]
        found += ["Of the kept weights:", "\n".join(markdown_table(["figure", "value"], rows))]
    return found


def _scores(card: Card) -> list[str]:
    scores = card.scores
    if scores is None:
        return []
    models = {name: row for name, row in scores.items() if isinstance(row, dict)}
    known = dict.fromkeys(kind for row in models.values() for kind in row)
    names = [kind for kind in known if not (kind.endswith(BESIDE) or "/" in kind)]
    lines = markdown_table(
        ["model", *names],
        [[name, *(_score(row.get(kind)) for kind in names)] for name, row in models.items()],
    )
    return [f"## Scores on {scores['n']} rows of `{scores['split']}`", "\n".join(lines)]


def _data(card: Card) -> list[str]:
    if card.summary is None:
        return []
    columns = ("read", *FATES, "tokens")
    lines = markdown_table(
        ["split", *columns],
        [
            [split, *(f"{counts[column]:,}" for column in columns)]
            for split, counts in card.summary["ledger"].items()
        ],
    )
    found = ["## Data", "\n".join(lines)]
    if card.lock is not None:
        hashes = {k: v for k, v in card.lock.items() if isinstance(v, str)}
        found += [
            "What it was made of, as SHA-256:",
            "\n".join(f"- {name}: `{value}`" for name, value in hashes.items()),
        ]
        versions = card.lock.get("versions", {})
        found.append("Made with " + ", ".join(f"{k} {v}" for k, v in versions.items()) + ".")
    return found


def _recipe(card: Card) -> list[str]:
    if card.recipe_yaml is None:
        return []
    return ["## Recipe", f"```yaml\n{card.recipe_yaml.rstrip()}\n```"]


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"
