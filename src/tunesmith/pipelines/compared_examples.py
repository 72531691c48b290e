"""Compared examples: what was asked, what is right, and what every model said to it."""

from __future__ import annotations

import json
from pathlib import Path

from tunesmith.core.examples import Example
from tunesmith.core.runs import Run
from tunesmith.pipelines.compared_data import ComparedData
from tunesmith.pipelines.compared_folder import EXAMPLES
from tunesmith.pipelines.compared_scores import ComparedScores


def prompt_of(data: ComparedData, example: Example) -> str:
    """All that a model is asked of an example, as one text."""
    asked = data.task.ask(example)
    messages = () if asked is None else asked.prompt().messages
    return "\n\n".join(message.text for message in messages)


def keep_examples(
    folder: Path,
    data: ComparedData,
    found: ComparedScores,
) -> None:
    """Writes every example with all answers into the folder of a comparison."""
    lines: list[str] = []
    clusters = data.clusters
    for place, example in enumerate(data.examples):
        asked = data.task.ask(example)
        messages = () if asked is None else asked.prompt().messages
        line = {
            "origin": example.origin,
            "prompt": prompt_of(data, example),
            "references": data.task.references(example),
            "answers": {
                name: {**one.rows[place], **found.answers[name][0].answered[place].told()}
                for name, one in found.scored.items()
            },
        }
        if len(messages) > 1:
            line["turns"] = [(message.role, message.text) for message in messages]
        if clusters is not None:
            line["cluster"] = clusters[place]
        lines.append(json.dumps(line, ensure_ascii=False, default=str))
    Run(folder).write_text(EXAMPLES, "".join(f"{line}\n" for line in lines))
