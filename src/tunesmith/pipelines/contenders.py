"""Contenders: the models that answer the same examples: base and tuned, and how they are opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tunesmith.chat.reply_cache import ReplyCache
from tunesmith.chat.spend import PriceList, Prices, price_list
from tunesmith.chat.spent_file import SpentFile
from tunesmith.core.runs import Run
from tunesmith.evaluation.roads import answerer
from tunesmith.model.source import load_tokenizer, model_folder
from tunesmith.pipelines.bases import Bases
from tunesmith.pipelines.load import load, load_base, load_chat
from tunesmith.pipelines.precision import precision_of
from tunesmith.pipelines.prepare import choose_template, limits_of, prepare
from tunesmith.pipelines.start import adapter_folder, start
from tunesmith.recipe import Recipe

if TYPE_CHECKING:
    from tunesmith.chat.chat_model import ChatModel
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.predictor import Predictor
    from tunesmith.templates.template import Template

BASE, TUNED, PROMPTED = "base", "tuned", "prompted"


@dataclass(frozen=True, slots=True)
class Opening:
    """How models are opened: hosted ones with prices, a cap and the cache; others share weights.

    Attributes:
        batch_size: prompts at once.
        prices: of hosted models' tokens, of all or of each by its name.
        max_cost: of each hosted model.
        bases: weights that are shared; None: each model has its own.
        spent: file that tells what hosted models have cost before, which the cap is on too; None:
            it is on this command alone.
    """

    batch_size: int
    prices: Prices | PriceList | None = None
    max_cost: float | None = None
    bases: Bases | None = None
    spent: Path | None = None

    def any(
        self,
        model: str | Path | Run,
        *,
        name: str = "",
        dtype: str = "auto",
        template: str | Template | None = None,
        otherwise: str | Template = "alpaca",
    ) -> ChatModel | Predictor:
        """Whatever can answer; ``name`` is its own in the table."""
        found = load(
            model,
            template=template,
            otherwise=otherwise,
            batch_size=self.batch_size,
            dtype=dtype,
            prices=price_list(self.prices).of(name),
            max_cost=self.max_cost,
            cache=ReplyCache(),
            bases=self.bases,
        )
        self._bring_forward(found)
        return found

    def chat(self, model: str, name: str = "") -> ChatModel:
        """A model that writes; ``name`` is its own in the table."""
        found = load_chat(
            model,
            batch_size=self.batch_size,
            prices=price_list(self.prices).of(name),
            max_cost=self.max_cost,
            cache=ReplyCache(),
        )
        self._bring_forward(found)
        return found

    def _bring_forward(self, model: ChatModel | Predictor) -> None:
        """Counts what a hosted model has cost before, whatever it was called in the table."""
        from tunesmith.chat.hosted import HostedModel
        from tunesmith.chat.prompted import Prompted

        asked = model.model if isinstance(model, Prompted) else model
        if self.spent is not None and isinstance(asked, HostedModel):
            asked.spend.keep_in(SpentFile(self.spent, str(asked.endpoint)))


def contenders(
    run: Run | None, recipe: Recipe, opening: Opening, prompted: Path | None = None
) -> Iterator[tuple[str, ChatModel | Predictor]]:
    """Base and tuned, one after the other; over the same weights where that can be.

    Args:
        run: a finished one; None: only what the recipe starts from.
        recipe: of the run.
        opening: opens models.
        prompted: folder of a prompted model, which then is what stands beside its base.
    """
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.prompted import Prompted

    if prompted is not None:
        shown_first = opening.any(prompted, name=PROMPTED)
        has_base = isinstance(shown_first, LocalModel | Prompted)
        yield BASE, shown_first.base() if has_base else shown_first
        yield PROMPTED, shown_first
        return
    if run is None:
        yield BASE, _started(recipe) if adapter_folder(recipe) else _base(recipe)
        return
    tuned = opening.any(run, dtype=recipe.model.dtype)
    if adapter_folder(recipe):
        yield BASE, _started(recipe)
    elif isinstance(tuned, LocalModel) and recipe.method.saves_adapter:
        yield BASE, tuned.base()
    elif recipe.model.init == "pretrained" and _asks_base(recipe):
        template = tuned.template if isinstance(tuned, LocalModel) else recipe.template
        yield BASE, _base(recipe, template)
    yield TUNED, tuned


def _base(recipe: Recipe, template: Template | None = None) -> LocalModel:
    """The weights that a recipe names, as its method holds them."""
    return load_base(
        recipe.model,
        template=template or recipe.template,
        batch_size=recipe.evaluate.batch_size,
        method=recipe.method,
    )


def _started(recipe: Recipe) -> LocalModel | Predictor:
    """What a recipe with an adapter goes on from: the weights that it names with the adapter."""
    from tunesmith.model.device import default_device
    from tunesmith.pipelines.build_trainer import arithmetic

    task = (
        recipe.task if recipe.task.planned_head() is None else prepare(recipe, weights=False).task
    )
    device = default_device()
    folder = model_folder(recipe.model.path, recipe.model.revision)
    precision = arithmetic(precision_of(recipe, folder).name, device)
    network = start(recipe, device, precision, task.head())
    tokenizer = load_tokenizer(folder)
    return answerer(
        network,
        task,
        tokenizer,
        choose_template(recipe.template, tokenizer),
        limits_of(recipe, folder),
        batch_size=recipe.evaluate.batch_size,
    )


def _asks_base(recipe: Recipe) -> bool:
    """Whether any road is wanted that a language model can go."""
    return recipe.task.judged_by == "running-text" or any(
        road != "head" for road in recipe.evaluate.roads or recipe.task.roads
    )
