"""Twenty steps of supervised fine-tuning equal those of TRL's SFTTrainer, and single gradients do.

The oracle is the library's own model with its own attention; only rows and order are shared. TRL's
padding-free batches run on a processor too: transformers keeps their rows apart with a mask.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")

from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402

N_STEPS, N_ROWS, LR = 20, 24, 1e-3

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "padded": ({"micro_batch_size": 6}, {"per_device_train_batch_size": 6}),
    "accumulated": (
        {"micro_batch_size": 2},
        {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 3},
    ),
    "packed": (
        {"packing": True},
        {"per_device_train_batch_size": 6, "padding_free": True},
    ),
    "packed-accumulated": (
        {"packing": True, "tokens_at_once": 100},
        {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 3, "padding_free": True},
    ),
    "packed-by-best-fit": (  # there rows are packed first, so a step is all of them to be the same
        {"packing": True, "tokens_at_once": 100, "batch_size": N_ROWS},
        {"packing": True, "packing_strategy": "bfd", "max_length": 100,
         "gradient_accumulation_steps": N_ROWS},
    ),
    "checkpointed": (
        {"micro_batch_size": 6, "gradient_checkpointing": True},
        {"per_device_train_batch_size": 6, "gradient_checkpointing": True},
    ),
}  # fmt: skip


class Losses(list):
    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []

    def step_done(self, values: dict[str, Any]) -> None:
        self.append(values["loss"])
        self.steps.append(values)

    def evaluated(self, values: dict[str, Any]) -> None: ...

    def save(self, checkpoint: Any) -> None: ...


@pytest.fixture
def prepared_recipe(tiny, tmp_path, lines):
    """Prompts and answers of very uneven lengths."""
    texts = [f"word {'and more ' * (n * 7 % 23)}{n}" for n in range(N_ROWS)]
    records = ({"prompt": t, "completion": t[: 5 + n]} for n, t in enumerate(texts))
    file = lines(tmp_path / "a.jsonl", *records)

    def make(settings: dict[str, Any]):
        train = {"epochs": 20, "max_steps": N_STEPS, "batch_size": 6, "shuffle": False}
        recipe = make_recipe(
            {
                "model": {"path": str(tiny)},
                "data": {"path": str(file), "validation_fraction": 0, "too_long": "error"},
                "method": "full",
                "optim": {
                    "lr": LR, "warmup_fraction": 0.1, "weight_decay": 0.01, "clip_norm": 0.5,
                    "schedule": "linear",
                },
                "train": {**train, **settings},
            }
        )  # fmt: skip
        return recipe, prepare(recipe)

    return make


def trl_trainer(prepared, folder: Path, settings: dict[str, Any]):
    rows = [
        {
            "input_ids": row.input_ids.tolist(),
            "labels": [
                token if learnt else -100
                for token, learnt in zip(
                    row.input_ids.tolist(), row.supervised.tolist(), strict=True
                )
            ],
        }
        for row in prepared.encoded["train"]
    ]
    model = transformers.AutoModelForCausalLM.from_pretrained(
        prepared.folder, dtype=torch.float32, attn_implementation="sdpa"
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(prepared.folder / "tokenizer.json"),
        bos_token="<s>", eos_token="</s>", pad_token="<pad>",
    )  # fmt: skip
    defaults = {"max_length": None, "gradient_checkpointing": False,
                "per_device_train_batch_size": 1}  # fmt: skip
    arguments = trl.SFTConfig(
        output_dir=str(folder),
        use_cpu=True,
        bf16=False,
        report_to=[],
        logging_steps=1,
        save_strategy="no",
        disable_tqdm=True,
        learning_rate=LR,
        lr_scheduler_type="linear",
        warmup_steps=2,
        weight_decay=0.01,
        max_grad_norm=0.5,
        max_steps=N_STEPS,
        **{**defaults, **settings},
    )

    class InOrder(trl.SFTTrainer):
        def _get_train_sampler(self, *_, **__):
            return torch.utils.data.SequentialSampler(self.train_dataset)

    return InOrder(
        model=model,
        args=arguments,
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer,
    )


@pytest.mark.parametrize("case", CASES)
def test_the_loss_curve_equals_that_of_trl(prepared_recipe, tmp_path, case):
    ours_set, theirs_set = CASES[case]
    recipe, prepared = prepared_recipe(ours_set)
    losses = Losses()
    build_trainer(recipe, prepared, losses).fit()
    their_trainer = trl_trainer(prepared, tmp_path, theirs_set)
    if "packing_strategy" in theirs_set:
        n_packed = len(their_trainer.train_dataset)
        assert n_packed < N_ROWS
        theirs_set = {**theirs_set, "gradient_accumulation_steps": n_packed}
        their_trainer = trl_trainer(prepared, tmp_path, theirs_set)
    their_trainer.train()
    theirs = [entry["loss"] for entry in their_trainer.state.log_history if "loss" in entry]
    assert len(losses) == len(theirs) == N_STEPS
    assert losses[-1] < losses[0]
    difference = max(abs(a - b) / b for a, b in zip(losses, theirs, strict=True))
    print(f"{case}: largest relative difference over {N_STEPS} steps: {difference:.2e}")
    assert difference < 1e-4
    if "gradient_accumulation_steps" in theirs_set:
        return  # there the means are those of micro-batches, whatever their tokens
    for name, theirs_name in (("entropy", "entropy"), ("token_accuracy", "mean_token_accuracy")):
        found = [values[name] for values in losses.steps]
        told = [entry[theirs_name] for entry in their_trainer.state.log_history if "loss" in entry]
        assert found == pytest.approx(told, rel=1e-4), name


@pytest.mark.parametrize("case", ["padded", "packed", "checkpointed"])
def test_the_gradients_of_one_batch_equal_those_of_trl(prepared_recipe, tmp_path, case):
    ours_set, theirs_set = CASES[case]
    recipe, prepared = prepared_recipe(ours_set)
    ours = build_trainer(recipe, prepared, Losses())
    batch = ours.train_rows.batch(range(6))
    ours.model.train()
    loss = ours.model(batch).total / batch.n_targets
    loss.backward()
    their_trainer = trl_trainer(prepared, tmp_path, theirs_set)
    given = next(iter(their_trainer.get_train_dataloader()))
    model = their_trainer.model.train()
    if case == "checkpointed":
        model.gradient_checkpointing_enable({"use_reentrant": False})
    their_loss = their_trainer.compute_loss(model, given)
    their_loss.backward()
    torch.testing.assert_close(loss, their_loss, atol=0, rtol=1e-5)
    gradients = {name: p.grad for name, p in ours.model.model.named_parameters()}
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(gradients[name], parameter.grad, atol=1e-6, rtol=1e-5)
