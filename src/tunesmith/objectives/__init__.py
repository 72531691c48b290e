"""Outputs of a model -> a loss summed over targets."""

from tunesmith.core.registry import Registry
from tunesmith.objectives.objective import Objective

OBJECTIVES: Registry[Objective] = Registry(
    "objective",
    {
        "spans": "tunesmith.objectives.spans:Spans",
        "tokens": "tunesmith.objectives.tokens:Tokens",
    },
)
