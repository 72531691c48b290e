"""Kinds: what rows are made of a passage; one file per kind."""

from tunesmith.core.registry import Registry
from tunesmith.synthesize.kinds.kind import Kind

KINDS: Registry[Kind] = Registry(
    "kind",
    {
        "qa": "tunesmith.synthesize.kinds.qa:Qa",
        "dialogue": "tunesmith.synthesize.kinds.dialogue:Dialogue",
        "summary": "tunesmith.synthesize.kinds.summary:Summary",
        "span-qa": "tunesmith.synthesize.kinds.span_qa:SpanQa",
        "labels": "tunesmith.synthesize.kinds.labels:Labels",
        "preference": "tunesmith.synthesize.kinds.preference:PreferencePairs",
        "text": "tunesmith.synthesize.kinds.text:RunningText",
    },
)
