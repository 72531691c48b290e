"""Load: a model, an adapter or a run -> a ChatModel."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.core.errors import ModelError, RunError
from tunesmith.core.extras import require
from tunesmith.core.runs import LOCK, Run
from tunesmith.model.artifact import ArtifactInfo
from tunesmith.model.source import (
    check_vocabulary,
    load_tokenizer,
    model_folder,
    read_config,
    weights_fingerprint,
)
from tunesmith.model.spec import Model
from tunesmith.pipelines.prepare import LONGEST_BY_DEFAULT, choose_template
from tunesmith.pipelines.prompted import is_prompted, load_prompted
from tunesmith.tasks import TASKS
from tunesmith.tasks.classify import OUR_PROBLEMS, Classify
from tunesmith.tasks.task import Limits, Task
from tunesmith.templates import TEMPLATES
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.predictor import Predictor
    from tunesmith.methods.method import Method


def load(
    model: str | Path | Run,
    *,
    template: str | Template | None = None,
    batch_size: int = 32,
    dtype: str = "auto",
) -> LocalModel | Predictor:
    """Loads whatever can answer.

    Args:
        model: a run or its directory, an adapter's folder, a prompted model's, a model's folder, a
            hub id or the bundled ``tunesmith-tiny``.
        template: another way of writing conversations down; None: the one it was tuned with, the
            tokenizer's own, else Alpaca's.
        batch_size: prompts answered at once.
        dtype: type of the weights, as in ``model.dtype``.

    Returns:
        A model to talk to; or, where it has a head of its own, one that predicts.

    Raises:
        TunesmithError: it is missing, damaged, or belongs to another base model.
    """
    require("torch", extra="train", purpose="Running a model")
    require("transformers", extra="train", purpose="Running a model")
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.predictor import Predictor
    from tunesmith.model.head import own_head

    place = artifact_folder(model)
    if is_prompted(Path(place).expanduser()):
        return load_prompted(
            Path(place).expanduser(),
            partial(load_base, batch_size=batch_size),
            template=None if template is None else named_template(template),
        )
    network, folder, info = load_weights(place, dtype=dtype)
    tokenizer = Tokenizer.from_folder(folder)
    if own_head(network) is not None:
        task, limits = _task_of(network, info), _limits_of(network, info)
        return Predictor(network, tokenizer, task, limits, batch_size=batch_size)
    if template is not None:
        chosen = named_template(template)
    elif info is not None:
        chosen = TEMPLATES.parse(info.template)
    else:
        chosen = choose_template(None, tokenizer)
    instruction = info.instruction if info is not None else None
    return LocalModel(network, tokenizer, chosen, batch_size=batch_size, instruction=instruction)


def load_chat(
    model: str | Path | Run, *, template: str | Template | None = None, batch_size: int = 32
) -> LocalModel:
    """Loads a model to talk to.

    Raises:
        ModelError: it has a head of its own and writes no text.
        TunesmithError: as :func:`load`.
    """
    loaded = load(model, template=template, batch_size=batch_size)
    from tunesmith.chat.local import LocalModel

    if not isinstance(loaded, LocalModel):
        place = model.path if isinstance(model, Run) else model
        raise ModelError(
            f"{place}: was tuned for task {loaded.task.name!r} and answers with a head of its own, "
            f"so it cannot be talked to. Use: tunesmith predict {place} --text ..."
        )
    return loaded


def task_of(model: str | Path | Run) -> Task | None:
    """The settled task that a run or an artefact was tuned for; None where it is not known."""
    info = ArtifactInfo.load(Path(artifact_folder(model)).expanduser())
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
    spec: Model, template: Template | None, *, batch_size: int, method: Method | None = None
) -> LocalModel:
    """Loads the model that a recipe starts from, as the recipe's method holds it."""
    from tunesmith.chat.local import LocalModel
    from tunesmith.model.load import default_device, load_model, weight_dtype

    tokenizer = load_tokenizer(model_folder(spec.path, spec.revision))
    device = default_device()
    options = None if method is None else method.load_options(weight_dtype(spec.dtype, device))
    network = load_model(spec, device=device, options=options)
    chosen = choose_template(template, tokenizer)
    return LocalModel(network, tokenizer, chosen, batch_size=batch_size)


def named_template(template: str | Template) -> Template:
    """A template by its name.

    Raises:
        RecipeError: there is none of that name.
    """
    return template if isinstance(template, Template) else TEMPLATES.load(template)(name=template)


