"""Trunk states: those of rows that are wanted, from the cache or computed and kept there."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.core.available import available_memory_mb
from tunesmith.core.cache import cache_dir, entry
from tunesmith.core.code_hash import code_hash
from tunesmith.core.errors import RunError
from tunesmith.core.made_once import finish, made_once, make_room
from tunesmith.core.runs import Run
from tunesmith.model.source import config_fingerprint
from tunesmith.training.trunk_cost import no_room

if TYPE_CHECKING:
    import torch

    from tunesmith.model.cut import Cut
    from tunesmith.model.task_model import TaskModel
    from tunesmith.training.activations import Activations, ActivationWriter, Layout
    from tunesmith.training.cached_rows import Unit
    from tunesmith.training.fit import Portion

KIND = "activations"
CODE = ("model", "training/cached_rows.py")
"""What decides the states; a change of it makes every entry anew."""
LIBRARIES = ("torch", "transformers")
HASHED_WHOLE_BELOW = 2**30
"""Bytes of frozen weights up to which every one of them is hashed; of larger models every so many,
of each tensor."""
SAMPLED = 2**16
SHARE, BEGUN_SHARE = 0.5, 0.9
"""Of what is free, that states may take at a beginning, and where the run began with them."""


@dataclass(frozen=True)
class Work:
    """What is to be computed.

    Attributes:
        model: from which.
        cut: up to where.
        units: by split, for each row.
        arithmetic: context of the computation, as training has it.
        precision: of the arithmetic, by name.
    """

    model: TaskModel
    cut: Cut
    units: dict[str, list[Unit]]
    arithmetic: Callable[[], AbstractContextManager[Any]]
    precision: str


@dataclass(frozen=True)
class Wanted:
    """Where states are to be kept.

    Attributes:
        place: ``auto``, ``memory`` or ``disk``.
        limit: of their size in bytes.
        begun_in: ``memory`` or ``disk``, where the run began with them: then less than half of what
            is free may stay free, for without them it would be another run; empty: it begins. What
            began in memory takes no more of the disk than any beginning.
        needed: bytes of each that the run itself is known to need.
    """

    place: str
    limit: int
    begun_in: str = ""
    needed: Mapping[str, int] = field(default_factory=dict[str, int])

    def no_room(self, place: str, layout: Layout) -> str:
        """Why states cannot be kept in ``memory`` or on the ``disk``; empty where they can."""
        memory = available_memory_mb()
        there = next(each for each in (cache_dir(), *cache_dir().parents) if each.exists())
        free_memory = None if memory is None else memory * 1e6
        free_disk = shutil.disk_usage(there).free
        spares_little = self.begun_in == "disk" or self.begun_in == place
        return no_room(
            place,
            layout.n_bytes,
            self.limit,
            free_memory,
            free_disk,
            share=BEGUN_SHARE if spares_little else SHARE,
            needed=self.needed.get(place, 0),
        )

    def not_kept(self, told: str, reason: str) -> RunError:
        """What is raised where they cannot."""
        if self.begun_in:
            return RunError(
                f"{told}: {reason}. The run began with them, and without them it would be another "
                "run: make room, or let it go on as such with --allow-changed train and "
                "train.trunk_cache=off."
            )
        return RunError(
            f"{told}: {reason}. Raise train.trunk_cache_gb, make room, or set "
            "train.trunk_cache=off."
        )


def states_for(
    work: Work, layout: Layout, units: list[Unit], wanted: Wanted, run: Run
) -> Activations:
    """States from the disk, or computed and kept where there is room.

    Args:
        work: how they are computed.
        layout: which they are.
        units: the same, in the same order.
        wanted: where they go.
        run: is told.

    Raises:
        RunError: there is no room.
    """
    from tunesmith.training.activations import Activations

    key = _key(work, layout)
    below = "the head" if work.cut.layer is None else f"layer {work.cut.layer + 1}"
    told = f"states of {len(units):,} rows below {below} ({layout.n_bytes / 1e6:,.1f} MB)"
    about = {"of": told, "for": str(run.path)}
    found = Activations.open(entry(KIND, key), run.note)
    if found is not None:
        run.note(f"{told}: computed before, read from {found.folder}")
        return found
    if wanted.place != "memory":
        reason = wanted.no_room("disk", layout)
        if not reason:
            try:
                return _on_disk(work, layout, units, key, wanted.limit, run, about)
            except RunError as error:
                reason = str(error)
        if wanted.place == "disk":
            raise wanted.not_kept(told, reason)
        if layout.n_bytes <= wanted.limit:
            run.note(f"{told}: not kept on the disk: {reason}")
    if reason := wanted.no_room("memory", layout):
        raise wanted.not_kept(told, reason)
    run.note(f"{told}: computed once, kept in memory")
    return _computed(work, layout, units, None, about)


def _on_disk(
    work: Work,
    layout: Layout,
    units: list[Unit],
    key: str,
    limit: int,
    run: Run,
    about: dict[str, Any],
) -> Activations:
    """Computes states into the cache, unless another process does so meanwhile.

    Raises:
        RunError: the cache cannot be written.
    """
    from tunesmith.training.activations import Activations

    place = entry(KIND, key)
    try:
        with made_once(KIND, key, run.note) as draft:
            found = Activations.open(place, run.note) if place.is_dir() else None
            if found is not None:
                return found
            make_room(KIND, layout.n_bytes, limit)
            run.note(f"{about['of']}: computed once, kept in {place}")
            found = _computed(work, layout, units, draft, about)
            return replace(found, folder=finish(draft))
    except OSError as error:
        raise RunError(
            f"{cache_dir() / KIND}: cannot be written ({error.strerror or error})"
        ) from None


def _computed(
    work: Work, layout: Layout, units: list[Unit], draft: Path | None, about: dict[str, Any]
) -> Activations:
    from tunesmith.training.activations import ActivationWriter
    from tunesmith.training.cached_rows import LINE_TOKENS, in_lines
    from tunesmith.training.fit import Portion

    device = next(work.model.parameters()).device.type
    portion = Portion(len(units), "the frozen layers")
    writer = ActivationWriter(layout, draft)
    work.model.eval()
    try:
        with work.arithmetic():
            for line in in_lines(units, LINE_TOKENS.get(device, LINE_TOKENS["cpu"])):
                _add_line(work, line, portion, writer)
        return writer.done(about)
    finally:
        writer.close()


def _add_line(work: Work, line: list[Unit], portion: Portion, writer: ActivationWriter) -> None:
    from tunesmith.training.cached_rows import states_of

    def computed(most: int) -> list[torch.Tensor]:
        parts = [line[start : start + most] for start in range(0, len(line), most)]
        return [states_of(work.model, part, work.cut.layer).cpu() for part in parts]

    for states in portion.run(len(line), computed, lambda: None):
        writer.add(states)


def _key(work: Work, layout: Layout) -> str:
    """A hash of all that decides the states, to their last bits."""
    import torch

    from tunesmith.model.kernels.choice import kernels_in_use, triton_version
    from tunesmith.training.cached_rows import LINE_TOKENS

    device = next(work.model.parameters()).device
    on_gpu = device.type == "cuda"
    kernels = kernels_in_use(device)
    digest = hashlib.sha256(
        json.dumps(
            {
                "layer": work.cut.layer,
                "dtype": type_name(layout.dtype),
                "precision": work.precision,
                # Angles, norms and heads are no weights.
                "config": config_fingerprint(work.model.model.config.to_dict()),
                "is_fused": work.model.trunk is not None,
                "code": code_hash(CODE),
                "versions": {name: version(name) for name in _libraries(work)},
                # A trial chooses them, and another one may choose others.
                "kernels": [*kernels, triton_version()] if kernels else [],
                "device": torch.cuda.get_device_name(device) if on_gpu else platform.machine(),
                # Products are divided among threads, and so summed in another order.
                "arithmetic": [torch.get_num_threads(), torch.backends.cpu.get_cpu_capability()],
                "line": LINE_TOKENS.get(device.type),
            },
            sort_keys=True,
        ).encode()
    )
    digest.update(layout.digests.data)
    _hash_weights(work, digest.update)
    return digest.hexdigest()


def _libraries(work: Work) -> tuple[str, ...]:
    """Those that compute the states."""
    from tunesmith.model.quantised import is_quantised

    layers: Any = (each for each in work.model.modules() if hasattr(each, "weight"))
    has_few_bits = any(is_quantised(layer) for layer in layers)
    return (*LIBRARIES, "bitsandbytes") if has_few_bits else LIBRARIES


def _hash_weights(work: Work, update: Callable[[Any], None]) -> None:
    """Hashes the frozen weights as they are in memory, whatever they were loaded and merged of."""
    import torch

    backbone: Any = work.model.backbone
    layers = list(backbone.layers[: work.cut.n_layers_below])
    parts = [work.model.model.get_input_embeddings(), *layers]
    parts += [backbone.norm] if work.cut.layer is None else []
    tensors: list[torch.Tensor] = []
    for part in parts:
        for tensor in (*part.parameters(), *part.buffers()):
            tensors.append(tensor.detach())
            state = getattr(tensor, "quant_state", None)
            tensors += [] if state is None else [state.absmax.detach()]
    n_bytes = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    for tensor in tensors:
        flat = tensor.flatten()
        if n_bytes > HASHED_WHOLE_BELOW:
            flat = flat[:: max(1, len(flat) // SAMPLED)]
        update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
        update(flat.contiguous().cpu().view(torch.uint8).numpy())


def type_name(dtype: torch.dtype) -> str:
    """As ``float32``."""
    return str(dtype).removeprefix("torch.")
