"""Rank answers: how base and tuned rank answers that people have compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tunesmith.core.errors import DataError, RecipeError, did_you_mean
from tunesmith.core.examples import Example, Preference, UnpairedPreference
from tunesmith.core.runs import Run
from tunesmith.evaluation.score import Scored, score_answers
from tunesmith.pipelines.precision import begun_precision, precision_of
from tunesmith.pipelines.prepare import Prepared, prepare, split_of
from tunesmith.pipelines.start import start
from tunesmith.pipelines.weights import load_weights
from tunesmith.recipe import Recipe
from tunesmith.tasks.store import EncodedSplit

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from tunesmith.tasks.preference_rows import PreferenceRows

METRIC = "preference"


def rank_answers(
    run: Run | None, recipe: Recipe, split: str | None
) -> tuple[dict[str, Scored], list[dict[str, Any]], dict[str, Any]]:
    """Ranks the answers of held-out rows by their rewards.

    Args:
        run: a finished one; None: only the model it would start from ranks.
        recipe: of the run.
        split: which rows; None: ``test`` if the data has it, else ``validation``.

    Returns:
        Scores by model: ``base``, which has no reward against itself and so is right by half, and
        ``tuned``; for each row its ``origin``, ``prompt``, ``reference`` and, of a pair,
        ``rejected``; and ``split``, ``n`` and ``left_out``, the rows that were read and are not
        judged.

    Raises:
        TunesmithError: there is no such split, or nothing in it.
    """
    import torch

    from tunesmith.model.device import default_device
    from tunesmith.pipelines.build_trainer import arithmetic
    from tunesmith.training.placement import autocast

    if recipe.evaluate.metrics not in (None, [METRIC]):
        raise RecipeError(f"evaluate.metrics: preferences are scored by {METRIC!r} alone.")
    prepared = prepare(recipe)
    chosen = split or ("test" if "test" in prepared.encoded else "validation")
    if chosen not in prepared.encoded or not len(prepared.encoded[chosen]):
        raise DataError(
            f"no rows in the split {chosen!r}. {did_you_mean(chosen, prepared.encoded)} Hold rows "
            "out with data.validation_fraction."
        )
    rows = _first(prepared, chosen, recipe.evaluate.max_rows)
    device = default_device()
    precision = arithmetic(precision_of(recipe, prepared.folder, begun_precision(run)).name, device)
    found: dict[str, Scored] = {}
    with torch.no_grad(), autocast(device, precision):
        network = start(recipe, device, precision)
        reference = _answers(network.eval(), rows, recipe)
        found["base"] = _scored(reference, reference, rows, recipe)
        if run is not None:
            del network
            network, *_ = load_weights(str(run.artifact), dtype=recipe.model.dtype)
            found["tuned"] = _scored(_answers(network, rows, recipe), reference, rows, recipe)
    n_read = len(prepared.splits.rows.get(chosen, ()))
    n = len(rows.lengths)
    n_whole = len(prepared.task.lengths(prepared.encoded[chosen]))
    told = {"split": chosen, "n": n, "left_out": max(0, n_read - n_whole)}
    return found, _told(prepared, recipe, chosen, rows), told


def _first(prepared: Prepared, split: str, n: int | None) -> PreferenceRows:
    encoded = prepared.encoded[split]
    size = len(encoded) // len(prepared.task.lengths(encoded))
    part = EncodedSplit(encoded.store, encoded.rows[: None if n is None else n * size])
    return prepared.task.answer_rows(part, prepared.tokenizer.pad_id)


def _answers(network: Any, rows: PreferenceRows, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """What :func:`_weighed` gives, with as many rows at once as memory holds."""
    from tunesmith.training.fit import EVALUATION_ADVICE, Portion

    size = recipe.evaluate.batch_size
    portion = Portion(size, "evaluation", EVALUATION_ADVICE)
    return portion.run(size, lambda n: _weighed(network, rows, recipe, n), lambda: None)


def _weighed(
    network: Any, rows: PreferenceRows, recipe: Recipe, size: int
) -> tuple[Tensor, Tensor]:
    """What the objective weighs of each answer, [R], and its log-probability per token, [R]."""
    import torch

    from tunesmith.model.task_model import TaskModel
    from tunesmith.objectives.answers import answer_logps

    objective = recipe.loss
    model = TaskModel(network, objective, fused=recipe.train.fused)
    device = next(model.parameters()).device
    weighed, means = torch.zeros(len(rows.split)), torch.zeros(len(rows.split))
    order = sorted(range(len(rows.lengths)), key=lambda row: -rows.lengths[row])
    for start_at in range(0, len(order), size):
        part = order[start_at : start_at + size]
        batch = rows.batch(part).to(device)
        answers = answer_logps(model.states(batch), model.head, batch.targets)
        places = rows.answers(part)
        weighed[places] = objective.weighed(answers).float().cpu()
        means[places] = answers.means().float().cpu()
    return weighed, means


def _scored(
    policy: tuple[Tensor, Tensor],
    reference: tuple[Tensor, Tensor],
    rows: PreferenceRows,
    recipe: Recipe,
) -> Scored:
    rewards = recipe.loss.rewards(policy[0], reference[0], _lengths(rows))
    if rows.is_paired:
        margins, signs = rewards[0::2] - rewards[1::2], [1.0] * len(rows.lengths)
    else:
        wanted = [rows.split.values_of(place)[0] > 0 for place in range(len(rows.split))]
        margins, signs = rewards, [1.0 if one else -1.0 for one in wanted]
    values = margins.tolist()
    found = score_answers([METRIC], values, [[sign] for sign in signs])
    scores = dict(found.values)
    if rows.is_paired:
        likelier = policy[1][0::2] > policy[1][1::2]
        scores["likelier_fraction"] = float(likelier.float().mean())
    scores["cut_fraction"] = 0.0
    said = [_verdict(value, is_paired=rows.is_paired) for value in values]
    return Scored(
        scores,
        [{"text": t, "cut": False, **row} for t, row in zip(said, found.rows, strict=True)],
    )


def _lengths(rows: PreferenceRows) -> torch.Tensor:
    import torch

    return torch.from_numpy(rows.split.n_learnt)


def _verdict(margin: float, *, is_paired: bool) -> str:
    if margin == 0:
        return "no difference"
    words = ("chosen", "rejected") if is_paired else ("wanted", "not wanted")
    return f"{words[margin < 0]}, by {abs(margin):.3f}"


def _told(
    prepared: Prepared, recipe: Recipe, split: str, rows: PreferenceRows
) -> list[dict[str, Any]]:
    """Place, prompt and right answer of every row that is judged."""
    places = rows.places(range(len(rows.lengths)))
    source = "train" if prepared.splits.divided else split
    wanted = set(places)
    known = {
        row.origin: row.example
        for row in split_of(prepared, recipe, source)
        if row.origin in wanted
    }
    return [{"origin": place, **_shown(known.get(place))} for place in places]


def _shown(example: Example | None) -> dict[str, str]:
    rejected = ""
    if isinstance(example, Preference):
        prompt: Sequence[Any] = example.messages
        reference, rejected = example.chosen[-1].content, example.rejected[-1].content
    elif isinstance(example, UnpairedPreference):
        prompt, judged = example.messages[:-1], "wanted" if example.desirable else "not wanted"
        reference = f"{judged}: {example.messages[-1].content}"
    else:
        prompt, reference = (), ""
    told = {"prompt": "\n\n".join(message.text for message in prompt), "reference": reference}
    return {**told, "rejected": rejected} if rejected else told
