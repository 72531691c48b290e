"""Load: the name of any model, here or hosted -> what answers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.chat.chat_model import ChatModel
from tunesmith.chat.endpoint import is_hosted
from tunesmith.core.errors import ModelError
from tunesmith.core.extras import require
from tunesmith.core.runs import Run
from tunesmith.model.artifact import ArtifactInfo
from tunesmith.model.source import load_tokenizer, model_folder
from tunesmith.model.spec import Model
from tunesmith.pipelines.bases import Bases, load_alone
from tunesmith.pipelines.prepare import LONGEST_BY_DEFAULT, choose_template
from tunesmith.pipelines.prompted import (
    PROMPT_RECIPE,
    hosted_name,
    is_prompted,
    load_prompted,
    load_prompted_hosted,
)
from tunesmith.pipelines.weights import artifact_folder, load_weights
from tunesmith.recipe import load_recipe
from tunesmith.tasks import TASKS
from tunesmith.tasks.classify import OUR_PROBLEMS, Classify
from tunesmith.tasks.task import Limits, Task
from tunesmith.templates import TEMPLATES
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer

RECIPE = "recipe"
"""In place of a template's name: the one that the model was tuned with."""

if TYPE_CHECKING:
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.predictor import Predictor
    from tunesmith.chat.reply_cache import ReplyCache
    from tunesmith.chat.spend import Prices
    from tunesmith.methods.method import Method


def load(
    model: str | Path | Run,
    *,
    template: str | Template | None = None,
    otherwise: str | Template = "alpaca",
    batch_size: int = 32,
    dtype: str = "auto",
    prices: Prices | None = None,
    max_cost: float | None = None,
    cache: ReplyCache | None = None,
    bases: Bases | None = None,
) -> ChatModel | Predictor:
    """Loads whatever can answer.

    Args:
        model: a run or its directory, an adapter's folder, a prompted model's, a model's folder, a
            hub id or the bundled ``tunesmith-tiny``; or a hosted model: ``openai:gpt-4o``,
            ``http://127.0.0.1:8000/v1``, ``https://HOST/v1#MODEL``.
        template: another way of writing conversations down: ``none`` (plain text), ``native`` (the
            tokenizer's own chat template), ``recipe`` (the one it was tuned with), or one by name;
            None: the one it was tuned with, else the tokenizer's own, else ``otherwise``.
        otherwise: template of a model that was not tuned and has no chat template of its own.
        batch_size: prompts answered at once.
        dtype: type of the weights, as in ``model.dtype``.
        prices: of a hosted model's tokens.
        max_cost: no request is sent to it once its replies cost so much.
        cache: where its replies are kept; None: nowhere.
        bases: weights on this machine that are shared by what is loaded with them; None: it has
            its own.

    Returns:
        A model to talk to; or, where it has a head of its own, one that predicts.

    Raises:
        TunesmithError: it is missing, damaged, or belongs to another base model; or the endpoint
            of a hosted one cannot be asked.
    """
    place = artifact_folder(model)
    folder = Path(place).expanduser()
    hosted = hosted_behind(model)
    if hosted is not None:
        if template is not None:
            raise ModelError(f"{place}: its endpoint lays conversations out. Leave template out.")
        from tunesmith.chat.hosted import HostedModel

        asked = HostedModel.open(hosted, prices=prices, max_cost=max_cost, cache=cache)
        return load_prompted_hosted(folder, asked) if is_prompted(folder) else asked
    require("torch", extra="train", purpose="Running a model")
    require("transformers", extra="train", purpose="Running a model")
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.predictor import Predictor
    from tunesmith.model.head import own_head

    if is_prompted(folder):
        return load_prompted(
            folder,
            partial(load_base, batch_size=batch_size, bases=bases),
            template=None if template in (None, RECIPE) else named_template(template),
        )
    network, folder, info = load_weights(place, dtype=dtype, bases=bases)
    tokenizer = Tokenizer.from_folder(folder)
    if own_head(network) is not None:
        task, limits = _task_of(network, info), _limits_of(network, info)
        return Predictor(network, tokenizer, task, limits, batch_size=batch_size)
    chosen = _template_of(place, template, otherwise, tokenizer, info)
    instruction = info.instruction if info is not None else None
    return LocalModel(network, tokenizer, chosen, batch_size=batch_size, instruction=instruction)


