"""Asked as: how conversations are laid out for each model of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.chat.endpoint import is_hosted
from tunesmith.core.errors import RecipeError
from tunesmith.model.artifact import ArtifactInfo
from tunesmith.model.source import load_tokenizer, model_folder
from tunesmith.pipelines.load import RECIPE, named_template
from tunesmith.pipelines.prepare import choose_template
from tunesmith.pipelines.prompted import is_prompted
from tunesmith.pipelines.weights import artifact_folder
from tunesmith.recipe import Recipe
from tunesmith.templates import TEMPLATES
from tunesmith.templates.plain import Plain
from tunesmith.templates.template import Template

if TYPE_CHECKING:
    from tunesmith.chat.chat_model import ChatModel
    from tunesmith.chat.predictor import Predictor

ENDPOINT = "endpoint"
"""Told in place of a template's name: a hosted model's endpoint lays conversations out."""


@dataclass(frozen=True, slots=True)
class AskedAs:
    """How one model is asked, as :func:`tunesmith.load` takes it.

    Attributes:
        template: that was wanted; None: the model's own.
        otherwise: of a model that was not tuned and has no chat template.
    """

    template: str | Template | None
    otherwise: Template

    def identity(self) -> list[Any]:
        """What it comes to, as JSON can tell it."""
        of = self.template
        given = of.model_dump(mode="json") if isinstance(of, Template) else of
        return [given, self.otherwise.model_dump(mode="json")]


def asked_as(
    model: str, wanted: str | None, models: Sequence[str], recipe: Recipe | None
) -> AskedAs:
    """Settles how a model is asked.

    Left to itself, a tuned model is asked as it was tuned, a chat model in its own chat template,
    and a base model as a recipe would tune it; where no recipe is there, in plain text.

    Args:
        model: which.
        wanted: ``none``, ``native``, ``recipe`` or a template's name; None: nothing.
        models: all that are compared; the first run among them is a recipe too.
        recipe: of the data.

    Raises:
        RecipeError: there is no such template, or no recipe that tells one.
    """
    if is_hosted(model):
        return AskedAs(wanted, Plain())
    if wanted not in (None, RECIPE):
        return AskedAs(named_template(wanted), Plain())
    folder = Path(artifact_folder(model)).expanduser()
    if is_prompted(folder) or ArtifactInfo.load(folder) is not None:
        return AskedAs(wanted, Plain())
    told = _of_recipe(models, recipe)
    if wanted is None:
        return AskedAs(None, told or Plain())
    if told is None:
        raise RecipeError(
            f"{model}: no recipe tells a template: neither the data nor a run among the models has "
            "one. Take none, native or a template's name."
        )
    return AskedAs(told, told)


def told_template(model: ChatModel | Predictor) -> str | None:
    """The template in use, for people; None: conversations are not what it is asked in."""
    from tunesmith.chat.chat_model import ChatModel

    template = getattr(model, "template", None)
    if isinstance(template, Template):
        return str(template.name)
    return ENDPOINT if isinstance(model, ChatModel) else None


def _of_recipe(models: Sequence[str], recipe: Recipe | None) -> Template | None:
    """The template of the data's recipe, or of the first run among the models."""
    if recipe is not None and recipe.template is not None:
        return recipe.template
    if recipe is not None:
        folder = model_folder(recipe.model.path, recipe.model.revision, weights=False)
        return choose_template(None, load_tokenizer(folder))
    for model in models:
        if is_hosted(model):
            continue
        known = ArtifactInfo.load(Path(artifact_folder(model)).expanduser())
        if known is not None:
            return TEMPLATES.parse(known.template)
    return None
