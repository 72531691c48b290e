"""Each fast path on and off, with each method, however a step is divided: what transformers gives.

The truth is transformers' own forward of one row after another in float64, with all logits, and
torch's functions of them.
"""

from __future__ import annotations

import copy
import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from llamas import assert_alike  # noqa: E402
from torch.nn.functional import cross_entropy, logsigmoid  # noqa: E402

from tunesmith.core.runs import Run  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.frozen_products import adds_up_exactly  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.trunk_cache import trunk_record  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training.shared_rows import sharing_of  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(torch.cuda.is_available(), reason="for processors"),
]

PROMPT = "Tell me all that you know about kettles that leak, " * 2
METHODS: dict[str, dict[str, Any]] = {
    "freeze": {"name": "freeze", "layers": 1},
    "lora": {"name": "lora", "rank": 4},
    "full": {"name": "full"},
}
TASKS: dict[str, tuple[dict[str, Any], list[dict[str, str]]]] = {
    "sft": (
        {"task": "sft", "template": "alpaca"},
        [
            {
                "instruction": f"{'AB'[i % 2] * 3} {PROMPT}",
                "input": f"Kettle {i}",
                "output": f"It leaks {'so ' * (i % 5)}",
            }
            for i in range(10)
        ],
    ),
    "dpo": (
        {"task": "preference", "template": "alpaca", "objective": "dpo"},
        [
            {
                "prompt": f"{PROMPT}{i % 3} {'and more ' * (i % 3)}",
                "chosen": f"A good answer {'indeed ' * (i * 3 % 5)}",
                "rejected": f"No {'never ' * (i % 4)}{i}",
            }
            for i in range(10)
        ],
    ),
}
STEP = 8
"""Rows of the step that is computed."""
BFLOAT16 = float(torch.finfo(torch.bfloat16).eps) / 2
"""Most that one number is off by, as a share of it, when it is rounded."""
INT8 = math.sqrt(2) * 3 / (127 * math.sqrt(12))
"""What a product of two rounded matrices is off by, as a share: each number by an even draw within
half a level, of which there are 127 up to a row's largest, which is about three deviations."""
OF_A_LAYER = math.sqrt(7)
"""Seven products that are off independently; what comes from other layers comes through the
residual, to which each adds little."""


@dataclass
class Found:
    """A step's loss per target and its gradients."""

    loss: float
    gradients: dict[str, torch.Tensor]


@dataclass
class Case:
    """A recipe without its ways, its encoded rows, and the truth about its first step."""

    fields: dict[str, Any]
    prepared: Any
    truth: Found = field(init=False)

    def trainer(self, folder, *, kept="off", **ways):
        """A trainer that goes these ways, its trained weights away from their start."""
        train = {"batch_size": STEP, "tokens_at_once": 300, "trunk_cache": kept, "epochs": 3}
        recipe = make_recipe({**self.fields, "train": {**train, **ways}})
        run = Run(folder("run"))
        trainer = build_trainer(recipe, self.prepared, None, run)
        decided = trunk_record(run) or {"splits": []}
        assert bool(decided["splits"]) == (kept != "off")
        disturb(trainer.parameters)
        return trainer


def disturb(parameters):
    draw = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for _, parameter in sorted(parameters.items()):
            parameter += 0.05 * torch.randn(parameter.shape, generator=draw).to(parameter)


def log_probabilities(network, split, row):
    """Of the answer's tokens in one row, with their weights."""
    ids, weights = (torch.from_numpy(array.copy()) for array in split.arrays(row))
    logits = network(input_ids=ids[None].long()).logits[0, :-1]
    return -cross_entropy(logits, ids[1:].long(), reduction="none"), weights[1:].double()


def losses(network, reference, split, step, task):
    """Loss of each row or pair, and what it counts for."""
    for row in step:
        if task == "sft":
            logps, weights = log_probabilities(network, split, row)
            yield -(logps * weights).sum(), float(weights.sum())
            continue
        margins = []
        for place in (2 * row, 2 * row + 1):
            logps, weights = log_probabilities(network, split, place)
            with torch.no_grad():
                before, _ = log_probabilities(reference, split, place)
            margins.append(((logps - before) * weights).sum())
        yield -logsigmoid(0.1 * (margins[0] - margins[1])), 1.0


def truth_of(case, trainer, reference, task):
    """What the module's first words say."""
    network = copy.deepcopy(trainer.model.model).double().train()
    names = {id(p): n for n, p in trainer.model.model.named_parameters()}
    parameters = dict(network.named_parameters())
    step = [row for micro in trainer.steps.micro_batches(0) for row in micro]
    total, count = torch.zeros((), dtype=torch.float64), 0.0
    for loss, n in losses(network, reference, case.prepared.encoded["train"], step, task):
        loss.backward()
        total, count = total + loss.detach(), count + n
    gradients = {
        name: (parameters[names[id(p)]].grad / count).float()
        for name, p in trainer.parameters.items()
    }
    return Found(float(total) / count, gradients)


