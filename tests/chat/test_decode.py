"""Rows in slots say what each says alone, whoever is beside them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from collections import deque  # noqa: E402

from llamas import BUILDS, network  # noqa: E402

from tunesmith.chat import generate as generation  # noqa: E402
from tunesmith.chat import schedule, shared  # noqa: E402
from tunesmith.chat.chat_model import Sampling  # noqa: E402
from tunesmith.chat.choose import choose  # noqa: E402
from tunesmith.chat.generate import generate  # noqa: E402
from tunesmith.core.errors import ModelError  # noqa: E402
from tunesmith.methods.lora import LoRA  # noqa: E402
from tunesmith.model import part_attention, ready_linear  # noqa: E402
from tunesmith.model.decoder_support import why_not  # noqa: E402
from tunesmith.model.lora_linear import adapter_off, lora_layers  # noqa: E402

END = 2
PREAMBLE = [5 + 7 * i % 90 for i in range(24)]
DOCUMENT = [5 + 11 * i % 89 for i in range(20)]


def some_prompts():
    tails = [[5 + (i * j + i) % 90 for j in range(1 + 3 * i % 14)] for i in range(9)]
    begins = ([1], [1, *PREAMBLE], [1, *PREAMBLE, *DOCUMENT[:10]])
    found = [begins[i % 3] + tail for i, tail in enumerate(tails)]
    return [*found, found[1], [1]]  # one twice, and one of a single token


LIMITS = [3, 9, 1, 14, 6, 2, 17, 8, 5, 11, 20]


def alone(model, prompts, limits):
    """What transformers' generate says, one prompt at a time."""
    found = []
    for prompt, limit in zip(prompts, limits, strict=True):
        ids = torch.tensor([prompt])
        with torch.no_grad():
            said = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=limit,
                do_sample=False,
                eos_token_id=END,
                pad_token_id=0,
            )[0, len(prompt) :].tolist()
        found.append(said[: said.index(END)] if END in said else said)
    return found


def together(model, prompts, limits, sampling=None, **options):
    *_, rows = generate(
        model,
        prompts,
        end_ids=frozenset({END}),
        sampling=sampling or Sampling(99),
        max_positions=64,
        limits=limits,
        **options,
    )
    return [row.ids for row in rows]


@pytest.fixture
def short_shares(monkeypatch):
    """Prefixes count as long from 20 tokens on, and steps are small."""
    monkeypatch.setattr(shared, "LEAST_APART", 20)
    monkeypatch.setattr(shared, "SHORTEST", 8)
    monkeypatch.setattr(schedule, "STEP_TOKENS", 13)


@pytest.mark.parametrize("build", BUILDS)
def test_every_build_says_what_it_says_alone(build, short_shares):
    model, prompts = network(build).eval(), some_prompts()
    expected = alone(model, prompts, LIMITS)
    assert together(model, prompts, LIMITS, at_once=4) == expected
    assert together(model, prompts, LIMITS, at_once=4, shares_prefixes=False) == expected


@pytest.mark.parametrize("at_once", [1, 2, 32])
def test_how_many_are_written_at_once_makes_no_difference(at_once):
    model, prompts = network().eval(), some_prompts()
    expected = alone(model, prompts, LIMITS)
    assert together(model, prompts, LIMITS, at_once=at_once) == expected
    order = [7, 3, 10, 0, 5, 2, 9, 1, 8, 4, 6]
    mixed = together(model, [prompts[i] for i in order], [LIMITS[i] for i in order], at_once=3)
    assert mixed == [expected[i] for i in order]


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_lengths_limits_and_stop_texts(data):
    model = network().eval()
    token = st.integers(3, 96)
    begins = [[1, *PREAMBLE[:9]], [1, *PREAMBLE], [1]]
    prompts = [
        data.draw(st.sampled_from(begins)) + data.draw(st.lists(token, max_size=12))
        for _ in range(data.draw(st.integers(1, 7)))
    ]
    limits = [data.draw(st.integers(0, 12)) for _ in prompts]
    stop = data.draw(token)
    options = {"is_done": lambda ids: ids[-1] % 7 == stop % 7}
    at_once = data.draw(st.integers(1, 5))
    found = list(
        generate(
            model, prompts, end_ids=frozenset({END}), sampling=Sampling(9), max_positions=64,
            limits=limits, at_once=at_once, **options,
        )
    )  # fmt: skip
    most = [min(limit, 9) for limit in limits]
    whole = alone(model, prompts, [max(1, limit) for limit in most])
    for row, said, limit in zip(found[-1] if found else (), whole, most, strict=bool(found)):
        said = said[:limit]
        cut = next((i + 1 for i, one in enumerate(said) if one % 7 == stop % 7), None)
        assert row.ids == said[:cut]
        assert row.ended == (cut is not None or len(said) < limit)


