"""Conversation -> pieces of text -> token ids with a loss mask; no torch here."""

from tunesmith.core.registry import Registry
from tunesmith.templates.llamafactory import ENTRIES
from tunesmith.templates.template import Template

TEMPLATES: Registry[Template] = Registry(
    "template",
    {
        "native": "tunesmith.templates.native:Native",
        "none": "tunesmith.templates.plain:Plain",
        "alpaca": "tunesmith.templates.alpaca:Alpaca",
        "summarization": "tunesmith.templates.summarization:Summarization",
        "llama2": "tunesmith.templates.llama2:Llama2",
        "llama3": "tunesmith.templates.llama3:Llama3",
        "chatml": "tunesmith.templates.chatml:ChatML",
        **ENTRIES,
    },
)
