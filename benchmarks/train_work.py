"""Work: the model, adapter, texts and token ids that all contenders of a comparison get."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from tunesmith.pipelines.prepare import prepare
from tunesmith.recipe import make_recipe


def _size(hidden: int, layers: int, ffn: int, vocabulary: int, *, tied: bool) -> dict[str, Any]:
    sizes = {"hidden": hidden, "layers": layers, "ffn": ffn, "vocabulary": vocabulary}
    return {**sizes, "heads": max(1, hidden // HEAD_WIDTH.get(hidden, 64)), "tied": tied}


HEAD_WIDTH = {32: 8, 96: 24, 192: 48, 288: 48}
"""Of narrow models; 64 of others."""
SIZES: dict[str, dict[str, Any]] = {
    "tiny": _size(32, 2, 64, 512, tied=False),
    "1M": _size(96, 6, 256, 4096, tied=True),
    "6M": _size(192, 6, 512, 16000, tied=True),
    "S": _size(288, 6, 768, 32000, tied=True),
    "48M": _size(512, 10, 1408, 32000, tied=True),
    "M": _size(768, 12, 2048, 32000, tied=False),
    "350M": _size(1024, 25, 2736, 32000, tied=True),
}
"""Width, layers, width between, vocabulary; S has 15 million weights, M 134."""
RANK, ALPHA = 16, 32
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PROMPT, ANSWER = (100, 189, 350), (25, 43, 60)
"""Tokens, least, usual and most, as dialogues with summaries have them."""
SPECIAL = ("<unk>", "<s>", "</s>")
LABELS = ("first", "second", "third")
SHARED_TOKENS = 300


@dataclass(frozen=True)
class Work:
    """What is trained, the same for all contenders of one comparison.

    Attributes:
        name: of the comparison.
        size: a key of ``SIZES``.
        kind: ``sft``, ``dpo``, ``classify``.
        precision: of the arithmetic.
        dropout: of the adapters.
        all_tokens: whether requests are learnt too.
        shared_tokens: length of an instruction that all examples begin with.
        layers: that train beside the head of ``classify``.
        batch_size: examples, or pairs, of a step.
        micro_batch_size: of contenders that are told one.
        n_rows: examples there are.
        epochs: of whole runs; None: steps on command.
        lr: constant rate.
        prompt: tokens of a prompt, least, usual, most.
        seed: of the texts.
    """

    name: str
    size: str
    kind: str = "sft"
    precision: str = "float32"
    dropout: float = 0.0
    all_tokens: bool = False
    shared_tokens: int = 0
    layers: int = 0
    batch_size: int = 16
    micro_batch_size: int = 4
    n_rows: int = 192
    epochs: int | None = None
    lr: float = 1e-3
    prompt: tuple[int, int, int] = PROMPT
    seed: int = 0


@dataclass
class Material:
    """Files of a work, and the lengths of its rows.

    Attributes:
        fields: what a contender's own file of work begins with.
        lengths: tokens of each example (of a pair, both sides), in the order of the steps.
        targets: of them learnt.
    """

    fields: dict[str, Any]
    lengths: list[int] = field(default_factory=list[int])
    targets: list[int] = field(default_factory=list[int])


def make(work: Work, place: Path, threads: int) -> Material:
    """Writes everything that contenders of a work need."""
    fields = make_own(work, place, threads)
    rows = _encoded(work, fields["recipe"])
    Path(fields["rows"]).write_text(json.dumps(rows), "utf-8")
    lengths, targets = zip(*(_counts(row) for row in rows), strict=True)
    return Material(fields, list(lengths), list(targets))


def make_own(work: Work, place: Path, threads: int) -> dict[str, Any]:
    """Writes what tunesmith needs of a work, and no token ids for others."""
    size = SIZES[work.size]
    model = _model(work, size, place / "models")
    adapter = None if work.kind == "classify" else _adapter(work, size, model, place / "adapters")
    folder = place / work.name
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "train.jsonl"
    examples = _examples(work, size["vocabulary"])
    with data.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(example) + "\n" for example in examples)
    recipe = _recipe(work, model, adapter, data, folder)
    return {
        "model": str(model),
        "adapter": str(adapter),
        "rows": str(folder / "rows.json"),
        "recipe": recipe,
        "kind": work.kind,
        "precision": work.precision,
        "lr": work.lr,
        "batch_size": work.batch_size,
        "micro_batch_size": work.micro_batch_size,
        "whole_runs": work.epochs is not None,
        "epochs": work.epochs,
        "n_labels": len(LABELS),
        "threads": threads,
        "shapes": [(size["hidden"], size["hidden"]), (size["hidden"], size["ffn"])]
        + [(size["ffn"], size["hidden"]), (size["hidden"], size["vocabulary"])],
    }


def _counts(row: dict[str, Any]) -> tuple[int, int]:
    """Tokens of an example, and those of them that are learnt."""
    if "prompt_ids" in row:
        answers = len(row["chosen_ids"]) + len(row["rejected_ids"])
        return 2 * len(row["prompt_ids"]) + answers, answers
    if isinstance(row["labels"], int):
        return len(row["input_ids"]), 1
    return len(row["input_ids"]), sum(label != -100 for label in row["labels"][1:])


def _recipe(
    work: Work, model: Path, adapter: Path | None, data: Path, folder: Path
) -> dict[str, Any]:
    tasks: dict[str, Any] = {
        "sft": {"name": "sft", "train_on": "everything" if work.all_tokens else "all"},
        "dpo": {"name": "preference"},
        "classify": {"name": "classify"},
    }
    lora = {"name": "lora", "rank": RANK, "alpha": ALPHA, "dropout": work.dropout}
    freeze = {"name": "freeze", "layers": work.layers}
    return {
        "model": {"path": str(model), **({"adapter": str(adapter)} if adapter else {})},
        "data": {"path": str(data), "validation_fraction": 0, "max_tokens": 8192},
        "task": tasks[work.kind],
        **({} if work.kind == "classify" else {"template": "alpaca"}),
        "method": freeze if work.kind == "classify" else lora,
        "optim": {"lr": work.lr, "schedule": "constant", "warmup_fraction": 0},
        "train": {
            "epochs": work.epochs or 10_000,
            "batch_size": work.batch_size,
            "precision": work.precision,
            "shuffle": False,
            "eval_every_fraction": 1,
        },
        "out": str(folder / "run"),
    }


def _encoded(work: Work, recipe: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows as tunesmith encodes them, for all others to take."""
    train = prepare(make_recipe(recipe), weights=False).encoded["train"]
    arrays = [train.arrays(place) for place in range(len(train))]
    rows = [
        {
            "input_ids": ids.tolist(),
            "labels": [int(i) if w > 0 else -100 for i, w in zip(ids, weights, strict=True)],
        }
        for ids, weights in arrays
    ]
    if work.kind == "classify":
        labels = [train.labels_of(place)[0] for place in range(len(train))]
        return [
            {"input_ids": row["input_ids"], "labels": LABELS.index(label)}
            for row, label in zip(rows, labels, strict=True)
        ]
    return _pairs(rows) if work.kind == "dpo" else rows


