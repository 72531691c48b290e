"""Conversation -> pieces of text -> token ids with a loss mask; no torch here."""

from tunesmith.core.registry import Registry
from tunesmith.templates.template import Template

TEMPLATES: Registry[Template] = Registry(
    "template",
    {
        "native": "tunesmith.templates.native:Native",
        "alpaca": "tunesmith.templates.alpaca:Alpaca",
        "summarization": "tunesmith.templates.summarization:Summarization",
        "llama2": "tunesmith.templates.llama2:Llama2",
        "llama3": "tunesmith.templates.llama3:Llama3",
        "chatml": "tunesmith.templates.chatml:ChatML",
        "llamafactory/default": "tunesmith.templates.llamafactory:Default",
        "llamafactory/alpaca": "tunesmith.templates.llamafactory:Alpaca",
        "llamafactory/llama2": "tunesmith.templates.llamafactory:Llama2",
        "llamafactory/llama2_zh": "tunesmith.templates.llamafactory:Llama2Chinese",
        "llamafactory/llama3": "tunesmith.templates.llamafactory:Llama3",
        "llamafactory/chatml": "tunesmith.templates.llamafactory:ChatML",
        "llamafactory/qwen": "tunesmith.templates.llamafactory:Qwen",
        "llamafactory/mistral": "tunesmith.templates.llamafactory:Mistral",
        "llamafactory/vicuna": "tunesmith.templates.llamafactory:Vicuna",
        "llamafactory/zephyr": "tunesmith.templates.llamafactory:Zephyr",
    },
)