def artifact_folder(model: str | Path | Run) -> str:
    """What to load for a run, a folder or a name.

    Raises:
        RunError: it is a run that is not finished.
    """
    path = model.path if isinstance(model, Run) else Path(model).expanduser()
    run = Run(path)
    if (path / LOCK).is_file():
        if not run.artifact.is_dir():
            raise RunError(
                f"{path}: the run has no tuned model yet. Go on with: tunesmith train "
                f"{path / 'recipe.yaml'} --resume"
            )
        return str(run.artifact)
    return str(model)


def load_weights(place: str, *, dtype: str = "auto") -> tuple[Any, Path, ArtifactInfo | None]:
    """Loads a model, or an adapter on its base, held as in training.

    Args:
        place: folder, hub id or bundled name.
        dtype: type of the weights, as in ``model.dtype``.

    Returns:
        The transformers model, the folder of its tokenizer, and what is known of its tuning.

    Raises:
        ModelError: something is missing, damaged or does not belong together.
    """
    from tunesmith.model.adapter import head_rows, is_adapter, load_adapter
    from tunesmith.model.adapter_config import adapter_head, read_adapter_config
    from tunesmith.model.head import Head, head_of_config, name_padding
    from tunesmith.model.load import default_device, load_model, weight_dtype
    from tunesmith.model.quantised import Quantisation

    folder = Path(place).expanduser()
    device = default_device()
    if not (folder.is_dir() and is_adapter(folder)):
        found = model_folder(place)
        spec, info = Model.model_validate({"path": place, "dtype": dtype}), ArtifactInfo.load(found)
        _require_tokenizer(found, info, found)
        if info is not None:
            head = None if info.head is None else Head.from_dict(info.head)
        else:
            head = head_of_config(read_config(found))
        return load_model(spec, device=device, head=head), found, info
    info, config = ArtifactInfo.load(folder), read_adapter_config(folder)
    if info is not None:
        head = None if info.head is None else Head.from_dict(info.head)
    else:
        head = adapter_head(config, head_rows(folder))
    base = info.base_path if info else str(config["base_model_name_or_path"])
    revision = info.base_revision if info else config.get("revision")
    base_folder = model_folder(base, revision)
    require_base(folder, info, base_folder)
    tokenizer_folder = folder if (folder / "tokenizer.json").is_file() else base_folder
    _require_tokenizer(tokenizer_folder, info, base_folder)
    spec = Model.model_validate({"path": base, "revision": revision, "dtype": dtype})
    options = None
    if info is not None and info.quantisation is not None:
        # The update was learnt beside rounded weights, and makes up for their rounding.
        options = Quantisation(**info.quantisation).load_options(weight_dtype(dtype, device))
    network = load_model(spec, device=device, head=head, options=options)
    load_adapter(network, folder)
    name_padding(network, Tokenizer.from_folder(tokenizer_folder).declared_pad_id)
    return network, tokenizer_folder, info


def _require_tokenizer(folder: Path, info: ArtifactInfo | None, model: Path) -> None:
    """Checks, before any weights are loaded, that tokens mean what they meant in training.

    Args:
        folder: of the tokenizer.
        info: what stands beside tuned weights.
        model: folder of the weights, which must have an embedding for every token.

    Raises:
        ModelError: it is another tokenizer, or has more tokens than the model.
    """
    tokenizer = Tokenizer.from_folder(folder)
    check_vocabulary(tokenizer, read_config(model).get("vocab_size"))
    if info is not None and info.tokenizer_fingerprint != tokenizer.fingerprint:
        raise ModelError(
            f"{folder}: its tokenizer is not the one the model was tuned with (fingerprint "
            f"{info.tokenizer_fingerprint[:12]}, here {tokenizer.fingerprint[:12]}), so every "
            "token could mean another. Put the original files back."
        )


def require_base(folder: Path, info: ArtifactInfo | None, base_folder: Path) -> None:
    """Checks that an adapter was tuned on these weights; says so where nothing is known of it.

    Args:
        folder: of the adapter.
        info: what stands beside it.
        base_folder: of the weights.

    Raises:
        ModelError: it was tuned on others.
    """
    if info is None:
        print(f"{folder}: not made here, so its base cannot be verified.", file=sys.stderr)
        return
    found = weights_fingerprint(base_folder)
    if found != info.base_fingerprint:
        raise ModelError(
            f"{folder}: the adapter was tuned on other weights than those in {base_folder} "
            f"(fingerprint {info.base_fingerprint[:12]}, there {found[:12]}). Put the original "
            "base back."
        )