def _template_of(
    place: str,
    template: str | Template | None,
    otherwise: str | Template,
    tokenizer: Tokenizer,
    info: ArtifactInfo | None,
) -> Template:
    """The way a model of this machine has conversations written down; as :func:`load` tells it."""
    if info is None and template == RECIPE:
        raise ModelError(
            f"{place}: was not tuned here, so no recipe tells its template. Take none, native or "
            "one by name."
        )
    if template not in (None, RECIPE):
        return named_template(template)
    if info is not None:
        return TEMPLATES.parse(info.template)
    return choose_template(
        None if tokenizer.chat_template else named_template(otherwise), tokenizer
    )


def hosted_behind(model: str | Path | Run) -> str | None:
    """The hosted model that answers for a name, be it behind examples; None: the work is done here.

    Raises:
        RunError: it is a run that is not finished.
        ModelError: a prompted model is broken.
    """
    place = artifact_folder(model)
    folder = Path(place).expanduser()
    return hosted_name(folder) if is_prompted(folder) else place if is_hosted(place) else None


def load_chat(
    model: str | Path | Run,
    *,
    template: str | Template | None = None,
    otherwise: str | Template = "alpaca",
    batch_size: int = 32,
    prices: Prices | None = None,
    max_cost: float | None = None,
    cache: ReplyCache | None = None,
    bases: Bases | None = None,
) -> ChatModel:
    """Loads a model to talk to; its arguments are those of :func:`load`.

    Raises:
        ModelError: it has a head of its own and writes no text.
        TunesmithError: as :func:`load`.
    """
    loaded = load(
        model,
        template=template,
        otherwise=otherwise,
        batch_size=batch_size,
        prices=prices,
        max_cost=max_cost,
        cache=cache,
        bases=bases,
    )
    if not isinstance(loaded, ChatModel):
        place = model.path if isinstance(model, Run) else model
        raise ModelError(
            f"{place}: was tuned for task {loaded.task.name!r} and answers with a head of its own, "
            f"so it cannot be talked to. Use: tunesmith predict {place} --text ..."
        )
    return loaded


def task_of(model: str | Path | Run) -> Task | None:
    """The settled task that a run or an artefact was made for; None where it is not known."""
    folder = Path(artifact_folder(model)).expanduser()
    if is_prompted(folder):
        return load_recipe(folder / PROMPT_RECIPE).task
    info = ArtifactInfo.load(folder)
    return None if info is None or info.part is None else TASKS.parse(info.part)


def _task_of(network: Any, info: ArtifactInfo | None) -> Task:
    """The task of a model with a head: the one it was tuned for, else what the head tells."""
    from tunesmith.model.head import head_of_config

    if info is not None and info.part is not None:
        return TASKS.parse(info.part)
    config = {**network.config.to_dict(), "architectures": [type(network).__name__]}
    head = head_of_config(config)
    assert head is not None
    if head.problem is None:
        return TASKS.parse("extractive-qa")
    return Classify(problem=OUR_PROBLEMS[head.problem], labels=list(head.labels))


def _limits_of(network: Any, info: ArtifactInfo | None) -> Limits:
    if info is not None and info.limits is not None:
        return Limits(**info.limits)
    return Limits(min(int(network.config.max_position_embeddings), LONGEST_BY_DEFAULT))


def load_base(
    spec: Model,
    template: Template | None,
    *,
    batch_size: int,
    method: Method | None = None,
    bases: Bases | None = None,
) -> LocalModel:
    """Loads the model that a recipe starts from, as the recipe's method holds it."""
    from tunesmith.chat.local import LocalModel
    from tunesmith.model.device import default_device

    tokenizer = load_tokenizer(model_folder(spec.path, spec.revision))
    device = default_device()
    is_fresh = spec.init == "random"
    load_network = load_alone if bases is None or is_fresh else bases.load
    quantisation = None if method is None else method.quantisation
    network = load_network(spec, device=device, quantisation=quantisation)
    chosen = choose_template(template, tokenizer)
    return LocalModel(network, tokenizer, chosen, batch_size=batch_size)


def named_template(template: str | Template) -> Template:
    """A template by its name.

    Raises:
        RecipeError: there is none of that name.
    """
    return template if isinstance(template, Template) else TEMPLATES.load(template)(name=template)
