"""Losses, gradients and curves over preferences equal those of TRL's trainers."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
datasets = pytest.importorskip("datasets")
pytest.importorskip("trl")
peft = pytest.importorskip("peft")

from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.lora_linear import lora_layers  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402
from tunesmith.model.task_model import TaskModel  # noqa: E402
from tunesmith.objectives import OBJECTIVES  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.reference import reference_logps  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training.passes import Passes  # noqa: E402
from tunesmith.training.placement import SingleDevice  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.usefixtures("quiet"),
]
CPU = torch.device("cpu")
N_STEPS = 20
N_PAIRS = 5


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    monkeypatch.setenv("WANDB_DISABLED", "true")


def pairs(n: int) -> list[dict[str, str]]:
    return [
        {
            "prompt": f"Question {i} {'and more ' * (i * 5 % 7)}",
            "chosen": f"A good answer {'indeed ' * (i * 3 % 11)}{i}",
            "rejected": f"No {'never ' * (i * 7 % 9)}{i}",
        }
        for i in range(n)
    ]


def singles(n: int) -> list[dict[str, Any]]:
    return [
        {"prompt": p["prompt"], "completion": p["chosen"], "label": i % 3 != 1}
        for i, p in enumerate(pairs(n))
    ]


def recipe_of(tiny: Path, file: Path, objective: Any, **fields: Any):
    return make_recipe(
        {
            "model": {"path": str(tiny)},
            "data": {"path": str(file), "validation_fraction": 0},
            "template": "alpaca",
            "task": "preference",
            "objective": objective,
            "method": "full",
            **fields,
        }
    )


def parted(split, row: int) -> tuple[list[int], list[int]]:
    """Prompt and answer of an encoded row."""
    ids, weights = split.arrays(row)
    start = int((weights > 0).argmax())
    return ids[:start].tolist(), ids[start:].tolist()


def pair_records(split) -> list[dict[str, list[int]]]:
    records = []
    for row in range(0, len(split), 2):
        (prompt, chosen), (same, rejected) = parted(split, row), parted(split, row + 1)
        assert prompt == same
        records.append({"prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": rejected})
    return records


def moved(model):
    """The same model some way from where it started."""
    policy = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
    return policy


def our_loss(objective, rows, policy, reference):
    """The mean loss of all rows as one batch, its gradients by name, and its figures."""
    model, units = TaskModel(policy, objective).eval(), list(range(len(rows.lengths)))
    if objective.needs_mismatched:
        rows = rows.mismatched(0)
    if objective.needs_reference:
        rows = rows.with_reference(
            reference_logps(TaskModel(reference, objective), objective, rows, 2)
        )
    [batch] = Passes(model, SingleDevice(CPU), torch.float32).batches(rows, [units])
    found = model(batch)
    policy.zero_grad()
    (found.total / batch.n_targets).backward()
    gradients = {n: p.grad.clone() for n, p in policy.named_parameters() if p.grad is not None}
    policy.zero_grad()
    return float(found.total) / batch.n_targets, gradients, found.metrics, rows


def assert_equal(ours, theirs_loss, policy):
    loss, gradients, *_ = ours
    theirs_loss.backward()
    difference = abs(loss - float(theirs_loss)) / abs(float(theirs_loss))
    assert difference < 1e-5
    worst = 0.0
    for name, parameter in policy.named_parameters():
        if parameter.grad is None:
            assert name not in gradients or not gradients[name].any()
            continue
        scale = parameter.grad.norm()
        error = float((gradients[name] - parameter.grad).norm() / scale) if scale else 0.0
        worst = max(worst, error)
    print(f"loss {difference:.1e}, gradients {worst:.1e}")
    assert worst < 1e-5


def tokenizer_of(folder: Path):
    return transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), pad_token="</s>", eos_token="</s>"
    )


def arguments(cls: type, folder: Path, **fields: Any):
    return cls(
        output_dir=str(folder),
        use_cpu=True,
        bf16=False,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        logging_steps=1,
        gradient_checkpointing=fields.pop("gradient_checkpointing", False),
        **fields,
    )


def dpo_trainer(model, reference, records, folder, tiny, **fields: Any):
    import trl

    class OfIds(trl.DPOTrainer):
        def _prepare_dataset(self, dataset, *_, **__):
            return dataset

        def _get_train_sampler(self, *_, **__):
            return torch.utils.data.SequentialSampler(records)

    return OfIds(
        model=model,
        ref_model=reference,
        args=arguments(trl.DPOConfig, folder, max_length=None, **fields),
        train_dataset=datasets.Dataset.from_list(records),
        processing_class=tokenizer_of(tiny),
    )


@pytest.fixture
def start(tiny):
    return load_model(Model(path=str(tiny)), device=CPU)


@pytest.fixture
def pair_rows(tiny, tmp_path, lines):
    file = lines(tmp_path / "pairs.jsonl", *pairs(N_PAIRS))
    prepared = prepare(recipe_of(tiny, file, "dpo"))
    return prepared.task.rows(prepared.encoded["train"], prepared.tokenizer.pad_id)


W = 0.5
DPO_LOSSES = {
    "dpo": ({"name": "dpo", "beta": 0.3}, {"loss_type": ["sigmoid"]}),
    "hinge": ({"name": "hinge", "beta": 0.3}, {"loss_type": ["hinge"]}),
    "ipo": ({"name": "ipo", "beta": 0.3}, {"loss_type": ["ipo"]}),
    "ld-dpo": (
        {"name": "dpo", "beta": 0.3, "length_alpha": 0.4},
        {"loss_type": ["sigmoid"], "ld_alpha": 0.4},
    ),
    "bco": (
        {"name": "dpo", "beta": 0.3, "bco_weight": W},
        {"loss_type": ["sigmoid", "bco_pair"], "loss_weights": [1 / (1 + W), W / (1 + W)]},
    ),
}


@pytest.mark.parametrize("kind", DPO_LOSSES)
def test_dpo_and_its_kin(tiny, tmp_path, pair_rows, start, kind):
    fields, theirs = DPO_LOSSES[kind]
    policy = moved(start)
    ours = our_loss(OBJECTIVES.parse(fields), pair_rows, policy, start)
    records = pair_records(pair_rows.split)
    trainer = dpo_trainer(policy, start, records, tmp_path, tiny, beta=0.3, **theirs)
    inputs = trainer.data_collator(records)
    loss = trainer._compute_loss(trainer.model, inputs, return_outputs=False)
    assert_equal(ours, loss, policy)
    logged = {k: v[0] for k, v in trainer._metrics["eval"].items()}
    metrics = {k: float(v) / n for k, (v, n) in ours[2].items()}
    for name, key in {
        "reward_margin": "rewards/margins",
        "reward_accuracy": "rewards/accuracies",
        "reward_chosen": "rewards/chosen",
        **({} if kind == "ld-dpo" else {"logps_rejected": "logps/rejected"}),
    }.items():
        assert metrics[name] == pytest.approx(logged[key], rel=1e-4), name


def test_imitation_beside_dpo_of_each_pair(tiny, tmp_path, pair_rows, start):
    """TRL's mean is over the tokens of a batch, ours over pairs: of one pair they are the same."""
    policy = moved(start)
    objective = OBJECTIVES.parse({"name": "dpo", "beta": 0.3, "sft_weight": 0.7})
    records = pair_records(pair_rows.split)
    theirs = {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.7], "beta": 0.3}
    trainer = dpo_trainer(policy, start, records, tmp_path, tiny, **theirs)
    known = reference_logps(TaskModel(start, objective), objective, pair_rows, 2)
    model = TaskModel(policy, objective)
    for place, record in enumerate(records):
        batch = pair_rows.with_reference(known).batch([place])
        loss = trainer._compute_loss(policy, trainer.data_collator([record]), False)
        assert float(model(batch).total) == pytest.approx(float(loss), rel=1e-5)


