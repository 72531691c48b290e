"""Method: decides which weights train, and what is saved of them."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from tunesmith.core.part import Part

if TYPE_CHECKING:
    import torch
    from torch import nn

    from tunesmith.model.quantised import Quantisation
    from tunesmith.model.shape import Shape


class BaseIdentity(NamedTuple):
    """Which weights a method starts from, written beside what it saves."""

    path: str
    revision: str | None
    fingerprint: str


class Method(Part):
    """One way of tuning a model."""

    default_lr: ClassVar[float]
    """Peak learning rate where the recipe sets none."""
    saves_adapter: ClassVar[bool]
    """Whether what is saved needs its base model beside it."""

    @property
    def quantisation(self) -> Quantisation | None:
        """In how few bits the frozen weights are held; None: in ``model.dtype``."""
        return None

    def load_options(self, compute_dtype: torch.dtype) -> dict[str, Any]:
        """Further arguments for loading the weights; none by default."""
        return {}

    def n_trained(self, shape: Shape) -> int:
        """How many weights it trains of a model of that shape; all by default."""
        return shape.n_parameters

    @property
    def linear_bytes(self) -> float | None:
        """Of each frozen weight of a linear layer held in few bits; None: as ``model.dtype`` says.

        Unlike :attr:`quantisation` it needs no torch.
        """
        return None

    @property
    def writes_out(self) -> bool:
        """Whether such weights are held in the type of the arithmetic after loading."""
        return False

    @property
    def update_rank(self) -> int:
        """Rank of the updates that train beside frozen weights; 0: it trains weights themselves."""
        return 0

    @property
    def drops(self) -> bool:
        """Whether inputs of what trains are zeroed at random, so that a copy of them is kept."""
        return False

    def first_block(self, shape: Shape) -> int:
        """The first block that anything trained lies in or under; 0 by default."""
        return 0

    def trains_head(self, shape: Shape) -> bool:
        """Whether the output head of a model of that shape trains; by default it does."""
        return True

    def n_widened(self, shape: Shape) -> int:
        """How many weights are held in float32 whatever ``model.dtype`` says; all by default."""
        return shape.n_parameters

    def lr_factor(self, name: str, parameter: nn.Parameter) -> float:
        """What the learning rate is multiplied by for one trained weight; 1 by default."""
        return 1.0

    @abstractmethod
    def apply(self, model: nn.Module) -> None:
        """Makes the weights that train require gradients, and no others; changes in place."""

    @abstractmethod
    def save(self, model: nn.Module, folder: Path, base: BaseIdentity) -> None:
        """Writes what is needed to use the tuned model into an existing folder."""
