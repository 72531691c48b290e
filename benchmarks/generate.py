"""Generation for evaluation beside transformers': tokens a second over the same 200 prompts.

    python benchmarks/generate.py --out RESULTS.json     all of it, about ten minutes on two cores
    python benchmarks/generate.py --quick                few prompts, one round, nothing written
    python benchmarks/generate.py --page RESULTS.json    docs/reference/generation-speed.md

All contenders of a row have the same weights in memory, in one process, and take turns. Prompts are
dialogues of DialogSum; an answer has as many tokens as the dialogue's real summary, whatever the
model says, so that all write the same number. Of the slow ones a share of the prompts is measured
in every round, evenly drawn.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
from measure import machine

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("TUNESMITH_SHARED", ROOT.parent / "shared")) / "data"
DIALOGSUM = SHARED / "dialogsum"
STORIES = SHARED / "models" / "stories260K-hf"
REQUEST = "Summarize the following dialogue.\n\n{dialogue}\n\nSummary:\n"
ROOM = 2048
PATIENCE_S = 120
ONE, CONTINUOUS, OURS, APART, FEW, FEW_APART = (
    "transformers, one at a time",
    "transformers, continuous batching",
    "tunesmith",
    "tunesmith, nothing shared",
    "tunesmith, few-shot preamble",
    "tunesmith, few-shot preamble not shared",
)
GOALS = ((ONE, 5.0), ("transformers, batches", 1.3))


@dataclass(frozen=True)
class Material:
    """Prompts of one model with the number of tokens each answer gets."""

    prompts: list[list[int]]
    limits: list[int]
    preamble: list[int]
    positions: int


def main(arguments: list[str] | None = None) -> None:
    """Measures and writes the results, or the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=["110M", "stories260K"])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--page", type=Path, metavar="RESULTS", help="write the docs; no measuring")
    chosen = parser.parse_args(arguments)
    if chosen.page:
        from generate_page import write_page

        write_page(chosen.page)
        return
    if chosen.quick:
        chosen.rounds, chosen.prompts = 1, min(chosen.prompts, 16)
    torch.set_num_threads(chosen.threads)
    results: dict[str, Any] = {
        "what": "generation beside transformers",
        "machine": machine(),
        "threads": chosen.threads,
        "rows": {},
    }
    for name in chosen.only or ("110M", "stories260K"):
        results["rows"][name] = measured(name, chosen.prompts, chosen.rounds)
        if chosen.out:
            chosen.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
        print(told(name, results["rows"][name]), flush=True)


