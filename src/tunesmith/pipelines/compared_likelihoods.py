"""Compared likelihoods: how well each model foretells running text, or the reference answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from tunesmith.core.answers import Road
from tunesmith.core.errors import ModelError, RecipeError, RunError, TemplateError, TunesmithError
from tunesmith.core.examples import Document, Example
from tunesmith.core.runs import Run
from tunesmith.evaluation.metrics.chosen import Chosen
from tunesmith.evaluation.metrics.metric import Scores
from tunesmith.evaluation.perplexity import Foretold
from tunesmith.evaluation.roads import Answered
from tunesmith.evaluation.score import Scored
from tunesmith.pipelines.asked_as import asked_as
from tunesmith.pipelines.beside import Beside
from tunesmith.pipelines.compare_request import CompareRequest
from tunesmith.pipelines.compared_answers import identity_of, opened_model
from tunesmith.pipelines.compared_data import ComparedData
from tunesmith.pipelines.contenders import Opening
from tunesmith.pipelines.foretell import running_texts
from tunesmith.pipelines.kept_answers import Kept, answered_or_kept, is_kept, key_of
from tunesmith.pipelines.likelihood_notes import left_out, likelihood_notes
from tunesmith.pipelines.load import hosted_behind
from tunesmith.pipelines.prepare import LONGEST_BY_DEFAULT

if TYPE_CHECKING:
    from tunesmith.chat.chat_model import ChatModel
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.predictor import Predictor

Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class Likelihoods:
    """What every model makes of the same texts.

    Attributes:
        kept: by model; an entry's ``answer`` are the nats of one text, ``n_tokens`` its tokens;
            None: the text does not fit into the model's window.
        scores: by model.
        failed: by model, why it cannot foretell.
        notes: what is to be known of the figures.
    """

    kept: dict[str, Kept]
    scores: dict[str, Scores]
    failed: dict[str, str]
    notes: list[str]

    def answers(self) -> dict[str, tuple[Kept, Road]]:
        """As the answers of models are told."""
        return {name: (kept, "likelihood") for name, kept in self.kept.items()}

    def scored(self) -> dict[str, Scored]:
        """As scored answers: each text's own figures, and how many prompts were cut."""
        return {
            name: Scored({**self._cut(name), **found.values}, list(found.rows), found)
            for name, found in self.scores.items()
        }

    def _cut(self, name: str) -> dict[str, float]:
        answered = self.kept[name].answered
        n_cut = sum(one.n_prompt_cut > 0 for one in answered)
        return {"cut_fraction": 0.0, "prompt_cut_fraction": n_cut / max(1, len(answered))}

    def added_to(self, scored: dict[str, Scored]) -> None:
        """Puts the figures beside those of answers, where a model has both."""
        for name, one in scored.items():
            found = self.scores.get(name)
            if found is None or one.found is None:
                continue
            one.scores.update(found.values)
            one.found.values.update(found.values)
            one.found.parts.update(found.parts)
            for row, inner, own in zip(one.rows, one.found.rows, found.rows, strict=True):
                row.update(own)
                inner.update(own)


def compared_likelihoods(
    request: CompareRequest,
    models: Sequence[Beside],
    data: ComparedData,
    folder: Path,
    opening: Opening,
    metrics: Sequence[Chosen],
) -> Likelihoods:
    """Has models foretell the texts or reference answers of some data.

    What is kept is found again; a model that cannot tell likelihoods is named with the reason.

    Raises:
        RecipeError: the stride leaves a window no context.
        RunError: of running text: no model could tell anything.
        TemplateError: no reference answer fits into the windows of all models.
    """
    is_text = data.task.judged_by == "running-text"
    found = Likelihoods({}, {}, {}, [])
    read: dict[str, tuple[int, int]] = {}
    names = [one.model for one in models]
    for one in models:
        try:
            found.kept[one.name] = _kept(request, one, data, folder, opening, names, read)
        except RecipeError:
            raise
        except TunesmithError as error:
            found.failed[one.name] = str(error)
            print(f"{one.name}: {error}", file=sys.stderr)
    if not found.kept and is_text:
        raise RunError(f"no model foretold; the first: {next(iter(found.failed.values()))}")
    texts = [_text(data, example) for example in data.examples]
    out = left_out(found.kept)
    if len(out) == len(texts) and found.kept:
        raise TemplateError(
            f"{data.examples[0].origin}: no reference answer fits into every model's window behind "
            "its request. Shorten them, or compare models with longer ones."
        )
    for name, kept in found.kept.items():
        foretold = [
            Foretold(0.0, 0, 0, 0)  # of no weight in any figure
            if place in out
            else Foretold(
                float(cast("float", one.answer)),
                one.n_tokens or 0,
                len(text.split()),
                len(text.encode()),
            )
            for place, (one, text) in enumerate(zip(kept.answered, texts, strict=True))
        ]
        found.scores[name] = _together(metrics, foretold)
    reasons = {} if is_text else found.failed
    found.notes.extend(likelihood_notes(is_text, read, found.kept, reasons, metrics))
    return found


