from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tunesmith.cli.main import run  # noqa: E402
from tunesmith.core.available import available_memory_mb  # noqa: E402
from tunesmith.model.few_shapes import filled_length  # noqa: E402
from tunesmith.model.footprint import (  # noqa: E402
    ATTENTION_TILE,
    LONGEST_KEPT,
    Arithmetic,
    trunk_bytes,
)
from tunesmith.model.label_scores import CHUNK_LOGITS  # noqa: E402
from tunesmith.model.label_scores import LEAST_ROWS as ROWS_OF_LOSS  # noqa: E402
from tunesmith.model.segments import LONGEST_KEPT as LONGEST  # noqa: E402
from tunesmith.model.shape import PUBLISHED, shape_of  # noqa: E402
from tunesmith.model.source import read_config  # noqa: E402
from tunesmith.model.tile_attention import TILES  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.dry_run import dry_run  # noqa: E402
from tunesmith.pipelines.find_lr import find_lr  # noqa: E402
from tunesmith.pipelines.measure import measure  # noqa: E402
from tunesmith.pipelines.memory import (  # noqa: E402
    CPU_CHUNK,
    LEAST_ROWS,
    Portions,
    memory_mb,
)
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.what_would_fit import what_would_fit  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training.fit import ADVICE  # noqa: E402
from tunesmith.training.loop import Trainer  # noqa: E402

METHODS = {
    "full": "full",
    "freeze": {"name": "freeze", "layers": 1},
    "lora": {"name": "lora", "rank": 4},
    "dropped": {"name": "lora", "rank": 4, "dropout": 0.1},
}


