"""Host copy: tensors copied to main memory while the device goes on working."""

from __future__ import annotations

import torch
from torch import Tensor


class HostCopy:
    """Takes copies of tensors; what comes from a GPU is there once :meth:`wait` returns.

    A copy into ordinary memory has the host wait for all that the GPU was asked before. Into pinned
    memory it is one more thing asked of it, behind the step before and ahead of the next, which
    changes the tensors in place: so it holds what they are now, whoever waits for it and when.
    """

    def __init__(self, *, pins: bool = True) -> None:
        """Begins with nothing.

        Args:
            pins: whether what comes from a GPU goes into pinned memory; else the host waits.
        """
        self.pins = pins
        self._asked: set[torch.device] = set()
        self._events: list[torch.cuda.Event] = []

    def of(self, tensor: Tensor) -> Tensor:
        """The tensor's values as they are, in one piece of main memory."""
        tensor = tensor.detach()
        held = self._pinned_for(tensor)
        if held is None:
            # Host to host as well: the next step changes weights in place.
            return tensor.to("cpu", copy=True, memory_format=torch.contiguous_format)
        self._asked.add(tensor.device)
        return held.copy_(tensor.contiguous(), non_blocking=True)

    def _pinned_for(self, tensor: Tensor) -> Tensor | None:
        """Room for a copy that nobody waits for; None: it comes from the host, or there is none."""
        if tensor.device.type != "cuda" or not self.pins:
            return None
        try:
            return torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        except RuntimeError:  # the system pins no more; the copy is made all the same
            self.pins = False
            return None

    def end(self) -> None:
        """Marks the place in the GPU's work behind which all copies are made; call it once."""
        for device in self._asked:
            event = torch.cuda.Event()
            event.record(torch.cuda.current_stream(device))
            self._events.append(event)

    def wait(self) -> None:
        """Waits until every copy holds its values; any thread may."""
        for event in self._events:
            event.synchronize()