def _together(metrics: Sequence[Chosen], foretold: Sequence[Foretold]) -> Scores:
    together = Scores({}, [{} for _ in foretold])
    for metric in metrics:
        if metric.foretell is None:
            continue
        own = metric.foretell(foretold)
        together.values.update(own.values)
        together.parts.update(own.parts)
        for row, more in zip(together.rows, own.rows, strict=True):
            row.update(more)
    return together


def _kept(
    request: CompareRequest,
    one: Beside,
    data: ComparedData,
    folder: Path,
    opening: Opening,
    names: Sequence[str],
    read: dict[str, tuple[int, int]],
) -> Kept:
    """One model's likelihoods; it is opened only for what is missing."""
    if hosted_behind(one.model) is not None:
        raise ModelError(
            "its endpoint tells no log-probabilities of texts that it did not write, so how well "
            "it foretells them is not known. Compare its answers instead, with other metrics."
        )
    wanted = (request.templates or {}).get(one.name)
    form = asked_as(one.model, wanted, names, data.recipe)
    limit = None if data.recipe is None else data.recipe.data.max_tokens
    stride = None if data.recipe is None else data.recipe.evaluate.stride_tokens
    key = key_of(
        [
            "likelihoods within the window",
            identity_of(one.model),
            form.identity(),
            data.task.model_dump(mode="json"),
            [limit, stride],
            [(example.origin, repr(example)) for example in data.examples],
        ]
    )
    answers = folder / "answers"
    file, about = answers / f"{one.name}.foretold.jsonl", answers / f"{one.name}.foretold.json"
    n, is_text = len(data.examples), data.task.judged_by == "running-text"
    known = _read(about, key)
    if known is not None and is_kept(file, key, n):
        read[one.name] = known
        return answered_or_kept(file, key, n, lambda part: [])
    model = _local(opened_model(opening, one, form))
    window, step = _window(model, limit, stride) if is_text else (0, 0)

    def foretold(part: slice) -> list[Answered]:
        from tunesmith.evaluation.foretold import foretold_answers, foretold_texts

        if is_text:
            documents = cast("list[Document]", data.examples[part])
            texts = running_texts(documents, model.tokenizer)
            told = _within_memory(
                model, lambda: foretold_texts(model, texts, window=window, stride=step)
            )
            return [Answered(one.nats, "", n_tokens=one.n_tokens) for one in told]
        examples = data.examples[part]
        requests = [asked for e in examples if (asked := data.task.ask(e)) is not None]
        answers = [_text(data, example) for example in examples]
        return [
            Answered(None, "")
            if one.foretold is None
            else Answered(
                one.foretold.nats,
                "",
                n_prompt_cut=one.n_prompt_cut,
                n_tokens=one.foretold.n_tokens,
            )
            for one in _within_memory(model, lambda: foretold_answers(model, requests, answers))
        ]

    kept = answered_or_kept(file, key, n, foretold)
    if all(one.answer is None for one in kept.answered):
        raise TemplateError(
            f"{data.examples[0].origin}: as of all examples, its reference answer does not fit "
            f"behind its request into the {model.max_positions:,} tokens that the model holds. "
            "Shorten them."
        )
    Run(answers).write(about.name, {"key": key, "window": window, "stride": step})
    read[one.name] = (window, step)
    return kept


def _read(file: Path, key: str) -> tuple[int, int] | None:
    """The window and stride that kept likelihoods were read in; None: there are none."""
    try:
        entry = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return (entry["window"], entry["stride"]) if entry.get("key") == key else None


def _local(model: ChatModel | Predictor) -> LocalModel:
    from tunesmith.chat.local import LocalModel

    if not isinstance(model, LocalModel):
        raise ModelError("answers with a head of its own, and foretells no text.")
    return model


def _window(model: LocalModel, limit: int | None, stride: int | None) -> tuple[int, int]:
    """Tokens that are read at once, and that the window moves on by."""
    window = min(model.max_positions, limit or LONGEST_BY_DEFAULT)
    step = stride or max(1, window // 2)
    if step >= window:
        raise RecipeError(
            f"evaluate.stride_tokens={step}, and a window has {window} tokens, so some would have "
            f"nothing before them. Set it to {window - 1} or less."
        )
    return window, step


def _within_memory(model: LocalModel, work: Callable[[], list[Told]]) -> list[Told]:
    from tunesmith.training.fit import EVALUATION_ADVICE, Portion

    def at_once(n_rows: int) -> list[Told]:
        model.batch_size = n_rows
        return work()

    portion = Portion(model.batch_size, "evaluation", EVALUATION_ADVICE)
    return portion.run(model.batch_size, at_once, lambda: None)


def _text(data: ComparedData, example: Example) -> str:
    """What is foretold of an example."""
    if isinstance(example, Document):
        return example.text
    return data.task.write(data.task.references(example)[0])
