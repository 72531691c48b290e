"""Kinds: what rows are made of a passage; one file per kind."""

from tunesmith.core.registry import Registry
from tunesmith.synthesize.kinds.kind import Kind

KINDS: Registry[Kind] = Registry(
    "kind",
    {
        "qa": "tunesmith.synthesize.kinds.qa:Qa",
    },
)
