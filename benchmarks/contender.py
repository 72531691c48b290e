"""Contender: one process that loads once and then makes steps when it is told to."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

PEERS = Path(__file__).parent / "peers"


class Contender:
    """A process of a peer, in the peer's own environment, that waits for commands.

    Used as a context: it ends with it.
    """

    def __init__(
        self, python: str, script: str, work: Mapping[str, Any], env: Mapping[str, str]
    ) -> None:
        """Starts the process and waits until it is loaded.

        Args:
            python: interpreter of the peer's environment.
            script: file in ``peers``.
            work: what it is to do.
            env: added to the environment.

        Raises:
            RuntimeError: it ends; holds the end of what it wrote.
        """
        self._errors = tempfile.TemporaryFile()
        self._work = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump(work, self._work)
        self._work.flush()
        self._process = subprocess.Popen(
            [python, str(PEERS / script), self._work.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, **env, "OMP_NUM_THREADS": str(work["threads"])},
        )
        try:
            self.about = self._answer()
        except RuntimeError:
            self.__exit__()
            raise

    def run(self, n_steps: int) -> dict[str, Any]:
        """Has it make steps; what they took."""
        self._tell({"steps": n_steps})
        return self._answer()

    def end(self) -> list[float]:
        """Has it end; the losses of all its steps."""
        self._tell({"steps": 0})
        losses = self._answer()["losses"]
        self._process.wait()
        return losses

    def __enter__(self) -> Contender:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what was not read any more
                    pipe.close()
        self._work.close()
        self._errors.close()

    def _tell(self, what: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        # Some libraries greet on standard output while they are imported.
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        code = self._process.wait()
        self._errors.seek(0)
        written = self._errors.read().decode("utf-8", "replace")[-3000:]
        raise RuntimeError(f"{self._process.args[1]} ended with {code}:\n{written}")
