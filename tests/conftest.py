"""What tests share: a tiny random Llama, the folder of real data, and files made of records."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tunesmith.core.bundled import BUNDLED
from tunesmith.model.source import load_tokenizer
from tunesmith.templates.tokenizer import Tokenizer

if TYPE_CHECKING:
    from chromium import Chromium

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("TUNESMITH_SHARED", ROOT.parent / "shared")) / "data"

os.environ.setdefault("HF_HUB_OFFLINE", "1")
if "TUNESMITH_CACHE" not in os.environ:
    os.environ["TUNESMITH_CACHE"] = tempfile.mkdtemp(prefix="tunesmith-tests-")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

TINY_CONFIG = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "tie_word_embeddings": False,
}


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"the folder of real data is not here: {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return load_tokenizer(BUNDLED["tunesmith-tiny"])


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random two-layer Llama and the bundled tokenizer."""
    torch = pytest.importorskip("torch")
    from transformers import LlamaConfig, LlamaForCausalLM

    from tunesmith.model.save import copy_tokenizer

    folder = tmp_path_factory.mktemp("tiny") / "llama"
    vocabulary = len(load_tokenizer(BUNDLED["tunesmith-tiny"]))
    torch.manual_seed(0)
    config = LlamaConfig(**TINY_CONFIG, vocab_size=vocabulary, bos_token_id=1, eos_token_id=2)
    LlamaForCausalLM(config).save_pretrained(folder)
    copy_tokenizer(BUNDLED["tunesmith-tiny"], folder)
    return folder


def write_lines(path: Path, *records: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in records]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.fixture
def lines() -> Any:
    """Writes records, or lines as they are, to a JSON lines file."""
    return write_lines


def dialogue(number: int) -> dict[str, str]:
    names = ["Ana", "Bo", "Cy", "Dee", "Ed", "Flo"]
    name, day = names[number % 6], ["Monday", "Friday"][number % 2]
    return {
        "dialogue": f"user: I am {name}, my kettle {number} leaks.\nagent: It comes on {day}.",
        "summary": f"{name}'s kettle {number} leaks. A new one comes on {day}.",
    }


@pytest.fixture
def dialogues(tmp_path: Path) -> Path:
    """A file of 24 short dialogues with summaries."""
    return write_lines(tmp_path / "dialogues.jsonl", *(dialogue(n) for n in range(24)))


@pytest.fixture
def recipe_fields(tiny: Path, dialogues: Path, tmp_path: Path) -> dict[str, Any]:
    """A recipe that runs in a second: 24 dialogues, six steps."""
    return {
        "model": {"path": str(tiny)},
        "data": {"path": str(dialogues), "validation_fraction": 0.25},
        "template": "summarization",
        "method": {"name": "lora", "rank": 4, "dropout": 0.1},
        "optim": {"lr": 1e-2},
        "train": {"epochs": 2, "batch_size": 6, "micro_batch_size": 3, "eval_every_fraction": 0.34},
        "evaluate": {"max_new_tokens": 8, "max_rows": 4},
        "out": str(tmp_path / "run"),
    }


@pytest.fixture
def teacher() -> Iterator[Callable[..., Any]]:
    """Starts servers that answer as a script says; they end with the test."""
    from tunesmith.synthesize.teacher.script import Script
    from tunesmith.synthesize.teacher.server import TeacherServer

    started: list[TeacherServer] = []

    def start(*rules: Any, otherwise: Any = None, seed: int = 0, **settings: Any) -> TeacherServer:
        given = {} if otherwise is None else {"otherwise": otherwise}
        started.append(TeacherServer(Script(rules, seed=seed, **given), **settings).start())
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def one_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    from chromium import Chromium, browser

    if browser() is None:
        pytest.skip("no Chromium is installed; with one (apt install chromium) this test runs")
    with Chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def chromium(one_browser: Chromium) -> Chromium:
    """A real browser at 1280 x 800, in light colours."""
    one_browser.events.clear()
    one_browser.look(1280, 800)
    return one_browser