def saved_bytes(trainer, rows) -> int:
    """What autograd keeps of a forward pass, each storage once, weights aside."""
    own = {p.untyped_storage().data_ptr() for p in trainer.model.parameters()}
    own |= {b.untyped_storage().data_ptr() for b in trainer.model.buffers()}
    found: dict[int, int] = {}

    def note(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    trainer.model.train()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        trainer.passes.forward(trainer.train_rows.batch(rows))
    return sum(found.values())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_activations_of_transformers_forward_are_what_autograd_keeps(
    recipe_fields, method, precision
):
    """The room for the pass backward is in the estimate and taken off here.

    What is over: the lowest block keeps less, because no gradient goes below it; under ``freeze``
    that is the only one.
    """
    fields = {**recipe_fields, "method": METHODS[method]}
    forward = {"precision": precision, "fused": False, "share_prefixes": False}
    fields["train"] = {**fields["train"], **forward, "micro_batch_size": 6}
    recipe = make_recipe(fields)
    trainer = build_trainer(recipe, prepare(recipe), None)
    rows = list(range(6))
    width = max(trainer.train_rows.lengths[:6])
    shape = shape_of(read_config(Path(fields["model"]["path"])), "tiny")
    n_targets = trainer.train_rows.batch(rows).n_targets
    estimate = memory_mb(recipe, shape, Portions(int(width), 0, int(n_targets)))
    number = 2 if precision == "bfloat16" else 4
    room = (3 * shape.ffn_width + 2 * shape.width) * number * 6 * int(width)
    kept = saved_bytes(trainer, rows)
    head = 0 if method != "full" else shape.vocabulary * shape.width * 4
    states = -n_targets * shape.width * 4  # the loss's own, which is counted elsewhere
    assert estimate["activations"] * 1e6 - room + head == pytest.approx(
        kept + states, rel=0.2 if method == "freeze" else 0.16
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_activations_of_the_trunk_are_what_autograd_keeps(recipe_fields, method, precision):
    """The room for the pass backward is taken off again; all rows are of one length."""
    fields = {**recipe_fields, "method": METHODS[method]}
    fields["data"] = {**fields["data"], "max_tokens": 40, "cut_answers": True}
    fields["train"] = {**fields["train"], "precision": precision, "micro_batch_size": 6}
    fields["train"]["share_prefixes"] = False
    recipe = make_recipe(fields)
    trainer = build_trainer(recipe, prepare(recipe), None)
    rows = list(range(6))
    [width] = {int(length) for length in trainer.train_rows.lengths[:6]}
    shape = shape_of(read_config(Path(fields["model"]["path"])), "tiny")
    n_targets = int(trainer.train_rows.batch(rows).n_targets)
    is_bfloat16 = precision == "bfloat16"
    estimate = trunk_bytes(
        shape,
        Arithmetic(is_bfloat16, is_bfloat16, widens_attention=True),
        6 * width,
        n_targets,
        width,
        first_layer=recipe.method.first_block(shape),
        rank=recipe.method.update_rank,
        drops=recipe.method.drops,
        recomputes=False,
    )
    number = 2 if is_bfloat16 else 4
    room = (3 * shape.ffn_width + 4 * shape.width) * number + 2 * shape.width * 4
    kept = saved_bytes(trainer, rows)
    more = filled_length(n_targets, is_bfloat16) - n_targets
    n_tokens = filled_length(6 * width + more, is_bfloat16)
    # The loss's own states and gradients are counted elsewhere.
    head = 0 if method != "full" else shape.vocabulary * shape.width * 4
    states = n_targets * shape.width * 4
    assert estimate - room * n_tokens == pytest.approx(kept - head - states, rel=0.16)


def test_the_trunk_s_attention_is_counted_as_it_is():
    assert {False: 64, True: 128} == ATTENTION_TILE
    assert TILES == {torch.bfloat16: ATTENTION_TILE[True], torch.float32: ATTENTION_TILE[False]}
    assert LONGEST_KEPT == LONGEST


def test_the_loss_s_own_chunks_are_counted():
    assert (CPU_CHUNK, LEAST_ROWS) == (CHUNK_LOGITS["cpu"], ROWS_OF_LOSS)


@pytest.mark.slow
def test_the_estimate_is_within_15_percent_of_the_measured_peak(recipe_fields, tmp_path):
    """The real command's largest resident memory, over a whole run of the bundled model."""
    fields = {**recipe_fields, "model": {"path": "tunesmith-tiny"}, "method": {"name": "lora"}}
    fields["train"] = {**fields["train"], "max_steps": 2, "eval_every_fraction": 1}
    file = tmp_path / "recipe.yaml"
    file.write_text(json.dumps(fields))
    done = subprocess.run(
        [sys.executable, "-m", "tunesmith", "train", str(file), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    peak = json.loads(done.stdout)["peak_memory_mb"]
    assert dry_run(make_recipe(fields))["memory_mb"]["total"] == pytest.approx(peak, rel=0.15)


def test_recomputed_blocks_leave_their_gaps_on_a_cpu_all_the_same(recipe_fields):
    """Measured with 12 blocks of width 768: 1,250 MB, of which 180 MB were such gaps."""
    shape = shape_of(PUBLISHED["meta-llama/Llama-2-7b-hf"], "7b")

    def gaps(**train) -> float:
        model, train["fused"] = {"dtype": train.pop("dtype", "auto")}, False
        recipe = make_recipe({**recipe_fields, "model": model, "method": "lora", "train": train})
        return memory_mb(recipe, shape, Portions(256, 256, 256))["allocator"]

    assert gaps(gradient_checkpointing=True) == gaps() > 0
    on_gpu = {"dtype": "bfloat16", "precision": "bfloat16"}
    assert gaps(**on_gpu, gradient_checkpointing=True) < gaps(**on_gpu) / 30


def test_seven_billion_weights_are_planned_from_their_shape_alone():
    """16 bytes for each weight of full tuning; half a byte and its scale in NF4."""
    shape = shape_of(PUBLISHED["meta-llama/Llama-2-7b-hf"], "7b")
    recipe = make_recipe({"data": {"path": "x"}, "method": "full"})
    full = memory_mb(recipe, shape, Portions(1024, 1024, 2048))
    total = full["weights"] + full["gradients"] + full["optimizer"]
    assert total == pytest.approx(16 * shape.n_parameters / 1e6, rel=1e-6)
    in_bits = make_recipe(
        {"data": {"path": "x"}, "method": "qlora", "model": {"dtype": "bfloat16"}}
    )
    few = memory_mb(in_bits, shape, Portions(1024, 1024, 2048))
    assert 3_500 < few["weights"] < 4_000


def test_what_would_make_it_fit_comes_in_order_and_ends_where_it_does(recipe_fields):
    shape = shape_of(PUBLISHED["meta-llama/Llama-2-7b-hf"], "7b")
    recipe = make_recipe(
        {**recipe_fields, "method": "full", "train": {"batch_size": 8, "micro_batch_size": 8}}
    )
    portions = Portions(1024, 1024, 8 * 1024)
    whole = sum(memory_mb(recipe, shape, portions).values())
    assert what_would_fit(recipe, shape, portions, whole + 1) == []
    steps = what_would_fit(recipe, shape, portions, 60_000)
    assert [s["set"][0] for s in steps] == [
        "train.micro_batch_size=4",
        "train.micro_batch_size=2",
        "train.micro_batch_size=1",
        "train.gradient_checkpointing=true",
        "optim.name=adamw_8bit",
        "method=lora",
    ]
    totals = [whole, *(s["total"] for s in steps)]
    assert totals == sorted(totals, reverse=True)
    assert totals[-1] <= 60_000 < totals[-2]


def test_a_packed_run_is_told_to_make_its_lines_shorter_down_to_the_longest_row(recipe_fields):
    shape = shape_of(PUBLISHED["meta-llama/Llama-2-7b-hf"], "7b")
    train = {"batch_size": 8, "packing": True, "tokens_at_once": 2500, "eval_batch_size": 2}
    recipe = make_recipe({**recipe_fields, "method": "lora", "train": train})
    portions = Portions(600, 600, 2000)
    steps = what_would_fit(recipe, shape, portions, 1)
    assert [s["set"][0] for s in steps[:4]] == [
        "train.tokens_at_once=1250",
        "train.tokens_at_once=625",
        "train.tokens_at_once=600",
        "train.gradient_checkpointing=true",
    ]
    assert [s["set"][1] for s in steps[:3]] == [f"train.eval_batch_size={n}" for n in (2, 1, 1)]
    assert not [told for s in steps for told in s["set"] if "micro_batch_size" in told]
    assert "train.tokens_at_once" in ADVICE


@pytest.mark.parametrize("kind", ["pairs", "packed", "packed in short lines"])
def test_the_learnt_tokens_planned_for_are_those_of_the_largest_batch(
    kind, pair_fields, recipe_fields, monkeypatch
):
    fields = pair_fields if kind == "pairs" else recipe_fields
    train = {"packing": kind != "pairs", "tokens_at_once": 150 if "short" in kind else None}
    fields["train"] = {**fields["train"], **train, "epochs": 1}
    recipe = make_recipe(fields)
    seen = []

    def planned(recipe, shape, portions):
        seen.append(portions.n_targets)
        return memory_mb(recipe, shape, portions)

    monkeypatch.setattr("tunesmith.pipelines.dry_run.memory_mb", planned)
    dry_run(recipe)
    trainer = build_trainer(recipe, prepare(recipe), None)
    steps = [trainer.steps.micro_batches(step) for step in range(trainer.n_steps)]
    real = [len(trainer.train_rows.batch(rows).target_rows) for step in steps for rows in step]
    assert max(real) <= seen[0] <= max(real) * (1.3 if kind == "pairs" else 1)


def test_the_advised_method_is_the_one_that_is_estimated(recipe_fields):
    """What the override makes of the recipe: its rank stays, and so does what it needs."""
    shape = shape_of(PUBLISHED["meta-llama/Llama-2-7b-hf"], "7b")
    wide = {"name": "lora", "rank": 256, "targets": ["q_proj", "v_proj"], "dropout": 0.1}
    fields = {**recipe_fields, "method": wide, "train": {"batch_size": 1}}
    portions = Portions(1024, 1024, 1024)
    last = what_would_fit(make_recipe(fields), shape, portions, 1)[-1]
    assert last["set"] == ["method=qlora"]
    overrides = ["train.gradient_checkpointing=true", "optim.name=adamw_8bit", *last["set"]]
    followed = make_recipe(fields, overrides=overrides)
    assert followed.method.n_trained(shape) == make_recipe(fields).method.n_trained(shape)
    needs = sum(memory_mb(followed, shape, portions).values())
    assert last["total"] == pytest.approx(needs, abs=0.06)


def test_an_estimate_needs_no_torch():
    code = (
        "import sys; from tunesmith.model.shape import PUBLISHED, shape_of\n"
        "from tunesmith.pipelines.memory import Portions, memory_mb\n"
        "from tunesmith.recipe import make_recipe\n"
        "shape = shape_of(PUBLISHED['meta-llama/Llama-2-7b-hf'], '7b')\n"
        "for name in ('full', 'freeze', 'lora', 'qlora'):\n"
        "    recipe = make_recipe({'data': {'path': 'x'}, 'method': name})\n"
        "    memory_mb(recipe, shape, Portions(64, 0, 64))\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_memory_and_the_limit_of_a_container_are_read(tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    2000000 kB\n")
    assert available_memory_mb(tmp_path / "meminfo", tmp_path) == pytest.approx(2048)
    (tmp_path / "memory.max").write_text("1000000000\n")
    (tmp_path / "memory.current").write_text("400000000\n")
    assert available_memory_mb(tmp_path / "meminfo", tmp_path) == pytest.approx(600)
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory_mb(tmp_path / "meminfo", tmp_path) == pytest.approx(2048)
    assert available_memory_mb(tmp_path / "nothing") is None


def test_the_command_says_what_would_fit_and_writes_nothing(recipe_fields, tmp_path, capsys):
    file = tmp_path / "mine.yaml"
    file.write_text(json.dumps(recipe_fields))
    before = sorted(tmp_path.iterdir())
    assert run(["train", str(file), "--dry-run", "--memory", "0.1"]) == 0
    out = capsys.readouterr().out
    assert "does not fit" in out and "train.micro_batch_size=2" in out
    assert run(["train", str(file), "--dry-run", "--measure", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["measured"]["peak_memory_mb"] > 100 and found["measured"]["seconds"] > 0
    assert found["measured"]["steps"] == found["steps"] == 6
    assert sorted(tmp_path.iterdir()) == before
    assert run(["train", str(file), "--measure"]) == 2


def test_the_longest_rows_are_what_is_measured(recipe_fields):
    found = measure(make_recipe(recipe_fields))
    assert found["rows_at_once"] == 3 and found["seconds_per_step"] > 0


def test_a_rate_is_found_and_no_run_is_left(recipe_fields, tmp_path):
    recipe = make_recipe({**recipe_fields, "out": str(tmp_path / "runs" / "mine")})
    found = find_lr(recipe, n_steps=60)
    assert 1e-4 < found["lr"] < 1
    rates = [r["lr"] for r in found["rates"]]
    assert rates == sorted(rates) and rates[0] == 1e-7
    files = sorted(file.name for file in (tmp_path / "runs").iterdir())
    assert files == ["mine-find-lr.html", "mine-find-lr.json"]
    assert f"optim.lr={found['lr']}" in Path(found["page"]).read_text()


@pytest.fixture
def pair_fields(recipe_fields, tmp_path, lines):
    """40 pairs of very different lengths, 30 of them to learn from."""
    rows = [
        {
            "prompt": f"{i} {'why ' * (7 * i % 40)}",
            "chosen": "so " * (1 + i % 9),
            "rejected": f"{i}",
        }
        for i in range(40)
    ]
    data = {"path": str(lines(tmp_path / "pairs.jsonl", *rows)), "validation_fraction": 0.25}
    train = {**recipe_fields["train"], "batch_size": 5, "micro_batch_size": 3}
    extra = {"template": "alpaca", "task": "preference", "train": train}
    return {**recipe_fields, "data": data, **extra}


@pytest.fixture
def joined_fields(recipe_fields, tmp_path, lines):
    """Many short documents in few full rows, the long ones at the end."""
    texts = [{"text": f"text {i} " + "and more " * (i // 5)} for i in range(60)]
    file = lines(tmp_path / "texts.jsonl", *texts)
    data = {"path": str(file), "validation_fraction": 0.25, "max_tokens": 64}
    fields = {**recipe_fields, "data": data, "template": "alpaca"}
    return {**fields, "task": {"name": "causal-lm", "documents": "joined"}}


@pytest.fixture
def trained(monkeypatch):
    """The rows, without the padding, of every trainer that is told to train."""
    seen = []
    fit = Trainer.fit

    def fit_and_tell(self, *args):
        rows = self.train_rows
        seen.append([rows.batch([i]).input_ids.tolist() for i in range(len(rows.lengths))])
        return fit(self, *args)

    monkeypatch.setattr(Trainer, "fit", fit_and_tell)
    return seen


@pytest.mark.parametrize("kind", ["pair_fields", "joined_fields"])
def test_what_is_measured_are_the_longest_rows_of_the_trainer(kind, request, trained):
    recipe = make_recipe(request.getfixturevalue(kind))
    prepared = prepare(recipe)
    split = prepared.encoded["train"]
    whole = prepared.task.rows(split, prepared.tokenizer.pad_id)
    n, size = len(whole.lengths), recipe.train.batch_size
    found = measure(recipe)
    longest = np.argsort(-prepared.task.lengths(split), kind="stable")[:size]
    assert trained == [[whole.batch([i]).input_ids.tolist() for i in longest.tolist()]]
    assert found["steps"] == dry_run(recipe)["steps"] == -(-n // size) * 2


def test_a_rate_is_looked_for_in_all_its_steps_where_a_row_is_a_pair(pair_fields, tmp_path):
    recipe = make_recipe({**pair_fields, "out": str(tmp_path / "mine")})
    assert len(find_lr(recipe, n_steps=40)["rates"]) == 40


def test_states_of_frozen_layers_are_foretold(recipe_fields):
    from tunesmith.pipelines.train import train

    method = {"name": "freeze", "layers": 0, "extra_modules": ["lm_head"]}
    fields = {**recipe_fields, "method": method}
    fields["train"] = {**fields["train"], "trunk_cache": "memory"}
    recipe = make_recipe(fields, overrides=[])
    planned = dry_run(recipe)["trunk_cache"]
    made = train(recipe).summary["trunk_cache"]
    assert planned["splits"] == made["splits"] == ["train", "validation"]
    assert planned["frozen_layers"] == made["frozen_layers"] == 2
    assert planned["mb"] == pytest.approx(made["mb"], abs=0.1)
    assert dry_run(make_recipe(recipe_fields, overrides=[]))["trunk_cache"] is None