@pytest.mark.parametrize("dora", [False, True])
def test_the_chosen_adapter_writes_and_the_base_without_it(dora):
    model, prompts = network(), some_prompts()
    base = alone(model.eval(), prompts, LIMITS)
    LoRA(rank=4, dora=dora).apply(model)
    torch.manual_seed(1)
    with torch.no_grad():
        for _, layer in lora_layers(model):
            layer.lora_B += 0.5 * torch.randn_like(layer.lora_B)
    model.eval()
    tuned = alone(model, prompts, LIMITS)
    assert tuned != base
    assert together(model, prompts, LIMITS, at_once=3) == tuned
    off = {"around_forward": lambda: adapter_off(model)}
    assert together(model, prompts, LIMITS, at_once=3, **off) == base


@pytest.mark.slow
def test_weights_in_four_bits(tiny):
    pytest.importorskip("bitsandbytes")
    from tunesmith.methods.qlora import QLoRA
    from tunesmith.model.load import load_model
    from tunesmith.model.spec import Model

    options = QLoRA().load_options(torch.float32)
    model = load_model(Model(path=str(tiny)), device=torch.device("cpu"), options=options).eval()
    prompts = some_prompts()
    assert why_not(model, 64) is None
    assert together(model, prompts, LIMITS) == alone(model, prompts, LIMITS)


def test_the_same_draws_whoever_is_beside():
    model, prompts = network().eval(), some_prompts()
    drawn = Sampling(99, temperature=1.0, top_p=0.9, seed=3)
    first = together(model, prompts, LIMITS, drawn, at_once=4)
    assert together(model, prompts, LIMITS, drawn, at_once=4) == first
    assert together(model, prompts, LIMITS, drawn, at_once=1) == first
    assert first[1][:5] != first[9][:5]  # the same prompt twice: drawn apart
    seeds = list(range(len(prompts)))
    own = together(model, prompts, LIMITS, drawn, seeds=seeds)
    assert together(model, prompts[3:], LIMITS[3:], drawn, seeds=seeds[3:]) == own[3:]


def test_both_ways_of_writing_draw_alike(monkeypatch):
    model, prompts = network().eval(), some_prompts()
    drawn = Sampling(99, temperature=1.0, seed=3)
    ours = together(model, prompts, LIMITS, drawn, at_once=4)
    monkeypatch.setattr(generation, "why_not", lambda *_: "for the test")
    assert together(model, prompts, LIMITS, drawn, at_once=4) == ours


def test_a_step_takes_no_more_of_prompts_than_it_may(monkeypatch):
    monkeypatch.setattr(schedule, "STEP_TOKENS", 10)
    prompts = [[1, *range(number, number + 37)] for number in range(3, 60, 7)]
    ways = shared.find_ways(prompts, range(len(prompts)))
    plan = schedule.Schedule(prompts, ways, 3, deque(ways.order))
    n_prompt_tokens = 0
    while not plan.is_done:
        step = plan.next()
        seated = {work.seat.slot for work in step if work.seat is not None}
        taken = sum(len(work.ids) for work in step if not _is_written(work))
        assert taken <= 10 and seated <= {0, 1, 2}
        n_prompt_tokens += taken
        for work in step:
            if work.is_asked and work.seat is not None:
                work.seat.next_id = 4
                if work.seat.n_known > 40:
                    plan.leave(work.seat)
        plan.close_up(lambda seat, slot: None)
    assert n_prompt_tokens == sum(map(len, prompts))


def _is_written(work):
    return work.seat is not None and work.seat.next_id is not None


def test_what_is_shared_is_told_once():
    document, other = list(range(100, 400)), list(range(500, 600))
    prompts = [[1, *document, 7, 8], [1, *document, 9], [1, *other, 7], [1, *other, 8], [1, 50]]
    ways = shared.find_ways(prompts, range(5))
    (one,), (two,) = ways.of[0], ways.of[2]
    assert ways.of[1] == (one,) and ways.of[3] == (two,) and ways.of[4] == ()
    assert one.ids == [1, *document] and two.ids == [1, *other]
    assert ways.order == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("causal", [False, True])
def test_a_part_is_the_same_on_any_device(causal):
    torch.manual_seed(0)
    query, key, value = torch.randn(5, 2, 3, 8), torch.randn(2, 5, 8), torch.randn(2, 5, 8)
    found, norms = part_attention.part(query, key, value, 0.3, causal=causal)
    plain, plain_norms = part_attention._plain(query.permute(1, 2, 0, 3), key, value, 0.3, causal)
    torch.testing.assert_close(found, plain)
    torch.testing.assert_close(norms, plain_norms)


