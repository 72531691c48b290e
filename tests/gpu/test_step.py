"""One step on a CUDA device against the plain way in float32; skipped where there is none."""

from __future__ import annotations

import os

import pytest

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]
os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")  # Triton 3.9 warns where it is not set

import numpy as np  # noqa: E402

from tunesmith.methods import METHODS  # noqa: E402
from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.packed import packed  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402
from tunesmith.model.task_model import TaskModel  # noqa: E402
from tunesmith.objectives import OBJECTIVES  # noqa: E402
from tunesmith.tasks.collate import collate  # noqa: E402
from tunesmith.training.placement import autocast  # noqa: E402

METHOD_FIELDS = {
    "lora": {"name": "lora", "rank": 4},
    "pissa": {"name": "lora", "rank": 4, "init": "pissa", "init_iterations": -1},
    "dora": {"name": "lora", "rank": 4, "dora": True},
    "full": {"name": "full"},
    "freeze": {"name": "freeze", "layers": 1},
    "qlora, each pass": {"name": "qlora", "rank": 4, "write_out": "each_pass"},
    "qlora, once": {"name": "qlora", "rank": 4, "write_out": "once"},
}


def examples():
    draw = np.random.default_rng(0)
    lengths = (40, 3, 71, 17)
    return [
        (draw.integers(3, 200, n), (np.arange(n) >= n // 2).astype(np.float32)) for n in lengths
    ]


def step(tiny, method, precision, *, fused, is_packed=True, dropout=0.0, seed=1):
    """The loss and the gradients of one batch, by name, in float32 on the host."""
    fields = METHOD_FIELDS[method]
    method = METHODS.parse({**fields, "dropout": dropout} if dropout else fields)
    device = torch.device("cuda")
    held = torch.float32 if method.name in ("full", "freeze") else precision
    spec = Model(path=str(tiny), dtype="float32" if held == torch.float32 else "bfloat16")
    options = method.load_options(precision)
    model = load_model(spec, device=device, options=options, seed=1)
    torch.manual_seed(1)
    method.apply(model)
    model.to(device)
    with torch.no_grad():  # updates that are not zero
        draw = torch.Generator().manual_seed(2)
        for name, parameter in sorted(model.named_parameters()):
            if parameter.requires_grad and "lora_B" in name:
                noise = torch.randn(parameter.shape, generator=draw) * 0.02
                parameter += noise.to(parameter)
    network = TaskModel(model, OBJECTIVES.parse({"name": "tokens"}), fused=fused).train()
    batch = collate(examples(), 0)
    batch = packed(batch) if is_packed else batch
    torch.manual_seed(seed)
    with autocast(device, precision):
        found = network(batch.to(device))
    found.total.backward()
    gradients = {n: p.grad.float().cpu() for n, p in model.named_parameters() if p.requires_grad}
    return found.total.item() / batch.n_targets, gradients


def error(found, wanted):
    assert found.keys() == wanted.keys()
    assert all(torch.isfinite(g).all() for g in found.values())
    difference = sum((found[n] - wanted[n]).square().sum() for n in wanted)
    return float((difference / sum(g.square().sum() for g in wanted.values())).sqrt())


@pytest.fixture(autouse=True)
def every_kernel(monkeypatch):
    """Whatever a trial has found to win: here all of them are compared."""
    monkeypatch.setenv("TUNESMITH_KERNELS", "all")


@pytest.fixture(autouse=True)
def exact_products():
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32 = before


@pytest.mark.parametrize("is_packed", [True, False], ids=["packed", "padded"])
@pytest.mark.parametrize("method", METHOD_FIELDS)
def test_in_float32_it_is_the_plain_way(tiny, method, is_packed):
    if method.startswith("qlora"):
        pytest.importorskip("bitsandbytes")
    loss, gradients = step(tiny, method, torch.float32, fused=True, is_packed=is_packed)
    wanted, theirs = step(tiny, method, torch.float32, fused=False, is_packed=is_packed)
    assert loss == pytest.approx(wanted, rel=1e-5)
    assert error(gradients, theirs) < 1e-4


@pytest.mark.parametrize("method", METHOD_FIELDS)
def test_in_bfloat16_it_is_as_near_as_autocast_comes(tiny, method):
    if method.startswith("qlora"):
        pytest.importorskip("bitsandbytes")
    wanted, exact = step(tiny, method, torch.float32, fused=False)
    loss, gradients = step(tiny, method, torch.bfloat16, fused=True)
    _, theirs = step(tiny, method, torch.bfloat16, fused=False)
    assert loss == pytest.approx(wanted, rel=1e-2)
    assert error(gradients, exact) < 1.3 * error(theirs, exact) + 2e-3


def test_dropout_draws_what_its_seed_says(tiny):
    found = [
        step(tiny, "lora", torch.float32, fused=True, dropout=0.25, seed=seed)[1]
        for seed in (3, 3, 4)
    ]
    assert error(found[1], found[0]) < 1e-5
    assert error(found[2], found[0]) > 0.05


def test_dropout_leaves_what_peft_leaves_in_the_mean(tiny):
    """Other draws than PEFT's, of one distribution: means over many come together."""
    means = {}
    for fused in (True, False):
        drawn = [
            step(tiny, "lora", torch.float32, fused=fused, dropout=0.25, seed=100 + seed)[1]
            for seed in range(48)
        ]
        means[fused] = {name: sum(one[name] for one in drawn) / len(drawn) for name in drawn[0]}
    _, without = step(tiny, "lora", torch.float32, fused=True)
    assert error(means[True], means[False]) < 0.2
    assert error(means[True], without) < 0.2


def test_with_kernels_and_without_it_is_the_same(tiny, monkeypatch):
    _, with_them = step(tiny, "lora", torch.float32, fused=True)
    monkeypatch.setenv("TUNESMITH_KERNELS", "none")
    _, without = step(tiny, "lora", torch.float32, fused=True)
    assert error(with_them, without) < 1e-5


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_killed_run_goes_on_to_the_same_bits(recipe_fields, method, monkeypatch, tmp_path):
    """With torch's deterministic algorithms, which its children switch on as they start."""
    from tunesmith.pipelines.verify_resume import verify_resume
    from tunesmith.recipe import make_recipe

    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    switch = "import torch\ntorch.use_deterministic_algorithms(True, warn_only=True)\n"
    (tmp_path / "sitecustomize.py").write_text(switch)
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    fields = {**recipe_fields, "method": method}
    fields["train"] = {**fields["train"], "precision": "float32"}
    found = verify_resume(make_recipe(fields), steps=2)
    assert found["exact"], found["compared"]
