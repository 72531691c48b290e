"""Outputs of a model -> a loss summed over targets."""

from tunesmith.core.registry import Registry
from tunesmith.objectives.objective import Objective

OBJECTIVES: Registry[Objective] = Registry(
    "objective",
    {
        "tokens": "tunesmith.objectives.tokens:Tokens",
        "classes": "tunesmith.objectives.classes:Classes",
        "dpo": "tunesmith.objectives.dpo:DPO",
        "hinge": "tunesmith.objectives.hinge:Hinge",
        "ipo": "tunesmith.objectives.ipo:IPO",
        "kto-pair": "tunesmith.objectives.kto_pair:KTOPair",
        "orpo": "tunesmith.objectives.orpo:ORPO",
        "simpo": "tunesmith.objectives.simpo:SimPO",
        "kto": "tunesmith.objectives.kto:KTO",
        "spans": "tunesmith.objectives.spans:Spans",
    },
)
