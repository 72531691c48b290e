"""The real command in processes of its own, and small recipes for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    pid: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """Its message; a traceback would be a mistake of ours."""
        assert "Traceback" not in self.err, self.err
        return self.err


class Commands:
    """Runs ``python -m tunesmith`` by forking a process that has torch imported."""

    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.server = subprocess.Popen(
            [sys.executable, str(HERE / "serve_commands.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self._line() == "ready"

    def __call__(
        self,
        *args: object,
        folder: Path,
        accident: tuple[Any, ...] = (),
        env: dict[str, str] | None = None,
    ) -> Done:
        """Runs one command line to its end.

        Args:
            args: what follows ``tunesmith``.
            folder: to work in, and for its output.
            accident: a function of ``accidents.py`` and its arguments.
            env: variables beside those of the test.
        """
        name = uuid.uuid4().hex
        files = {kind: folder / f".{name}.{kind}" for kind in ("out", "err")}
        request = {
            "args": [str(arg) for arg in args],
            "folder": str(folder),
            "accident": accident,
            "env": env or {},
            **{kind: str(file) for kind, file in files.items()},
        }
        assert self.server.stdin is not None
        self.server.stdin.write(json.dumps(request) + "\n")
        self.server.stdin.flush()
        pid, code = int(self._line()), int(self._line())
        texts = {kind: file.read_text("utf-8") for kind, file in files.items()}
        return Done(code, pid, **texts)

    def close(self) -> None:
        assert self.server.stdin is not None and self.server.stdout is not None
        self.server.stdin.close()
        self.server.wait()
        self.server.stdout.close()

    def _line(self) -> str:
        assert self.server.stdout is not None
        return self.server.stdout.readline().strip()


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    served = Commands()
    yield served
    served.close()


@dataclass
class Bench:
    """A recipe on disk and the command that runs it."""

    commands: Commands
    folder: Path
    fields: dict[str, Any]

    @property
    def out(self) -> Path:
        return Path(self.fields["out"])

    def write(self, **changes: Any) -> Path:
        """The recipe with some keys changed; mappings are merged one level deep."""
        for key, value in changes.items():
            old = self.fields.get(key)
            both = isinstance(value, dict) and isinstance(old, dict) and "name" not in value
            self.fields[key] = {**old, **value} if both else value
        file = self.folder / "recipe.yaml"
        file.write_text(json.dumps(self.fields))
        return file

    def run(self, *args: object, **how: Any) -> Done:
        """Any command."""
        return self.commands(*args, folder=self.folder, **how)

    def train(self, *args: object, accident: tuple[Any, ...] = (), **how: Any) -> Done:
        """Trains the recipe."""
        return self.run("train", self.folder / "recipe.yaml", *args, accident=accident, **how)


@pytest.fixture
def bench(commands: Commands, recipe_fields: dict[str, Any], tmp_path: Path) -> Bench:
    """Six steps of two micro-batches each, three to an epoch; saved after 2, 4 and 6.

    Each of the four evaluations, the first at step 0, takes two batches of rows, and two of a
    general text.
    """
    made = Bench(commands, tmp_path, json.loads(json.dumps(recipe_fields)))
    made.write(train={"eval_batch_size": 3})
    return made