def _pairs(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    pairs: list[dict[str, Any]] = []
    for chosen, rejected in zip(rows[::2], rows[1::2], strict=True):
        start = next(i for i, label in enumerate(chosen["labels"]) if label != -100)
        pairs.append(
            {
                "prompt_ids": chosen["input_ids"][:start],
                "chosen_ids": chosen["input_ids"][start:],
                "rejected_ids": rejected["input_ids"][start:],
            }
        )
    return pairs


def _examples(work: Work, vocabulary: int) -> Iterator[dict[str, Any]]:
    """Texts of random words; common ones are common, so that there is something to learn."""
    generator = random.Random(work.seed)
    words = [f"w{number}" for number in range(len(SPECIAL), vocabulary)]
    weights = list(accumulate(1 / (rank + 10) for rank in range(len(words))))

    def text(low: int, usual: int, high: int) -> str:
        n_words = round(generator.triangular(low, high, usual))
        return " ".join(generator.choices(words, cum_weights=weights, k=n_words))

    shared = text(work.shared_tokens, work.shared_tokens, work.shared_tokens)
    for number in range(work.n_rows):
        prompt = text(*work.prompt)
        if work.kind == "classify":
            yield {"text": prompt, "label": LABELS[number % len(LABELS)]}
        elif work.kind == "dpo":
            yield {"prompt": prompt, "chosen": text(*ANSWER), "rejected": text(*ANSWER)}
        elif shared:
            yield {"instruction": shared, "input": prompt, "output": text(*ANSWER)}
        else:
            yield {"prompt": prompt, "completion": text(*ANSWER)}


def _model(work: Work, size: dict[str, Any], place: Path) -> Path:
    """A model with random weights and a tokenizer that has one token for each of its words."""
    folder = place / f"{work.size}-{'classify' if work.kind == 'classify' else 'text'}"
    if folder.is_dir():
        return folder
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification

    config = LlamaConfig(
        hidden_size=size["hidden"],
        intermediate_size=size["ffn"],
        num_hidden_layers=size["layers"],
        num_attention_heads=size["heads"],
        num_key_value_heads=size["heads"],
        vocab_size=size["vocabulary"],
        tie_word_embeddings=size["tied"],
        max_position_embeddings=8192,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2 if work.kind == "classify" else None,
    )
    torch.manual_seed(0)
    if work.kind == "classify":
        config.id2label = dict(enumerate(LABELS))
        config.label2id = {label: number for number, label in enumerate(LABELS)}
        LlamaForSequenceClassification(config).save_pretrained(folder)
    else:
        LlamaForCausalLM(config).save_pretrained(folder)
    _tokenizer(size["vocabulary"], folder)
    return folder


def _tokenizer(vocabulary: int, folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    known = {word: number for number, word in enumerate(SPECIAL)}
    known |= {f"w{number}": number for number in range(len(SPECIAL), vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(known, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": "<unk>",
        "bos_token": "<s>",
        "eos_token": "</s>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")


def _adapter(work: Work, size: dict[str, Any], model: Path, place: Path) -> Path:
    """An adapter in PEFT's format whose A is random and whose B is zero."""
    folder = place / f"{work.size}-{work.dropout:g}"
    if folder.is_dir():
        return folder
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(1)
    tensors: dict[str, torch.Tensor] = {}
    for layer in range(size["layers"]):
        for target in TARGETS:
            block = "self_attn" if target in TARGETS[:4] else "mlp"
            width_in = size["ffn"] if target == "down_proj" else size["hidden"]
            width_out = size["ffn"] if target in ("gate_proj", "up_proj") else size["hidden"]
            name = f"base_model.model.model.layers.{layer}.{block}.{target}"
            bound = width_in**-0.5  # kaiming_uniform with a = sqrt(5), as PEFT starts A
            a = torch.rand(RANK, width_in, generator=generator) * 2 * bound - bound
            tensors[f"{name}.lora_A.weight"] = a
            tensors[f"{name}.lora_B.weight"] = torch.zeros(width_out, RANK)
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": str(model),
        "r": RANK,
        "lora_alpha": ALPHA,
        "lora_dropout": work.dropout,
        "target_modules": TARGETS,
        "bias": "none",
    }
    (folder / "adapter_config.json").write_text(json.dumps(config), "utf-8")
    return folder
