"""Outputs of a model -> a loss summed over targets."""

from tunesmith.core.registry import Registry
from tunesmith.objectives.objective import Objective

OBJECTIVES: Registry[Objective] = Registry(
    "objective",
    {
        "tokens": "tunesmith.objectives.tokens:Tokens",
        "classes": "tunesmith.objectives.classes:Classes",
    },
)
