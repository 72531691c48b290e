"""Records what LLaMA-Factory's templates write, text by text: llamafactory.json beside this file.

Run it in an environment that has LLaMA-Factory 0.9.5: ``python record_llamafactory.py NAME...``.
A stand-in for the tokenizer takes each text as one token, so that the ids of LLaMA-Factory's own
processor are the texts that it encodes alone, and its labels say which of them are learnt.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from llamafactory.data.processor.supervised import (  # pyright: ignore[reportMissingImports]
    SupervisedDatasetProcessor,
)
from llamafactory.data.template import TEMPLATES  # pyright: ignore[reportMissingImports]
from llamafactory.v1.core.utils.rendering import (  # pyright: ignore[reportMissingImports]
    Renderer,
)

SYSTEM = "Be kind."
TOOLS = [
    {
        "name": "weather",
        "description": "Weather.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Where."},
                "unit": {"type": "string", "enum": ["c", "f"]},
            },
            "required": ["city"],
        },
    }
]
CALL = {"name": "weather", "arguments": {"city": "Oslo"}}
ROUNDS = [
    {"role": "user", "content": "Grüße, 你好  🙂?"},
    {"role": "assistant", "content": "It's\nfine."},
    {"role": "user", "content": " And you"},
    {"role": "assistant", "content": "我很好 "},
]
THOUGHT = [
    {"role": "user", "content": "1 + 1?"},
    {"role": "assistant", "content": "<think>\nOne and one.\n</think>\n\n2"},
    {"role": "user", "content": "2 + 2?"},
    {"role": "assistant", "content": "<think>\nTwo and two.\n</think>\n\n4"},
]
CALLED = [
    {"role": "user", "content": "Weather?"},
    {"role": "function", "content": json.dumps([CALL])},
    {"role": "observation", "content": "4 °C"},
    {"role": "assistant", "content": "Cold."},
]
CASES: dict[str, dict[str, Any]] = {
    "bare": {"messages": ROUNDS},
    "system": {"messages": ROUNDS, "system": SYSTEM},
    "tools": {"messages": CALLED, "tools": json.dumps(TOOLS)},
    "system and tools": {"messages": CALLED, "tools": json.dumps(TOOLS), "system": SYSTEM},
}
REASONING: dict[str, dict[str, Any]] = {
    "thoughts": {"messages": THOUGHT},
    "no thinking": {"messages": THOUGHT, "enable_thinking": False},
    "no thinking, bare": {"messages": ROUNDS, "enable_thinking": False},
    "last thought": {"messages": THOUGHT, "mask_history": True},
    "last thought, bare": {"messages": ROUNDS, "mask_history": True},
}


class Texts:
    """A tokenizer whose ids are the texts."""

    bos_token_id, eos_token_id = "{bos}", "{eos}"

    def encode(self, text: str, add_special_tokens: bool) -> list[str]:
        assert not add_special_tokens
        return [text]

    def convert_tokens_to_ids(self, token: str) -> str:
        return token


def recorded(name: str, case: dict[str, Any]) -> list[tuple[str, bool]]:
    template = TEMPLATES[name]
    template.mm_plugin = TEMPLATES["chatml"].mm_plugin  # the others ask for a picture processor
    template.enable_thinking = case.get("enable_thinking", True)
    settings = SimpleNamespace(
        mask_history=case.get("mask_history", False), train_on_prompt=False, cutoff_len=10**6
    )
    processor = SupervisedDatasetProcessor(
        template=template, tokenizer=Texts(), processor=None, data_args=settings
    )
    messages = case["messages"]
    texts, labels = processor._encode_data_example(
        prompt=messages[:-1],
        response=messages[-1:],
        system=case.get("system"),
        tools=case.get("tools"),
        images=[],
        videos=[],
        audios=[],
    )
    # Where a text of the prompt carries the end of the answer before it as its label, it is not
    # the text itself that is learnt.
    return [(_dated(text), label == text) for text, label in zip(texts, labels, strict=True)]


def recorded_v1(name: str, case: dict[str, Any]) -> list[tuple[str, bool]]:
    """The same of the second command, whose messages are lists of parts."""
    roles = {"function": "assistant", "observation": "tool"}
    messages = [
        {
            "role": roles.get(m["role"], m["role"]),
            "content": [
                {"type": "tool_call", "value": json.dumps(CALL)}
                if m["role"] == "function"
                else {"type": "text", "value": m["content"]}
            ],
        }
        for m in case["messages"]
    ]
    if "system" in case:
        system = {"type": "text", "value": case["system"]}
        messages.insert(0, {"role": "system", "content": [system]})
    found = Renderer(name, Texts()).render_messages(messages, case.get("tools"))
    return [
        (text, label == text)
        for text, label in zip(found["input_ids"], found["labels"], strict=True)
    ]


def _dated(text: str) -> str:
    return re.sub(r"(?<=Today Date: )\d\d \w{3} \d{4}", "26 Jul 2024", text)


def main(names: list[str]) -> None:
    found: dict[str, Any] = {}
    for name in sorted(names):
        if name.startswith("v1/"):
            short = name.removeprefix("v1/")
            found[name] = {case: recorded_v1(short, given) for case, given in CASES.items()}
            continue
        reasons = hasattr(TEMPLATES[name], "get_thought_word_ids") and type(
            TEMPLATES[name]
        ).__name__.endswith("ReasoningTemplate")
        cases = CASES | (REASONING if reasons else {})
        found[name] = {case: recorded(name, given) for case, given in cases.items()}
    file = Path(__file__).parent / "llamafactory.json"
    lines = [
        f'"{name}": {{\n' + ",\n".join(_line(*case) for case in cases.items()) + "\n}"
        for name, cases in found.items()
    ]
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def _line(case: str, texts: list[tuple[str, bool]]) -> str:
    return f' "{case}": {json.dumps(texts, ensure_ascii=False)}'


if __name__ == "__main__":
    main(sys.argv[1:])
