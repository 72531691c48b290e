"""Python in the README, the tutorial and the how-tos runs as it stands there.

What a page speaks of is made first: files, short runs on a tiny model, a server. Names of models
that are not here stand for the tiny one.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("httpx")

from made_dataset import make_dataset  # noqa: E402

import tunesmith  # noqa: E402
from tunesmith.pipelines.merge import merge  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.synthesize import prompts  # noqa: E402

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
PAGES += sorted((ROOT / "docs" / "tutorial").glob("*.md"))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FAR = re.compile(r'"(meta-llama/[\w.-]+|BASE)"')
URL = "http://127.0.0.1:8000/v1"


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text("utf-8")) if found == language]


WITH_PYTHON = [page for page in PAGES if blocks(page, "python")]


class Workshop:
    """What pages speak of, made in the working directory when it is asked for."""

    def __init__(self, fields: dict[str, Any], lines: Any, teacher: Any):
        self.fields, self.lines, self.teacher = {**fields, "trackers": []}, lines, teacher

    def run(self, out: str, **other: Any) -> None:
        tunesmith.train(make_recipe({**self.fields, **other, "out": out}))

    def recipe(self) -> None:
        Path("recipes").mkdir()
        fields = {key: value for key, value in self.fields.items() if key != "out"}
        Path("recipes/demo.yaml").write_text(yaml.safe_dump(fields))
        shutil.copy(self.fields["data"]["path"], "tickets.jsonl")

    def tuned(self) -> None:
        self.run("runs/mine")
        merge("runs/mine", "merged")

    def two(self) -> None:
        self.run("runs/a")
        self.run("runs/b")

    def classes(self) -> None:
        said = [("A dull mess", "bad"), ("A fine film", "good")]
        rows = [{"text": f"{said[n % 2][0]} {n}.", "label": said[n % 2][1]} for n in range(24)]
        data = str(self.lines(Path("reviews.jsonl"), *rows))
        other = {"task": "classify", "data": {"path": data, "validation_fraction": 0.25}}
        self.run("runs/reviews", **other, method="full")
        self.run("runs/adapter", **other)

    def questions(self) -> None:
        rows = [
            {
                "id": str(n),
                "title": str(n),
                "context": f"Ana has {n} lamps. Bo has none.",
                "question": "How many has Ana?" if n % 3 else "How many has Cy?",
                "answers": {"text": [str(n)], "answer_start": [8]}
                if n % 3
                else {"text": [], "answer_start": []},
            }
            for n in range(24)
        ]
        data = str(self.lines(Path("squad.jsonl"), *rows))
        other = {
            "task": "extractive-qa",
            "data": {"path": data, "validation_fraction": 0.25, "max_tokens": 64},
        }
        self.fields.pop("template")
        self.run("runs/squad", **other, method="full")
        self.run("runs/adapter", **other)

    def prompts(self) -> None:
        Path("my-prompts").mkdir()
        shutil.copy(Path(prompts.__file__).with_name("qa.zh.txt"), "my-prompts")

    def documents(self) -> None:
        self.lines(Path("manuals/valves.md"), "# Valves", "", "A valve is rated for 90 hours. " * 9)

    def server(self) -> dict[str, str]:
        return {URL: self.teacher(models=("served",)).url}

    def reviewed(self) -> None:
        make_dataset(Path("built"), 4)


NEEDED: dict[str, list[Any]] = {
    "README.md": [Workshop.recipe],
    "build-a-dataset.md": [Workshop.prompts],
    "classify.md": [Workshop.classes],
    "clean-dialogues.md": [],
    "compare-models.md": [Workshop.two],
    "from-python.md": [Workshop.recipe],
    "own-metrics.md": [],
    "question-answering.md": [Workshop.questions],
    "read-documents.md": [Workshop.documents],
    "review-a-dataset.md": [Workshop.reviewed],
    "use-a-hosted-model.md": [Workshop.server],
    "use-the-result.md": [Workshop.tuned],
}
ALSO = {
    "own-metrics.md": 'assert score("On Monday.", ("Monday",)) == 1.0',
    "review-a-dataset.md": 'show("built")',
}
"""What is run behind a page's blocks where these only define something."""


@pytest.mark.filterwarnings("default")  # transformers and PEFT warn of their own
@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.name)
def test_python_in_the_docs_runs(page, recipe_fields, lines, teacher, tiny, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    workshop, known = Workshop(recipe_fields, lines, teacher), dict[str, str]()
    for text in blocks(page, "csv"):
        Path("tickets.csv").write_text(text)
    for make in NEEDED[page.name]:
        known |= make(workshop) or {}
    module = ModuleType("snippet")
    for text in [*blocks(page, "python"), ALSO.get(page.name, "")]:
        text = FAR.sub(lambda found: repr(str(tiny)), text)
        for there, here in known.items():
            text = text.replace(there, here)
        if "PeftModel" in text and Path("runs/adapter").exists():
            text = re.sub(r"runs/(reviews|squad)", "runs/adapter", text)
        exec(compile(text, str(page), "exec"), module.__dict__)


def test_what_the_docs_say_of_a_merged_model_is_so(
    recipe_fields, lines, teacher, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Workshop(recipe_fields, lines, teacher).tuned()
    module = ModuleType("snippet")
    for text in blocks(ROOT / "docs" / "how-to" / "use-the-result.md", "python")[:2]:
        exec(text, module.__dict__)
    ours, ids, output = (module.__dict__[name] for name in ("ours", "ids", "output"))
    (said,) = ours.complete([module.__dict__["conversation"]], module.__dict__["Sampling"](80))
    assert ours.tokenizer.decode(output[0, ids.shape[1] :].tolist()).strip() == said.text
