"""LLaMA-Factory's templates, to the token: for models tuned there, and for its recipes here.

They give the token ids and the targets of LLaMA-Factory 0.9.5 (github.com/hiyouga/LLaMA-Factory).
What users wrote never becomes a special token here, and a special token that a tokenizer lacks is
not added to it; docs/why/llamafactory-templates.md lists all that differs.
"""

PREFIX = "llamafactory/"
"""Of every name, since our own templates follow the makers of the models."""

FAMILIES = {
    "headings": {
        "default": "Default",
        "alpaca": "Alpaca",
        "vicuna": "Vicuna",
        "xuanyuan": "XuanYuan",
        "deepseek": "DeepSeek",
        "deepseekcoder": "DeepSeekCoder",
        "ernie_nothink": "ErnieNoThink",
        "falcon": "Falcon",
        "fewshot": "FewShot",
        "openchat": "OpenChat",
        "seed_coder": "SeedCoder",
        "solar": "Solar",
    },
    "instructed": {
        "llama2": "Llama2",
        "llama2_zh": "Llama2Chinese",
        "llama3": "Llama3",
        "openchat-3.6": "OpenChat36",
        "mistral": "Mistral",
        "ministral": "Ministral",
        "mistral_small": "MistralSmall",
        "breeze": "Breeze",
    },
    "chatml": {
        "chatml": "ChatML",
        "chatml_de": "ChatMLGerman",
        "qwen": "Qwen",
        "qwen3_nothink": "Qwen3NoThink",
        "yi": "Yi",
        "smollm": "SmolLM",
        "smollm2": "SmolLM2",
        "intern2": "InternLM2",
        "opencoder": "OpenCoder",
        "falcon_h1": "FalconH1",
        "cpm4": "MiniCPM4",
        "sailor": "Sailor",
        "phi4": "Phi4",
        "moonlight": "Moonlight",
        "ernie": "Ernie",
    },
    "marked": {
        "zephyr": "Zephyr",
        "deepseek3": "DeepSeek3",
        "gemma": "Gemma",
        "gemma2": "Gemma2",
        "gemma3": "Gemma3",
        "phi": "Phi",
        "phi_small": "PhiSmall",
        "phi4_mini": "Phi4Mini",
        "starchat": "StarChat",
        "glm4": "Glm4",
        "granite3": "Granite3",
        "granite4": "Granite4",
        "cohere": "Cohere",
        "exaone": "Exaone",
        "hunyuan": "Hunyuan",
        "hunyuan_small": "HunyuanSmall",
        "olmo": "Olmo",
        "telechat2": "TeleChat2",
    },
    "reasoning": {
        "qwen3": "Qwen3",
        "mimo": "MiMo",
        "deepseekr1": "DeepSeekR1",
        "glmz1": "GlmZ1",
    },
    "v1": {"v1/qwen3_nothink": "Qwen3NoThinkV1"},
}
"""File of this folder -> name there -> class."""

ENTRIES = {
    f"{PREFIX}{name}": f"tunesmith.templates.llamafactory.{family}:{cls}"
    for family, classes in FAMILIES.items()
    for name, cls in classes.items()
}
"""The lines of the table of templates."""
