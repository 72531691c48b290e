"""Which weights are trained, how they are stored and saved."""

from tunesmith.core.registry import Registry
from tunesmith.methods.method import Method

METHODS: Registry[Method] = Registry(
    "method",
    {
        "freeze": "tunesmith.methods.freeze:Freeze",
        "full": "tunesmith.methods.full:Full",
        "lora": "tunesmith.methods.lora:LoRA",
        "qlora": "tunesmith.methods.qlora:QLoRA",
    },
)