def padded(records, key: str, pad_id: int) -> dict[str, torch.Tensor]:
    pad = torch.nn.utils.rnn.pad_sequence
    whole = [torch.tensor(r["prompt_ids"] + r[f"{key}_ids"]) for r in records]
    labels = [torch.tensor([-100] * len(r["prompt_ids"]) + r[f"{key}_ids"]) for r in records]
    return {
        f"{key}_input_ids": pad(whole, True, pad_id),
        f"{key}_attention_mask": pad([torch.ones_like(w) for w in whole], True, 0),
        f"{key}_labels": pad(labels, True, -100),
    }


def free_trainer(name: str, policy, tiny: Path, folder: Path, **fields: Any):
    """TRL's trainer of a loss without a reference; it wants some text to tokenise."""
    module = pytest.importorskip(f"trl.experimental.{name}")
    prefix = name.upper()
    text = datasets.Dataset.from_list([{"prompt": "a", "chosen": " b", "rejected": " c"}])
    return getattr(module, f"{prefix}Trainer")(
        model=policy,
        args=arguments(getattr(module, f"{prefix}Config"), folder, max_length=256, **fields),
        train_dataset=text,
        processing_class=tokenizer_of(tiny),
    )


def test_simpo(tiny, tmp_path, pair_rows, start):
    objective = OBJECTIVES.parse({"name": "simpo", "beta": 2.5, "gamma": 0.6})
    ours = our_loss(objective, pair_rows, start, None)
    fields = {"loss_type": "simpo", "beta": 2.5, "simpo_gamma": 0.6, "cpo_alpha": 0.0}
    trainer = free_trainer("cpo", start, tiny, tmp_path, **fields)
    records = pair_records(pair_rows.split)
    batch = padded(records, "chosen", 2) | padded(records, "rejected", 2)
    loss, _ = trainer.get_batch_loss_metrics(start, batch)
    assert_equal(ours, loss, start)


