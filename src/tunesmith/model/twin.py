"""Twin: a second model over the weights of a first one; nothing of any size is copied."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


def twin(model: M) -> M:
    """The same modules anew over the same tensors.

    Either may be wrapped, as by an adapter, without the other. What is written into a weight is
    seen by both.

    Args:
        model: parameters, buffers and bitsandbytes' states of either are shared; all else, such as
            the configuration, is copied.
    """
    shared: list[Any] = [*model.parameters(), *model.buffers()]
    shared += [state for tensor in shared if (state := getattr(tensor, "quant_state", None))]
    # What `deepcopy` finds here it takes for copied already. Tied weights stay tied by that, too.
    return deepcopy(model, {id(thing): thing for thing in shared})