@pytest.fixture
def case(recipe_fields, tmp_path, tmp_path_factory, lines, task, method, monkeypatch):
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))
    changed, rows = TASKS[task]
    file = lines(tmp_path / "rows.jsonl", *rows)
    data = {"path": str(file), "validation_fraction": 0.2}
    fields = {**recipe_fields, **changed, "data": data, "method": METHODS[method]}
    made = Case(fields, prepare(make_recipe(fields)))
    ways = {"fused": False, "share_prefixes": False, "packing": False}
    trainer = made.trainer(tmp_path_factory.mktemp, **ways)
    # Adapters start as nothing; what else trains is taken back to where it started.
    start = build_trainer(make_recipe({**fields, "train": ways}), made.prepared, None)
    made.truth = truth_of(made, trainer, start.model.model.double().eval(), task)
    return made


def ways_of(method):
    """Fused or not, shared, packed, computed again, and where states are kept.

    Of the ways with kept states half, so that each four of the five meet in all forms.
    """
    both, places = (True, False), ("off", "memory") if method == "freeze" else ("off",)
    for shares, packs in itertools.product(both, both):
        yield False, shares, packs, False, "off"
        for again, kept in itertools.product(both, places):
            if len(places) == 1 or (shares + packs + again + (kept == "off")) % 2:
                yield True, shares, packs, again, kept


def divisions(trainer):
    """A step as it is planned, whole, and as it is arranged."""
    planned = trainer.steps.planned(0)[0]
    found = [planned, [[row for micro in planned for row in micro]]]
    return found if trainer.steps.arrange is None else [*found, trainer.steps.arrange(planned)]


def computed(trainer, rows):
    for parameter in trainer.parameters.values():
        parameter.grad = None
    n_targets, total, _, _ = trainer._accumulate(0, rows)
    gradients = {name: p.grad.clone() for name, p in trainer.parameters.items()}
    return Found(float(total) / n_targets, gradients)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", METHODS)
def test_every_way_gives_what_transformers_gives(case, method, task, tmp_path_factory):
    saved, n_arranged, n_micro_batches = [], 0, 0
    for fused, shares, packs, again, kept in ways_of(method):
        trainer = case.trainer(
            tmp_path_factory.mktemp,
            fused=fused,
            share_prefixes=shares,
            packing=packs,
            gradient_checkpointing=again,
            kept=kept,
        )
        for rows in divisions(trainer):
            found = computed(trainer, rows)
            assert found.loss == pytest.approx(case.truth.loss, rel=1e-5)
            assert_alike(found.gradients, case.truth.gradients)
        planned = trainer.steps.planned(0)[0]
        n_micro_batches = max(n_micro_batches, len(planned))
        n_arranged += (
            trainer.steps.arrange is not None and trainer.steps.arrange(planned) != planned
        )
        sharing = sharing_of(trainer.train_rows)
        saved.append(0.0 if sharing is None else sharing.saved_fraction)
    assert n_micro_batches > 1 and max(saved) > 0.1
    assert task == "dpo" or n_arranged


def distance(found, truth):
    """Of all gradients together, by their length."""
    apart = [(found.gradients[n] - g).flatten() for n, g in truth.gradients.items()]
    length = torch.cat([g.flatten() for g in truth.gradients.values()]).norm()
    return float(torch.cat(apart).norm() / length)


def rounded(case, factory, **ways):
    """How far loss and gradients of the first step are from the truth, as shares of it."""
    trainer = case.trainer(factory.mktemp, **ways)
    found = computed(trainer, trainer.steps.micro_batches(0))
    return abs(found.loss / case.truth.loss - 1), distance(found, case.truth)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", METHODS)
def test_in_bfloat16_every_way_is_as_near_as_its_rounding(case, method, task, tmp_path_factory):
    narrow = {"precision": "bfloat16", "share_prefixes": False, "packing": False}
    _, theirs = rounded(case, tmp_path_factory, **narrow, fused=False)
    for shares, packs in itertools.product((True, False), (True, False)):
        ways = {"share_prefixes": shares, "packing": packs, "gradient_checkpointing": shares}
        off, apart = rounded(case, tmp_path_factory, **{**narrow, **ways})
        assert off < BFLOAT16, ways
        assert 1e-4 < apart < min(1.1 * theirs, BFLOAT16 * OF_A_LAYER), ways


@pytest.mark.skipif(not adds_up_exactly(), reason="products of eight bits overflow here")
@pytest.mark.parametrize("task", ["sft"])
@pytest.mark.parametrize("method", ["lora"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_in_eight_bits_every_way_is_as_near_as_its_rounding(
    case, method, task, precision, tmp_path_factory
):
    bound = (INT8 + (BFLOAT16 if precision == "bfloat16" else 0)) * OF_A_LAYER
    for shares, packs in itertools.product((True, False), (True, False)):
        ways = {"share_prefixes": shares, "packing": packs, "gradient_checkpointing": shares}
        given = {"precision": precision, "frozen_products": "int8"}
        off, apart = rounded(case, tmp_path_factory, **given, **ways)
        assert off < INT8, ways
        assert 1e-4 < apart < bound, ways
