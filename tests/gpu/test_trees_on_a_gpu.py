"""Trees of rows on one CUDA device give what they give on the CPU; skipped where there is none."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]

from tunesmith.model.attention import attend  # noqa: E402
from tunesmith.model.segments import Segments, attend_within  # noqa: E402
from tunesmith.model.ways import gathered, ways_of  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training.shared_rows import sharing_of  # noqa: E402

LENGTHS, PARENTS = (40, 9, 30, 3, 20), (-1, 0, 0, 2, -1)
PROMPT = "Tell me all that you know about kettles that leak, " * 2


def on_trees(query, key, value, segments):
    """As the layers ask for it: in one kernel call in 16 bits, piece by piece in float32."""
    q, k, v = (t.transpose(0, 1)[None] for t in (query, key, value))  # [1, H, T, D]
    return attend(torch.nn.Module(), q, k, v, None, segments)[0][0]


@pytest.mark.parametrize("way", [attend_within, on_trees], ids=["piecewise", "as asked"])
@pytest.mark.parametrize("key_heads", [2, 8])
@pytest.mark.parametrize(
    ("dtype", "close"), [("float32", 1e-4), ("bfloat16", 3e-2), ("float16", 1e-2)]
)
def test_values_and_gradients_are_those_of_the_cpu(dtype, close, key_heads, way):
    starts = torch.tensor([0, *LENGTHS]).cumsum(0).int()
    torch.manual_seed(0)
    given = [torch.randn(sum(LENGTHS), heads, 64) for heads in (8, key_heads, key_heads)]
    weights = torch.randn_like(given[0])
    found = []
    for device, kind in (("cpu", "float32"), ("cuda", dtype)):
        q, k, v = (t.to(device, getattr(torch, kind)).requires_grad_() for t in given)
        mixed = way(q, k, v, Segments(LENGTHS, starts.to(device), PARENTS))
        loss = (mixed.float() * weights.to(device)).sum()
        gradients = torch.autograd.grad(loss, (q, k, v))
        found.append([t.detach().float().cpu() for t in (mixed, *gradients)])
    for cpu, gpu in zip(*found, strict=True):
        assert float((cpu - gpu).norm() / cpu.norm()) < close


def test_gradients_of_what_is_shared_are_the_same_each_time():
    """Many rows go through the first piece; what order they are added up in shows in float32."""
    ways = ways_of((64, *[16] * 200), (-1, *[0] * 200))
    arrays = (ways.places, ways.order, ways.groups)
    by_token = [torch.from_numpy(array.copy()).cuda() for array in arrays]
    states = torch.randn(64 + 200 * 16, 4, 64, device="cuda", requires_grad=True)
    parts = torch.randn(len(ways.places), 4, 64, device="cuda")
    first, *others = (
        torch.autograd.grad(gathered(states, *by_token), states, parts)[0] for _ in range(10)
    )
    assert all(torch.equal(first, other) for other in others)
    plain = torch.zeros_like(first).index_add_(0, by_token[0], parts)
    torch.testing.assert_close(first, plain, atol=1e-4, rtol=1e-4)


class Watcher:
    def __init__(self):
        self.losses = []

    def step_done(self, values):
        self.losses.append(values["loss"])

    def evaluated(self, values):
        self.losses.append(values["eval_loss"])

    def save(self, checkpoint): ...


@pytest.mark.parametrize(("precision", "close"), [("float32", 1e-4), ("bfloat16", 2e-2)])
@pytest.mark.parametrize("objective", ["dpo", "simpo"])
def test_a_run_over_pairs_learns_the_same(
    recipe_fields, tmp_path, lines, precision, close, objective
):
    """Of DPO the reference pass is made over trees too."""
    records = [
        {
            "prompt": f"{PROMPT}{i % 7}",
            "chosen": f"A good answer {'indeed ' * (i * 3 % 5)}",
            "rejected": f"No {'never ' * (i % 4)}{i}",
        }
        for i in range(16)
    ]
    fields = {
        **recipe_fields,
        "task": "preference",
        "objective": objective,
        "template": "alpaca",
        "data": {"path": str(lines(tmp_path / "pairs.jsonl", *records))},
        "method": {"name": "lora", "rank": 4},
    }
    fields["data"]["validation_fraction"] = 0.25
    found = {}
    for shares in (True, False):
        changed = {"share_prefixes": shares, "precision": precision, "epochs": 1}
        recipe = make_recipe({**fields, "train": {**fields["train"], **changed}})
        watcher = Watcher()
        trainer = build_trainer(recipe, prepare(recipe), watcher)
        trainer.fit()
        sharing = sharing_of(trainer.train_rows)
        assert (sharing is not None) == shares
        assert sharing is None or sharing.saved_fraction > 0.2
        found[shares] = watcher.losses
    assert found[True] == pytest.approx(found[False], rel=close)
