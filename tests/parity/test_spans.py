"""extractive-qa against LlamaForQuestionAnswering, PEFT, transformers' Trainer and tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

from tunesmith.core.examples import SpanQuestion  # noqa: E402
from tunesmith.model.head import Head  # noqa: E402
from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.quantised import keep_as_loaded  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402
from tunesmith.model.task_model import TaskModel  # noqa: E402
from tunesmith.objectives import OBJECTIVES  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.pipelines.weights import load_weights  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.tasks.windows import Reach, read_in_windows  # noqa: E402
from tunesmith.templates.tokenizer import Tokenizer  # noqa: E402

N_STEPS = 20
IDS = torch.randint(5, 3000, (1, 24), generator=torch.Generator().manual_seed(0))


def facts(n: int) -> list[dict[str, Any]]:
    """Questions on contexts of several lengths, some of several windows, some without an answer."""
    records = []
    for number in range(n):
        context = (
            f"kettle {number} " + "leaks and " * (number * 7 % 31) + f"costs {number + 2} pounds."
        )
        text = f"{number + 2} pounds"
        answers = {"text": [text], "answer_start": [context.index(text)]}
        if number % 5 == 4:
            answers = {"text": [], "answer_start": []}
        question = "What does it cost?" if number % 2 else "How much is the kettle?"
        records.append(
            {"id": str(number), "context": context, "question": question} | {"answers": answers}
        )
    return records


@pytest.fixture
def fields(tiny, tmp_path, lines) -> dict[str, Any]:
    return {
        "model": {"path": str(tiny)},
        "data": {
            "path": str(lines(tmp_path / "squad.jsonl", *facts(48))),
            "max_tokens": 48,
            "validation_fraction": 0,
        },
        "task": {"name": "extractive-qa", "doc_stride": 12},
        "method": "full",
        "out": str(tmp_path / "run"),
    }


def their_logits(model: Any, ids: Any) -> Any:
    with torch.no_grad():
        found = model.eval()(input_ids=ids)
    return torch.stack([found.start_logits, found.end_logits], -1)


def our_logits(folder: Any, ids: Any) -> Any:
    network, _, _ = load_weights(str(folder))
    return their_logits(network, ids)


def close(a: Any, b: Any, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance)


def test_loss_and_gradients_equal_those_of_transformers_window_by_window(fields):
    prepared = prepare(make_recipe(fields))
    rows = prepared.task.rows(prepared.encoded["train"], prepared.tokenizer.pad_id)
    head = Head("question-answering")
    device = torch.device("cpu")
    ours = load_model(Model(path=fields["model"]["path"]), device=device, head=head)
    theirs = load_model(Model(path=fields["model"]["path"]), device=device, head=head)
    chosen = [0, 3, 4, 7, 11]  # of several lengths, one without an answer
    batch = rows.batch(chosen)
    assert len({len(prepared.encoded["train"][row]) for row in chosen}) > 2
    loss = TaskModel(ours, OBJECTIVES.parse("spans"))(batch)
    (loss.total / batch.n_targets).backward()
    total = 0.0
    for row in chosen:
        example = prepared.encoded["train"][row]
        start, end = (torch.tensor([int(value)]) for value in example.values)
        ids = torch.as_tensor(example.input_ids, dtype=torch.int64)[None]
        one = theirs(input_ids=ids, start_positions=start, end_positions=end).loss
        (one / len(chosen)).backward()
        total += one.item()
    close(loss.total, torch.tensor(total))
    gradients = {name: p.grad for name, p in theirs.named_parameters()}
    for name, parameter in ours.named_parameters():
        if name == "qa_outputs.bias":  # the softmax does not change with it, so it cancels out
            assert parameter.grad.abs().max() < 1e-7
            continue
        scale = gradients[name].abs().max().clamp_min(1e-3)
        close(parameter.grad / scale, gradients[name] / scale)


class Curve:
    def __init__(self):
        self.losses: list[float] = []

    def step_done(self, values: dict[str, Any]) -> None:
        self.losses.append(values["loss"])

    def evaluated(self, values: dict[str, Any]) -> None: ...

    def save(self, checkpoint: Any) -> None: ...


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_twenty_steps_equal_those_of_transformers_trainer(fields, tmp_path):
    """Windows alone in their micro-batch, as with several theirs takes padding for text."""
    fields["optim"] = {"lr": 1e-3, "warmup_fraction": 0.1, "weight_decay": 0.01, "clip_norm": 0.5}
    fields["train"] = {"max_steps": N_STEPS, "epochs": 10, "batch_size": 4, "shuffle": False}
    fields["train"]["micro_batch_size"] = 1
    recipe = make_recipe(fields)
    prepared = prepare(recipe)
    curve = Curve()
    trainer = build_trainer(recipe, prepared, curve)
    folder = tmp_path / "start"
    trainer.model.model.save_pretrained(folder, save_original_format=False)
    trainer.fit()

    rows = [
        {
            "input_ids": torch.as_tensor(e.input_ids, dtype=torch.int64),
            "start_positions": torch.tensor(int(e.values[0])),
            "end_positions": torch.tensor(int(e.values[1])),
        }
        for e in prepared.encoded["train"]
    ]

    class InOrder(transformers.Trainer):
        def _get_train_sampler(self, *_, **__):
            return torch.utils.data.SequentialSampler(rows)

    theirs = InOrder(
        model=transformers.LlamaForQuestionAnswering.from_pretrained(folder),
        args=transformers.TrainingArguments(
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
            max_steps=N_STEPS,
            per_device_train_batch_size=1,
            gradient_accumulation_steps=4,
        ),
        train_dataset=rows,
    )
    theirs.train()
    their_losses = [line["loss"] for line in theirs.state.log_history if "loss" in line]
    assert len(curve.losses) == len(their_losses) == N_STEPS
    assert curve.losses[-1] < curve.losses[0]
    pairs = zip(curve.losses, their_losses, strict=True)
    difference = max(abs(a - b) / b for a, b in pairs)
    print(f"largest relative difference over {N_STEPS} steps: {difference:.2e}")
    assert difference < 1e-4


@pytest.mark.parametrize("method", ["full", "freeze"])
def test_whole_weights_load_in_transformers_with_the_same_logits(fields, method):
    fields |= {"method": method, "train": {"max_steps": 3}, "optim": {"lr": 1e-2}}
    run = train(make_recipe(fields))
    theirs = transformers.LlamaForQuestionAnswering.from_pretrained(run.artifact)
    close(our_logits(run.artifact, IDS), their_logits(theirs, IDS))


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_an_adapter_loads_in_peft_with_the_same_logits(fields, method):
    if method == "qlora":
        pytest.importorskip("bitsandbytes")
    options = {"name": method, "rank": 4}
    fields |= {"method": options, "train": {"max_steps": 3}, "optim": {"lr": 1e-2}}
    run = train(make_recipe(fields))
    # Without the names they would start from fresh weights (transformers 5.23).
    names = {r"^model\.": "transformer."}
    quantised = make_recipe(fields).method.load_options(torch.float32)
    if quantised:
        quantised["quantization_config"].llm_int8_skip_modules = ["qa_outputs"]
    base = transformers.LlamaForQuestionAnswering.from_pretrained(
        fields["model"]["path"], key_mapping=names, **quantised
    )
    keep_as_loaded(base)
    theirs = peft.PeftModel.from_pretrained(base, run.artifact)
    assert isinstance(theirs, peft.PeftModelForQuestionAnswering)
    close(our_logits(run.artifact, IDS), their_logits(theirs, IDS))


def test_their_folder_and_their_adapter_load_here_with_the_same_logits(tiny, tmp_path):
    torch.manual_seed(1)
    names = {r"^model\.": "transformer."}
    base = transformers.LlamaForQuestionAnswering.from_pretrained(tiny, key_mapping=names)
    base.save_pretrained(tmp_path / "whole", save_original_format=False)
    head = Head("question-answering")
    cpu = torch.device("cpu")
    ours = load_model(Model(path=str(tmp_path / "whole")), device=cpu, head=head)
    close(their_logits(ours, IDS), their_logits(base, IDS))

    config = peft.LoraConfig(
        task_type="QUESTION_ANS",
        r=4,
        target_modules=["q_proj", "down_proj"],
        init_lora_weights=False,
    )
    adapted = peft.get_peft_model(base, config)
    adapted.save_pretrained(tmp_path / "adapter")
    from tunesmith.model.adapter import load_adapter

    load_adapter(ours, tmp_path / "adapter")
    close(their_logits(ours, IDS), their_logits(adapted, IDS))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_windows_are_those_of_llama_tokenizers_pairs(shared, language):
    """Token ids and offsets of every window, as ``run_qa`` asks for them."""
    folder = shared / "tokenizers" / "llama-2-hf"
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    ours = Tokenizer.from_folder(Path(folder))
    data = json.loads((shared / "squad" / f"xquad.{language}.json").read_text("utf-8"))["data"]
    asked = [
        SpanQuestion(qa["question"], paragraph["context"], (), qa["id"])
        for article in data[:6]
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]
    found = read_in_windows(asked, ours, Reach(200, 80, 40))
    n_windows = 0
    for question, read in zip(asked, found, strict=True):
        pairs = theirs(
            question.question,
            question.context,
            truncation="only_second",
            max_length=200,
            stride=40,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        assert [w.input_ids.tolist() for w in read.windows] == pairs["input_ids"]
        for window, offsets in zip(read.windows, pairs["offset_mapping"], strict=True):
            assert window.spans.tolist() == [list(pair) for pair in offsets[window.first :]]
        n_windows += len(read.windows)
    assert n_windows > len(asked)
