"""Worker: the process that reads documents. ``python -m tunesmith.synthesize.documents.worker``.

It takes requests on standard input and gives answers on standard output, each four bytes of length
and then JSON. It never unpickles, and what reads it checks every answer: a document that takes the
process over can tell lies about itself, and nothing else.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from tunesmith.core.errors import MissingExtraError
from tunesmith.data.files.located import shown
from tunesmith.synthesize.documents.confine import allow_cpu, confine
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.parse import parse
from tunesmith.synthesize.documents.refusal import Refusal

LENGTH = struct.Struct(">I")


def main() -> None:
    """Answers requests until standard input ends."""
    source = os.fdopen(os.dup(0), "rb")
    target = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # what libraries print must not get between the answers
        os.dup2(nowhere, stream)
    is_confined = False
    while (request := receive(source)) is not None:
        limits = Limits(**request["limits"])
        if not is_confined:
            confine(limits.memory_mib)
            is_confined = True
        allow_cpu(limits.cpu_s)
        answer = _answer(request, limits)
        send(target, answer)
        if answer.get("ends"):
            return


def _answer(request: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """What to answer; ``ends``: this process reads nothing after it."""
    path = Path(os.fsdecode(bytes.fromhex(request["path"])))
    name = request["name"]
    try:
        if path.stat().st_size > limits.file_mib * 2**20:
            raise Refusal(f"is larger than {limits.file_mib} MiB. Split it, or raise --max-mib.")
        return {"document": parse(name, path.read_bytes(), limits).as_dict()}
    except Refusal as error:
        return {"refused": str(error), "passing": error.is_passing}
    except MissingExtraError as error:
        return {"missing": str(error)}
    except OSError as error:
        return {"refused": f"cannot be read ({error.strerror or error}).", "passing": True}
    except MemoryError:
        # Memory that was refused once may have left anything half done.
        told = f"needs more than {limits.memory_mib} MiB of memory. Split it."
        return {"refused": told, "ends": True}
    except RecursionError:
        return {"refused": "is nested too deeply. Save it as text."}
    except Exception as error:  # whatever a library meets in a broken file
        what = shown(f"{type(error).__name__}: {error}")[:200]
        return {"refused": f"cannot be read: its content is damaged ({what})."}


def send(target: BinaryIO, message: dict[str, Any]) -> None:
    """Writes one message."""
    data = orjson.dumps(message)
    target.write(LENGTH.pack(len(data)))
    target.write(data)
    target.flush()


def receive(source: BinaryIO) -> dict[str, Any] | None:
    """Reads one message; None at the end."""
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    data = source.read(length)
    return orjson.loads(data) if len(data) == length else None


if __name__ == "__main__":
    main()
