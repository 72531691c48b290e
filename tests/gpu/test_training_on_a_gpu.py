"""Training on one CUDA device; skipped where there is none."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]

import tunesmith  # noqa: E402
from tunesmith.chat.chat_model import Sampling  # noqa: E402
from tunesmith.core.errors import RecipeError  # noqa: E402
from tunesmith.core.examples import Conversation, Message  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_run_learns_merges_and_answers(recipe_fields, tmp_path, precision, method):
    fields = {**recipe_fields, "method": method}
    fields["train"] = {**fields["train"], "precision": precision}
    run = tunesmith.train(make_recipe(fields))
    assert run.summary["eval_loss_best"] < run.summary["eval_loss_first"]
    asked = [Conversation((Message("user", "Sum up.", "It leaks."),), "f:1")]
    answers = tunesmith.load(run).complete(asked * 3, Sampling(max_new_tokens=8))
    assert len({answer.text for answer in answers}) == 1
    tunesmith.merge(run, tmp_path / "merged")


def test_losses_are_those_of_the_cpu(recipe_fields, tmp_path, monkeypatch):
    fields = {**recipe_fields, "method": {"name": "lora", "rank": 4}}
    fields["train"] = {**fields["train"], "precision": "float32"}
    fields["model"] = {**fields["model"], "dtype": "float32"}
    gpu = tunesmith.train(make_recipe({**fields, "out": str(tmp_path / "gpu")})).summary
    cpu_device = torch.device("cpu")
    monkeypatch.setattr("tunesmith.model.device.default_device", lambda: cpu_device)
    cpu = tunesmith.train(make_recipe({**fields, "out": str(tmp_path / "cpu")})).summary
    for key in ("eval_loss_first", "eval_loss_best"):
        assert gpu[key] == pytest.approx(cpu[key], rel=1e-3)


def test_packed_rows_attend_as_each_row_alone():
    """The variable-length kernel, with fewer heads of keys than of queries."""
    from tunesmith.model.attention import attend
    from tunesmith.model.segments import Segments

    lengths, options = (5, 1, 40, 17), {"scaling": 8**-0.5, "dropout": 0.0}
    q, k, v = (
        torch.randn(1, heads, sum(lengths), 64, device="cuda", dtype=torch.bfloat16)
        for heads in (4, 2, 2)
    )
    module = torch.nn.Module()
    module.num_key_value_groups, module.is_causal = 2, True
    starts = torch.tensor([0, *lengths], device="cuda").cumsum(0).int()
    packed, _ = attend(module, q, k, v, None, Segments(lengths, starts), **options)
    parts = zip(*(t.split(lengths, 2) for t in (q, k, v)), strict=True)
    alone = torch.cat([attend(module, *part, None, **options)[0] for part in parts], 1)
    torch.testing.assert_close(packed, alone, atol=2e-2, rtol=2e-2)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_nothing_waits_for_the_device_between_log_points(recipe_fields, method):
    from tunesmith.pipelines.build_trainer import build_trainer
    from tunesmith.pipelines.prepare import prepare

    recipe = make_recipe({**recipe_fields, "method": method})
    trainer = build_trainer(recipe, prepare(recipe), None)
    trainer._step(0)  # kernels are chosen, and the optimizer makes its state
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for step in (1, 2):
            trainer._unread.append(trainer._step(step))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    torch.cuda.synchronize()


def losses(run):
    return [line.get("loss", line.get("eval_loss")) for line in run.lines("metrics.jsonl")]


@pytest.mark.parametrize(
    "method",
    [
        {"name": "freeze", "layers": 1},
        {"name": "freeze", "layers": 0, "extra_modules": ["lm_head"]},
    ],
    ids=["last layer", "head only"],
)
@pytest.mark.parametrize("where", ["memory", "disk"])
def test_kept_states_of_frozen_layers_teach_the_same(
    recipe_fields, tmp_path, monkeypatch, method, where
):
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))
    found = {}
    for cache in ("off", where):
        changed = {"precision": "float32", "trunk_cache": cache}
        fields = {**recipe_fields, "method": method, "out": str(tmp_path / cache)}
        fields["model"] = {**fields["model"], "dtype": "float32"}
        fields["train"] = {**fields["train"], **changed}
        found[cache] = losses(tunesmith.train(make_recipe(fields)))
    assert found[where] == pytest.approx(found["off"], rel=1e-4)


def test_products_in_eight_bits_are_refused_with_the_reason(recipe_fields):
    fields = {**recipe_fields, "method": {"name": "lora", "rank": 4}}
    fields["train"] = {**fields["train"], "frozen_products": "int8"}
    with pytest.raises(RecipeError, match=r"for processors, and this runs on cuda.*exact"):
        tunesmith.train(make_recipe(fields))


def test_batches_made_ahead_are_the_same(recipe_fields):
    from tunesmith.pipelines.build_trainer import build_trainer
    from tunesmith.pipelines.prepare import prepare

    found = {}
    for ahead in (True, False):
        fields = {**recipe_fields, "method": {"name": "lora", "rank": 4}}
        fields["train"] = {**fields["train"], "precision": "float32"}
        recipe = make_recipe(fields)
        trainer = build_trainer(recipe, prepare(recipe), None)
        assert trainer.ahead.runs
        trainer.ahead.runs = ahead
        found[ahead] = [trainer._step(step).loss for step in range(4)]
    for ours, theirs in zip(found[True], found[False], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_a_copy_waits_for_nobody_and_holds_what_was():
    from tunesmith.training.host_copy import HostCopy

    weight = torch.randn(4096, 4096, device="cuda")
    wanted = weight.cpu()
    copies = HostCopy()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        found = [copies.of(weight), copies.of(weight.t())]
        copies.end()
        weight.zero_()  # the next step, in place
    finally:
        torch.cuda.set_sync_debug_mode("default")
    copies.wait()
    assert found[0].is_pinned() and found[1].is_contiguous()
    assert torch.equal(found[0], wanted) and torch.equal(found[1], wanted.t())


def test_a_trial_says_which_kernels_run(monkeypatch, tmp_path):
    pytest.importorskip("triton")
    from tunesmith.model.kernels import choice, trial

    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path))
    monkeypatch.delenv(choice.VARIABLE, raising=False)
    trial.winners.cache_clear()
    device = torch.device("cuda", torch.cuda.current_device())
    assert trial.settle(device) is not None
    found = trial._kept(trial._key(device))
    assert found is not None and len(found) == 7
    assert not [one for one in found.values() if "failed" in one]
    assert all(one["difference"] < trial.MOST_APART for one in found.values())
    assert choice._wanted(device) == trial.winning(found)
    trial.winners.cache_clear()