def measured(name: str, n_prompts: int, rounds: int) -> dict[str, Any]:
    """One model: contenders in turn, round by round."""
    model = _model(name)
    material = _material(name, n_prompts)
    # Rounds of the large model answer a quarter of the prompts, another one every time, and the
    # slowest contenders fewer; continuous batching, by far the slowest on a processor, four once.
    part = 4 if name == "110M" and rounds > 1 else 1
    slow = 5 * part if part > 1 else 1
    contenders: dict[str, tuple[Callable[..., list[list[int]]], int]] = {
        ONE: (one_at_a_time, slow),
        **{f"transformers, batches of {size}": (_batches(size), part) for size in (8, 16, 32)},
        CONTINUOUS: (continuous, max(1, n_prompts // 4)),
        OURS: (_ours(True), part),
        APART: (_ours(False), part),
        "tunesmith, 64 at once": (_ours(True, 64), part),
        FEW: (_few(True), 3 * part),
        FEW_APART: (_few(False), 3 * part),
    }
    if name == "stories260K":  # whose 512 positions are full
        del contenders[FEW], contenders[FEW_APART]
    found: dict[str, Any] = {key: {"runs": []} for key in contenders}
    answers: dict[str, dict[int, list[int]]] = {key: {} for key in contenders}
    whole = range(len(material.prompts))
    failed: dict[str, str] = {}
    for key, (work, _) in list(contenders.items()):  # what is done once is not counted
        try:
            work(model, material, list(whole[:2]))
        except Exception as error:
            if key != CONTINUOUS:
                raise
            failed[key] = f"{type(error).__name__}: {error}"
            del contenders[key], found[key]
            continue
        print(f"{name}: {key} is warm", flush=True)
    for number in range(rounds):
        for key, (work, share) in contenders.items():
            if key == CONTINUOUS and number:
                continue
            rows = list(whole[number % share :: share])
            wall, cpu = time.perf_counter(), time.process_time()
            said = work(model, material, rows)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            answers[key] |= dict(zip(rows, said, strict=True))
            found[key]["runs"].append(
                {
                    "wall_s": wall,
                    "cpu_s": cpu,
                    "prompts": len(rows),
                    "tokens": sum(map(len, said)),
                    "load": round(os.getloadavg()[0], 2),
                }
            )
    lengths = [len(prompt) for prompt in material.prompts]
    return {
        "found": found,
        "failed": failed,
        "same": {
            key: _same(model, material, answers[ONE], answers[key])
            for key in contenders
            if key not in (ONE, FEW, FEW_APART)
        }
        | ({FEW: _equal(answers[FEW], answers[FEW_APART])} if FEW in answers else {}),
        "prompt_tokens": {"median": statistics.median(lengths), "most": max(lengths)},
        "answer_tokens": {
            "median": statistics.median(material.limits),
            "most": max(material.limits),
        },
        "preamble_tokens": len(material.preamble),
    }


def one_at_a_time(model: Any, material: Material, rows: Sequence[int]) -> list[list[int]]:
    """As tutorials have it: each prompt on its own."""
    found = []
    for row in rows:
        prompt = material.prompts[row]
        ids = torch.tensor([prompt])
        written = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=material.limits[row],
            do_sample=False,
            pad_token_id=0,
        )
        found.append(written[0, len(prompt) :].tolist())
    return found


def _batches(size: int) -> Callable[..., list[list[int]]]:
    """Transformers' own batches of prompts of similar length; rows end at their own limits."""
    from transformers import StoppingCriteria, StoppingCriteriaList

    class Limits(StoppingCriteria):
        def __init__(self, width: int, limits: Sequence[int]) -> None:
            self.ends = torch.tensor([width + limit for limit in limits])
            self.eos_token_id = None  # that it is there has what ended be filled up

        def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
            return input_ids.shape[1] >= self.ends

    def work(model: Any, material: Material, rows: Sequence[int]) -> list[list[int]]:
        found: dict[int, list[int]] = {}
        order = sorted(rows, key=lambda row: -len(material.prompts[row]))
        for start in range(0, len(order), size):
            group = order[start : start + size]
            width = max(len(material.prompts[row]) for row in group)
            ids = torch.zeros(len(group), width, dtype=torch.int64)
            mask = torch.zeros_like(ids)
            for place, row in enumerate(group):
                prompt = material.prompts[row]
                ids[place, width - len(prompt) :] = torch.tensor(prompt)
                mask[place, width - len(prompt) :] = 1
            limits = [material.limits[row] for row in group]
            written = model.generate(
                ids,
                attention_mask=mask,
                max_new_tokens=max(limits),
                do_sample=False,
                pad_token_id=0,
                stopping_criteria=StoppingCriteriaList([Limits(width, limits)]),
            )
            for place, row in enumerate(group):
                found[row] = written[place, width : width + material.limits[row]].tolist()
        return [found[row] for row in rows]

    return work


def _ours(shares: bool, at_once: int = 32) -> Callable[..., list[list[int]]]:
    def work(model: Any, material: Material, rows: Sequence[int]) -> list[list[int]]:
        prompts = [material.prompts[row] for row in rows]
        return _written(model, material, prompts, rows, shares, at_once)

    return work


def _few(shares: bool) -> Callable[..., list[list[int]]]:
    """The same prompts behind examples, which are the same for all."""

    def work(model: Any, material: Material, rows: Sequence[int]) -> list[list[int]]:
        prompts = [material.preamble + material.prompts[row][1:] for row in rows]
        return _written(model, material, prompts, rows, shares, 32)

    return work


def _written(
    model: Any,
    material: Material,
    prompts: list[list[int]],
    rows: Sequence[int],
    shares: bool,
    at_once: int,
) -> list[list[int]]:
    from tunesmith.chat.chat_model import Sampling
    from tunesmith.chat.generate import generate

    limits = [material.limits[row] for row in rows]
    *_, found = generate(
        model,
        prompts,
        end_ids=frozenset({-1}),
        sampling=Sampling(max(limits)),
        max_positions=material.positions,
        at_once=at_once,
        limits=limits,
        shares_prefixes=shares,
    )
    return [one.ids for one in found]


def continuous(model: Any, material: Material, rows: Sequence[int]) -> list[list[int]]:
    """The continuous batching of transformers, each request with its own limit."""
    from transformers import GenerationConfig

    settings = GenerationConfig(max_new_tokens=max(material.limits), do_sample=False)
    settings.eos_token_id = -1
    with model.continuous_batching_context_manager(settings, warmup=False) as manager:
        names = [
            manager.add_request(material.prompts[row], max_new_tokens=material.limits[row])
            for row in rows
        ]
        found: dict[str, list[int]] = {}
        waited = time.monotonic()
        while len(found) < len(names):
            done = manager.get_result(timeout=1)
            if done is not None and done.is_finished():
                found[done.request_id] = list(done.generated_tokens)
            elif not manager.is_running() or time.monotonic() - waited > PATIENCE_S:
                raise RuntimeError(f"{len(found)} of {len(names)} requests were answered")
    return [found[name] for name in names]


def _same(
    model: Any, material: Material, one: dict[int, list[int]], other: dict[int, list[int]]
) -> dict[str, Any]:
    """How many answers are those of one at a time, and how near a tie the others part."""
    both = [row for row in one if row in other]
    gaps = []
    for row in both:
        if one[row] == other[row]:
            continue
        pairs = zip(one[row], other[row], strict=False)
        place = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
        if place is None:
            gaps.append(None)
            continue
        ids = torch.tensor([material.prompts[row] + one[row][:place]])
        with torch.no_grad():
            logits = model(ids).logits[0, -1]
        gaps.append(float(logits[one[row][place]] - logits[other[row][place]]))
    return {"answers": len(both), "different": len(gaps), "gaps": gaps}


def _equal(one: dict[int, list[int]], other: dict[int, list[int]]) -> dict[str, Any]:
    both = [row for row in one if row in other]
    return {"answers": len(both), "different": sum(one[row] != other[row] for row in both)}


def _model(name: str) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    if name == "stories260K":
        model = LlamaForCausalLM.from_pretrained(STORIES, dtype=torch.float32)
    else:
        torch.manual_seed(0)
        config = LlamaConfig(
            hidden_size=768,
            intermediate_size=2048,
            num_hidden_layers=12,
            num_attention_heads=12,
            vocab_size=32000,
            tie_word_embeddings=True,
            max_position_embeddings=ROOM,
        )
        model = LlamaForCausalLM(config)
    # Nobody ends before the limit.
    model.generation_config.eos_token_id = None
    model.generation_config.bos_token_id = 1
    return model.eval()


def _material(name: str, n_prompts: int) -> Material:
    with (DIALOGSUM / "dialogsum.dev.jsonl").open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    encode = _encoder(name)
    positions = ROOM if name == "110M" else 512
    found: list[tuple[list[int], int]] = []
    for record in records:
        prompt = [1, *encode(REQUEST.format(dialogue=record["dialogue"]))]
        limit = len(encode(record["summary"]))
        if len(prompt) + limit <= positions:
            found.append((prompt, limit))
    found = found[:n_prompts]
    shots = [r for r in records[-40:] if len(r["dialogue"]) < 800][:4]
    text = "".join(REQUEST.format(**shot) + shot["summary"] + "\n\n" for shot in shots)
    return Material([p for p, _ in found], [n for _, n in found], [1, *encode(text)], positions)


def _encoder(name: str) -> Callable[[str], list[int]]:
    """The model's own tokens; of the random one, byte pairs learnt from the dialogues."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    if name == "stories260K":
        tokenizer = Tokenizer.from_file(str(STORIES / "tokenizer.json"))
    else:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=32000,
            special_tokens=["<unk>", "<s>", "</s>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train([str(DIALOGSUM / "train_sample.csv")], trainer)
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def speed(found: dict[str, Any]) -> float:
    """Tokens of answers a second, the median of the rounds."""
    return statistics.median(run["tokens"] / run["wall_s"] for run in found["runs"])


def told(name: str, row: dict[str, Any]) -> str:
    """One model in words, for the terminal."""
    lines = [
        f"{name}: prompts {row['prompt_tokens']}, answers {row['answer_tokens']}, "
        f"preamble {row['preamble_tokens']}; failed: {row['failed']}"
    ]
    base = speed(row["found"][ONE])
    for key, found in row["found"].items():
        cpu = statistics.median(run["tokens"] / run["cpu_s"] for run in found["runs"])
        same = row["same"].get(key, "")
        lines.append(
            f"  {key:42} {speed(found):9,.1f} tokens/s {cpu:9,.1f} tokens/CPU s "
            f"{speed(found) / base:6.2f}x {same}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
