"""Bases: weights that several models answer over, held once."""

from __future__ import annotations

import json
import sys
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.core.errors import TunesmithError
from tunesmith.core.runs import Run
from tunesmith.model.source import model_folder, weight_files
from tunesmith.model.spec import Model

if TYPE_CHECKING:
    import torch

    from tunesmith.model.head import Head
    from tunesmith.model.quantised import Quantisation


@dataclass(frozen=True, slots=True)
class _Held:
    """What tells weights in memory from others."""

    folder: Path
    files: tuple[tuple[str, int, int], ...]
    dtype: str
    device: str
    quantisation: tuple[Any, ...]
    head: str


class Bases:
    """Loads models; those over the same weights, held alike, share them.

    What is loaded last stays until other weights are wanted or it is let go of, so whoever opens
    one model after the other holds one base. Adapters of any rank and targets, DoRA too, wrap the
    layers of a twin of their own, and each answers as if it were alone, to the bit. Merged weights
    are other weights; so are those in another type or in fewer bits, which are loaded by
    themselves.
    """

    def __init__(self) -> None:
        self._key: _Held | None = None
        self._network: Any = None

    def load(
        self,
        spec: Model,
        *,
        device: torch.device,
        head: Head | None = None,
        quantisation: Quantisation | None = None,
    ) -> Any:
        """A model over the weights that are held, where they are the same; else over others.

        Args:
            spec: which weights, and in which type.
            device: where to.
            head: a task's own output.
            quantisation: how they are held in few bits; None: they are not.

        Raises:
            ModelError: weights are missing or damaged.
        """
        from tunesmith.model.twin import twin

        if quantisation is not None and quantisation.bits == 8:
            # At its first use bitsandbytes moves the scales from the weight into one layer's state.
            print(f"{spec.path}: weights in eight bits are not shared; loaded.", file=sys.stderr)
            self.let_go()
            return load_alone(spec, device=device, head=head, quantisation=quantisation)
        key = _key(spec, device, head, quantisation)
        if key != self._key:
            if self._key is not None and self._key.folder == key.folder:
                print(f"{spec.path}: loaded again, as it is held otherwise.", file=sys.stderr)
            self.let_go()  # before others are loaded: memory may hold one of them only
            self._network = load_alone(spec, device=device, head=head, quantisation=quantisation)
            self._key = key
        return twin(self._network)

    def let_go(self) -> None:
        """Holds nothing any more; models that are open keep their weights."""
        self._key = self._network = None


def load_alone(
    spec: Model,
    *,
    device: torch.device,
    head: Head | None = None,
    quantisation: Quantisation | None = None,
) -> Any:
    """Loads a model over weights of its own; arguments and errors are those of ``Bases.load``."""
    from tunesmith.model.device import weight_dtype
    from tunesmith.model.load import load_model

    dtype = weight_dtype(spec.dtype, device)
    options = None if quantisation is None else quantisation.load_options(dtype)
    return load_model(spec, device=device, head=head, options=options)


def base_named(model: str | Path | Run) -> str:
    """What a model stands on, as it is named: of an adapter or a prompted model its base's name.

    Models of one name are opened one after the other, so that they share what they can. Nothing is
    checked here: of a broken one the name itself is given.
    """
    return base_and_revision(model)[0]


def base_and_revision(model: str | Path | Run) -> tuple[str, str | None]:
    """What a model stands on, as :func:`base_named` has it, and its revision on the hub."""
    from tunesmith.model.adapter_config import CONFIG
    from tunesmith.model.artifact import ArtifactInfo
    from tunesmith.pipelines.prompted import PROMPT
    from tunesmith.pipelines.weights import artifact_folder

    try:
        place = artifact_folder(model)
        folder = Path(place).expanduser()
        if (folder / PROMPT).is_file():
            info = json.loads((folder / PROMPT).read_text("utf-8"))
            if info.get("hosted"):
                return str(info["hosted"]), None
            return str(info["model"]["path"]), info["model"].get("revision")
        if (folder / CONFIG).is_file():
            known = ArtifactInfo.load(folder)
            if known is not None:
                return known.base_path, known.base_revision
            told = json.loads((folder / CONFIG).read_text("utf-8"))
            return str(told["base_model_name_or_path"]), told.get("revision")
    except (TunesmithError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return str(model.path if isinstance(model, Run) else model), None
    return place, None


def _key(
    spec: Model, device: torch.device, head: Head | None, quantisation: Quantisation | None
) -> _Held:
    from tunesmith.model.device import weight_dtype

    folder = model_folder(spec.path, spec.revision).resolve()
    stats = ((file.name, file.stat()) for file in weight_files(folder))
    return _Held(
        folder,
        tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats),
        str(weight_dtype(spec.dtype, device)),
        str(device),
        () if quantisation is None else astuple(quantisation),
        repr(head),
    )
