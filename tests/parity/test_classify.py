"""Classification equals transformers' own head: loss, gradients, curve, and saved folders."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

from tunesmith.model.head import name_padding  # noqa: E402
from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.save import copy_tokenizer  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402
from tunesmith.model.task_model import TaskModel  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.load import load  # noqa: E402
from tunesmith.pipelines.merge import merge  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402

WORDS = ["kettle", "film", "weather", "train", "soup"]
LABELS = {
    "single": lambda n: {"label": ["bad", "good", "so-so"][n % 3]},
    "multi": lambda n: {"labels": [w for i, w in enumerate("abcd") if (n >> i) & 1]},
    "regression": lambda n: {"label": n / 7 + 0.25},
}
TEXTS = [
    f"The {WORDS[n % 5]} is {'very ' * (n % 4)}{'fine' if n % 3 else 'poor'}. "
    + "word " * (n * 7 % 19)
    for n in range(24)
]
METHODS = {
    "full": "full",
    "freeze": {"name": "freeze", "layers": 0},
    "lora": {"name": "lora", "rank": 4, "alpha": 8},
    "dora": {"name": "lora", "rank": 4, "dora": True},
}


def fields(tiny, lines, tmp_path, kind, method="full", **more):
    records = ({"text": text, **LABELS[kind](n)} for n, text in enumerate(TEXTS))
    return {
        "model": {"path": str(tiny)},
        "data": {"path": str(lines(tmp_path / "a.jsonl", *records)), "validation_fraction": 0},
        "task": "classify",
        "method": method,
        "optim": {"lr": 5e-3},
        "train": {"epochs": 2, "batch_size": 6},
        "out": str(tmp_path / "run"),
        **more,
    }


def theirs_of(batch, pad_id, lengths):
    """What transformers is given for the same rows."""
    mask = torch.arange(batch.input_ids.shape[1])[None] < torch.tensor(lengths)[:, None]
    names = {"classes": "labels", "flags": "labels", "numbers": "labels"}
    labels = next(batch.targets[name] for name in names if name in batch.targets)
    ids = torch.where(mask, batch.input_ids, pad_id)
    return {"input_ids": ids, "attention_mask": mask.long(), "labels": labels}


@pytest.mark.parametrize("kind", LABELS)
def test_loss_and_gradients_equal_those_of_their_head(tiny, tmp_path, lines, kind):
    recipe = make_recipe(fields(tiny, lines, tmp_path, kind))
    prepared = prepare(recipe)
    rows = prepared.task.rows(prepared.encoded["train"], prepared.tokenizer.pad_id)
    chosen = [1, 4, 9, 16, 23]
    batch = rows.batch(chosen)
    assert len(set(rows.lengths[chosen].tolist())) > 2
    network = load_model(
        Model(path=str(tiny)), device=torch.device("cpu"), head=prepared.task.head(), seed=3
    )
    model = TaskModel(network, recipe.loss)
    loss = model(batch).total / batch.n_targets
    loss.backward()
    ours = {name: p.grad.clone() for name, p in network.named_parameters()}
    network.zero_grad()
    name_padding(network, prepared.tokenizer.pad_id)
    theirs = network(**theirs_of(batch, prepared.tokenizer.pad_id, rows.lengths[chosen].tolist()))
    theirs.loss.backward()
    assert network.config.problem_type == prepared.task.head().problem
    torch.testing.assert_close(loss, theirs.loss, atol=0, rtol=1e-5)
    for name, p in network.named_parameters():
        torch.testing.assert_close(ours[name], p.grad, atol=1e-6, rtol=1e-5)


def test_smoothed_labels_equal_those_of_torch(tiny, tmp_path, lines):
    recipe = make_recipe(
        fields(
            tiny, lines, tmp_path, "single", objective={"name": "classes", "label_smoothing": 0.2}
        )
    )
    logits, classes = torch.randn(5, 3), torch.tensor([0, 2, 1, 1, 0])
    head = torch.nn.Linear(3, 3, bias=False)
    torch.nn.init.eye_(head.weight)
    total = recipe.loss.loss_sum(logits, head, {"classes": classes}).total
    expected = torch.nn.CrossEntropyLoss(label_smoothing=0.2, reduction="sum")(logits, classes)
    torch.testing.assert_close(total, expected)


def test_weighed_classes_equal_those_of_torch(tiny, tmp_path, lines):
    task = {"name": "classify", "class_weights": {"bad": 2.0, "good": 0.5, "so-so": 1.0}}
    recipe = make_recipe(fields(tiny, lines, tmp_path, "single", task=task))
    prepared = prepare(recipe)
    batch = prepared.task.rows(prepared.encoded["train"], 2).batch([0, 1, 2, 3])
    head = torch.nn.Linear(8, 3, bias=False)
    hidden = torch.randn(4, 8)
    loss = recipe.loss.loss_sum(hidden, head, batch.targets).total / batch.n_targets
    weight = torch.tensor([2.0, 0.5, 1.0])
    expected = torch.nn.CrossEntropyLoss(weight=weight)(head(hidden), batch.targets["classes"])
    torch.testing.assert_close(loss, expected)


class Curve:
    def __init__(self):
        self.losses = []

    def step_done(self, values):
        self.losses.append(values["loss"])

    def evaluated(self, values): ...

    def save(self, checkpoint): ...


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", LABELS)
def test_twenty_steps_equal_those_of_their_trainer(tiny, tmp_path, lines, kind):
    settings = {
        "optim": {"lr": 1e-3, "warmup_fraction": 0.1, "weight_decay": 0.01, "clip_norm": 0.5},
        "train": {
            "epochs": 10, "max_steps": 20, "batch_size": 6, "micro_batch_size": 2, "shuffle": False
        },
    }  # fmt: skip
    recipe = make_recipe(fields(tiny, lines, tmp_path, kind, **settings))
    prepared = prepare(recipe)
    curve = Curve()
    trainer = build_trainer(recipe, prepared, curve)
    rows, pad_id = trainer.train_rows, prepared.tokenizer.pad_id
    model = load_model(
        Model(path=str(tiny)),
        device=torch.device("cpu"),
        head=prepared.task.head(),
        seed=recipe.train.seed,
    )
    trainer.fit()
    name_padding(model, pad_id)

    class InOrder(transformers.Trainer):
        def _get_train_sampler(self, *_, **__):
            return torch.utils.data.SequentialSampler(range(len(rows.lengths)))

    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "theirs"),
        use_cpu=True,
        report_to=[],
        logging_steps=1,
        save_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
        learning_rate=1e-3,
        lr_scheduler_type="cosine",
        warmup_steps=2,
        weight_decay=0.01,
        max_grad_norm=0.5,
        max_steps=20,
        # No accumulation there: transformers 5.23 does not divide the loss of a classification by
        # its steps, so it would be three times ours.
        per_device_train_batch_size=6,
    )
    theirs = InOrder(
        model=model,
        args=arguments,
        train_dataset=list(range(len(rows.lengths))),
        data_collator=lambda places: theirs_of(
            rows.batch(places), pad_id, rows.lengths[places].tolist()
        ),
    )
    theirs.train()
    losses = [entry["loss"] for entry in theirs.state.log_history if "loss" in entry]
    assert len(curve.losses) == len(losses) == 20
    assert sum(curve.losses[-4:]) < sum(curve.losses[:4])  # an epoch is four steps
    difference = max(abs(a - b) / b for a, b in zip(curve.losses, losses, strict=True))
    print(f"{kind}: largest relative difference over 20 steps: {difference:.2e}")
    assert difference < 1e-4


def logits_of(theirs, predictor, texts):
    """Their logits for a padded batch, and ours."""
    rows = [o.rows[0].input_ids for o in predictor.task.inputs(
        [predictor.task.unanswered({"text": t}, "t") for t in texts],
        predictor.tokenizer, predictor.limits,
    )]  # fmt: skip
    width, pad_id = max(map(len, rows)), theirs.config.pad_token_id
    ids = torch.full((len(rows), width), pad_id)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.as_tensor(row)
    mask = torch.stack([torch.arange(width) < len(row) for row in rows]).long()
    with torch.no_grad():
        expected = theirs(input_ids=ids, attention_mask=mask).logits
    return expected, torch.stack([torch.as_tensor(o) for o in predictor.outputs(rows)])


@pytest.mark.parametrize("kind", ["multi", "regression"])
@pytest.mark.parametrize("method", ["full", "freeze"])
def test_our_folder_loads_with_transformers(tiny, tmp_path, lines, kind, method):
    run = train(make_recipe(fields(tiny, lines, tmp_path, kind, METHODS[method])))
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(run.artifact).eval()
    predictor = load(run)
    names = predictor.task.labels
    assert theirs.config.id2label == dict(enumerate(names))
    assert theirs.config.label2id == {name: i for i, name in enumerate(names)}
    assert theirs.config.problem_type == predictor.task.head().problem
    expected, found = logits_of(theirs, predictor, TEXTS[:5])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("method", ["lora", "dora"])
def test_our_adapter_loads_with_peft_and_merges(tiny, tmp_path, lines, method):
    run = train(make_recipe(fields(tiny, lines, tmp_path, "single", METHODS[method])))
    config = json.loads((run.artifact / "adapter_config.json").read_text())
    assert config["task_type"] == "SEQ_CLS" and config["modules_to_save"] == ["score"]
    base = transformers.AutoModelForSequenceClassification.from_pretrained(tiny, num_labels=3)
    predictor = load(run)
    base.config.pad_token_id = predictor.tokenizer.pad_id
    theirs = peft.PeftModel.from_pretrained(base, run.artifact).eval()
    expected, found = logits_of(theirs, predictor, TEXTS[:5])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    report = merge(run, tmp_path / "merged")
    assert report["max_logit_difference"] < 1e-4
    whole = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "merged")
    assert whole.config.id2label == {0: "bad", 1: "good", 2: "so-so"}
    expected, found = logits_of(whole.eval(), predictor, TEXTS[:5])
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    merged = load(tmp_path / "merged")
    assert [p.answer for p in merged.predict(TEXTS)] == [p.answer for p in predictor.predict(TEXTS)]


@pytest.mark.parametrize("labels", [{0: "no", 1: "yes", 2: "perhaps"}, None])
def test_their_folder_loads_here(tiny, tmp_path, labels):
    named = {} if labels is None else {"id2label": labels, "num_labels": 3}
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tiny, **named).eval()
    theirs.config.pad_token_id = 2
    theirs.save_pretrained(tmp_path / "theirs")
    copy_tokenizer(tiny, tmp_path / "theirs")
    predictor = load(tmp_path / "theirs")
    assert predictor.task.labels == list((labels or {0: "LABEL_0", 1: "LABEL_1"}).values())
    expected, found = logits_of(theirs, predictor, TEXTS[:5])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    likeliest = expected.argmax(1).tolist()
    assert [p.answer for p in predictor.predict(TEXTS[:5])] == [
        predictor.task.labels[i] for i in likeliest
    ]


def test_their_adapter_loads_here(tiny, tmp_path):
    base = transformers.AutoModelForSequenceClassification.from_pretrained(tiny, num_labels=3)
    base.config.pad_token_id = 2
    config = peft.LoraConfig(
        task_type="SEQ_CLS", r=4, lora_alpha=8, target_modules="all-linear", init_lora_weights=False
    )
    theirs = peft.get_peft_model(base, config).eval()
    torch.nn.init.normal_(theirs.base_model.model.score.modules_to_save["default"].weight)
    theirs.save_pretrained(tmp_path / "theirs")
    predictor = load(tmp_path / "theirs")
    assert predictor.task.labels == ["LABEL_0", "LABEL_1", "LABEL_2"]
    expected, found = logits_of(theirs, predictor, TEXTS[:5])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