def test_orpo(tiny, tmp_path, pair_rows, start):
    """Its odds ratio; TRL imitates the prompt too, so that term is that of transformers here."""
    objective = OBJECTIVES.parse({"name": "orpo", "beta": 0.4})
    ours = our_loss(objective, pair_rows, start, None)
    trainer = free_trainer("orpo", start, tiny, tmp_path, beta=0.4)
    records = pair_records(pair_rows.split)
    batch = padded(records, "chosen", 2) | padded(records, "rejected", 2)
    chosen, rejected, *_ = trainer.concatenated_forward(start, batch)
    ratios, *_ = trainer.odds_ratio_loss(chosen, rejected)
    imitation = 0.0
    for record in records:
        one = padded([record], "chosen", 2)
        imitation += start(input_ids=one["chosen_input_ids"], labels=one["chosen_labels"]).loss
    assert_equal(ours, imitation / len(records) - ratios.mean(), start)


def test_kto(tiny, tmp_path, lines, start):
    import trl

    file = lines(tmp_path / "singles.jsonl", *singles(6))
    prepared = prepare(recipe_of(tiny, file, "kto"))
    split = prepared.encoded["train"]
    rows = prepared.task.rows(split, prepared.tokenizer.pad_id)
    weights = {"beta": 0.3, "desirable_weight": 1.3, "undesirable_weight": 0.6}
    policy, reference = start, moved(start)
    ours = our_loss(OBJECTIVES.parse({"name": "kto", **weights}), rows, policy, reference)
    partners = ours[3].partners
    records = [
        {
            "prompt_ids": parted(split, i)[0],
            "completion_ids": parted(split, i)[1],
            "KL_completion_ids": parted(split, int(partners[i]))[1],
            "label": bool(split.values_of(i)[0]),
        }
        for i in range(len(split))
    ]
    assert {r["label"] for r in records} == {True, False}

    class OfIds(trl.KTOTrainer):
        def _prepare_dataset(self, dataset, *_, **__):
            return dataset

    trainer = OfIds(
        model=policy,
        ref_model=reference,
        args=arguments(
            trl.KTOConfig,
            tmp_path,
            max_length=split.lengths.max(),
            **weights,
            per_device_train_batch_size=6,
        ),
        train_dataset=datasets.Dataset.from_list(records),
        processing_class=tokenizer_of(tiny),
    )
    loss = trainer._compute_loss(trainer.model, trainer.data_collator(records), False)
    assert float(trainer._metrics["eval"]["kl"][0]) > 0
    assert_equal(ours, loss, policy)


class Curve:
    def __init__(self):
        self.losses: list[float] = []

    def step_done(self, values: dict[str, Any]) -> None:
        self.losses.append(values["loss"])

    def evaluated(self, values: dict[str, Any]) -> None: ...

    def save(self, checkpoint: Any) -> None: ...


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "checkpointing"), [("full", False), ("lora", True)], ids=["full", "lora-recomputed"]
)
def test_twenty_steps_of_dpo(tiny, tmp_path, lines, method, checkpointing):
    """With accumulation and uneven lengths."""
    file = lines(tmp_path / "pairs.jsonl", *pairs(48))
    lr = 5e-3 if method == "lora" else 2e-4
    recipe = recipe_of(
        tiny,
        file,
        {"name": "dpo", "beta": 0.3},
        method={"name": "lora", "rank": 4} if method == "lora" else "full",
        optim={"lr": lr, "warmup_fraction": 0.1, "weight_decay": 0.01, "clip_norm": 0.5},
        train={
            "epochs": 10,
            "max_steps": N_STEPS,
            "batch_size": 6,
            "micro_batch_size": 2,
            "shuffle": False,
            "gradient_checkpointing": checkpointing,
        },
    )
    prepared = prepare(recipe)
    model = load_model(Model(path=str(tiny)), device=CPU)
    reference, curve = copy.deepcopy(model), Curve()
    ours = build_trainer(recipe, prepared, curve)
    if method == "lora":
        reference = None
        config = peft.LoraConfig(r=4, lora_alpha=8, target_modules="all-linear")
        model = peft.get_peft_model(model, config)
        start = {
            name.removeprefix("base_model.model."): layer.lora_A["default"].weight
            for name, layer in model.named_modules()
            if hasattr(layer, "lora_A") and "default" in layer.lora_A
        }
        with torch.no_grad():
            for name, layer in lora_layers(ours.model.model):
                layer.lora_A.copy_(start[name])
    ours.fit()
    theirs = dpo_trainer(
        model,
        reference,
        pair_records(prepared.encoded["train"]),
        tmp_path,
        tiny,
        beta=0.3,
        learning_rate=lr,
        lr_scheduler_type="cosine",
        warmup_steps=2,
        weight_decay=0.01,
        max_grad_norm=0.5,
        max_steps=N_STEPS,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=3,
        gradient_checkpointing=checkpointing,
    )
    theirs.train()
    found = [entry["loss"] for entry in theirs.state.log_history if "loss" in entry]
    assert len(curve.losses) == len(found) == N_STEPS
    assert curve.losses[-1] < 0.6 < curve.losses[0]
    difference = max(abs(a - b) / b for a, b in zip(curve.losses, found, strict=True))
    print(f"{method}: largest relative difference over {N_STEPS} steps: {difference:.2e}")
    assert difference < 1e-4