def test_two_parts_are_the_whole():
    torch.manual_seed(0)
    query, key, value = torch.randn(5, 2, 3, 8), torch.randn(2, 9, 8), torch.randn(2, 9, 8)
    whole = part_attention.part(query, key, value, 0.3)
    one = part_attention.part(query, key[:, :4], value[:, :4], 0.3)
    other = part_attention.part(query, key[:, 4:], value[:, 4:], 0.3)
    for ours, theirs in zip(part_attention.joined(one, other), whole, strict=True):
        torch.testing.assert_close(ours, theirs)


LENGTHENED = {
    "dynamic": ("Llama", {**BUILDS["dynamic angles"][1], "max_position_embeddings": 16}),
    "longrope": (
        "Llama",
        {
            "rope_parameters": {
                "rope_type": "longrope",
                "rope_theta": 1e4,
                "factor": 4.0,
                "original_max_position_embeddings": 16,
                "short_factor": [1.0] * 4,
                "long_factor": [1.0, 2.0, 4.0, 8.0],
            }
        },
    ),
}


@pytest.mark.parametrize("kind", LENGTHENED)
def test_angles_that_depend_on_a_rows_length_are_those_of_it_alone(kind, monkeypatch):
    monkeypatch.setitem(BUILDS, kind, LENGTHENED[kind])
    prompts = [[1, *range(5, 45)], [1, 9], [1, *range(30, 50)], [1, *range(40, 58)], [1, 7, 8]]
    limits = [20] * len(prompts)
    expected = [
        alone(network(kind, seed=3).eval(), [prompt], [20])[0]  # a new one: it remembers long rows
        for prompt in prompts
    ]
    model = network(kind, seed=3).eval()
    assert together(model, prompts, limits) == expected
    assert together(model, prompts, limits) == expected


@pytest.mark.parametrize("build", ["llama", "dynamic angles"])
@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_logits_that_are_no_finite_numbers_are_told(build, temperature):
    model = network(build).eval()
    with torch.no_grad():
        model.base_model.layers[1].mlp.down_proj.weight[3, 3] = torch.nan
    sampling = Sampling(99, temperature=temperature)
    with pytest.raises(ModelError, match="logits are not finite numbers"):
        together(model, some_prompts(), LIMITS, sampling)


def test_a_token_that_is_ruled_out_is_no_damage():
    logits = torch.tensor([[0.0, 2.0, -torch.inf]])
    assert choose(logits, Sampling(), ()).tolist() == [1]
    with pytest.raises(ModelError):
        choose(torch.full((1, 3), -torch.inf), Sampling(), ())


@pytest.mark.parametrize("build", ["llama", "dynamic angles"])
def test_a_model_without_end_tokens_writes_to_the_limits(build):
    *_, rows = generate(
        network(build).eval(),
        [[1, 9], [1]],
        end_ids=frozenset(),
        sampling=Sampling(5),
        max_positions=64,
    )
    assert [len(row.ids) for row in rows] == [5, 5]


@pytest.mark.parametrize("causal", [True, False])
def test_attention_of_blocks_of_queries_is_that_of_all_at_once(causal, monkeypatch):
    torch.manual_seed(0)
    n_keys = 37 if causal else 50
    query = torch.randn(37, 2, 3, 8)
    key, value = torch.randn(2, 2, n_keys, 8)
    sizes = []
    product = torch.matmul

    def matmul(one, other):
        sizes.append(one.shape[2])
        return product(one, other)

    monkeypatch.setattr(part_attention, "QUERIES_AT_ONCE", 10)
    monkeypatch.setattr(torch, "matmul", matmul)
    found = part_attention._plain(query.permute(1, 2, 0, 3), key, value, 0.3, causal)
    expected = part_attention.part(query, key, value, 0.3, causal=causal)
    assert max(sizes) == 10
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_products_in_bfloat16_have_few_shapes(monkeypatch):
    model, shapes = network().to(torch.bfloat16).eval(), set()
    product = ready_linear.functional.linear

    def linear(x, *rest):
        shapes.add(len(x))
        return product(x, *rest)

    monkeypatch.setattr(ready_linear.functional, "linear", linear)
    found = together(model, some_prompts(), LIMITS)
    assert {n for n in shapes if n >= 8} and all(n < 8 or n % 16 == 0 for n in shapes)
    monkeypatch.setattr(ready_linear, "BFLOAT16_UNIT", 1)
    assert together(model, some_prompts(), LIMITS) == found
