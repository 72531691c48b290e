"""Runs the real command in processes of its own, without importing torch anew for each.

A request is a line of JSON on standard input: the arguments of ``python -m tunesmith``, files for
its output, and an accident of ``accidents.py`` that is to befall it. The answer is its process id,
then, when it has ended, its exit code as ``subprocess`` gives it.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import accidents  # noqa: E402
import transformers.models.llama.modeling_llama  # noqa: E402, F401

# What every training imports; nothing is computed here, so no thread is there to be lost in a fork.
import tunesmith.pipelines.evaluate  # noqa: E402
import tunesmith.pipelines.merge  # noqa: E402
import tunesmith.pipelines.train  # noqa: E402
import tunesmith.training.recorder  # noqa: E402, F401


def run(request: dict[str, Any]) -> None:
    """In the new process: takes its place, arranges the accident, and runs the command."""
    os.environ.update(request["env"])
    os.chdir(request["folder"])
    for number, name in ((1, "out"), (2, "err")):
        handle = os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, number)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    if request["accident"]:
        name, *arguments = request["accident"]
        getattr(accidents, name)(*arguments)
    sys.argv = ["tunesmith", *request["args"]]
    runpy.run_module("tunesmith", run_name="__main__")


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                run(json.loads(line))
                code = 0
            except SystemExit as stop:
                code = stop.code if isinstance(stop.code, int) else 1
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    print("ready", flush=True)
    main()
