"""Recipe: what is to be done, composed of parts; loaded, overridden, saved."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any, cast

import yaml
from pydantic import BeforeValidator, SerializeAsAny, ValidationError, model_validator

from tunesmith.core.bundled import recipe_path
from tunesmith.core.errors import RecipeError, did_you_mean
from tunesmith.core.part import Settings, explain
from tunesmith.data.settings import Data, SourcePath
from tunesmith.evaluation.own_files import beside
from tunesmith.evaluation.settings import GENERAL, Evaluate
from tunesmith.methods import METHODS
from tunesmith.methods.lora import LoRA
from tunesmith.methods.method import Method
from tunesmith.model.spec import Model
from tunesmith.objectives import OBJECTIVES
from tunesmith.objectives.objective import Objective
from tunesmith.tasks import TASKS
from tunesmith.tasks.sft import SupervisedFineTuning
from tunesmith.tasks.task import Task
from tunesmith.templates import TEMPLATES
from tunesmith.templates.template import Template
from tunesmith.trackers import TRACKERS
from tunesmith.trackers.tracker import Tracker
from tunesmith.training.settings import Optim, Train

FORMERLY = {"seed": "train.seed", "lr": "optim.lr", "learning_rate": "optim.lr"}
PARTS = {"task", "template", "method", "objective", "format"}
"""Keys whose value is a part: ``method=lora`` names one, ``method.rank=8`` sets a field of it."""


DEFAULT_PARTS = {"method": "lora", "task": "sft"}
"""What ``method.rank=8`` sets a field of where the recipe names none."""


class Recipe(Settings):
    """One run: which model learns what, how, and how that is judged."""

    model: Model = Model()
    """Weights to start from."""
    data: Data
    """Examples to learn from."""
    template: Annotated[SerializeAsAny[Template], BeforeValidator(TEMPLATES.parse)] | None = None
    """How a conversation is written down; None: the tokenizer's own, else ``alpaca``."""
    task: Annotated[SerializeAsAny[Task], BeforeValidator(TASKS.parse)] = SupervisedFineTuning()
    """What is learnt of an example."""
    method: Annotated[SerializeAsAny[Method], BeforeValidator(METHODS.parse)] = LoRA()
    """Which weights train."""
    objective: Annotated[SerializeAsAny[Objective], BeforeValidator(OBJECTIVES.parse)] | None = None
    """What is minimised; None: the task's own."""
    optim: Optim = Optim()
    """How weights are updated."""
    train: Train = Train()
    """How long and in which portions."""
    trackers: list[Annotated[SerializeAsAny[Tracker], BeforeValidator(TRACKERS.parse)]] = []
    """Where figures are shown beside the run's own JSON lines: ``tensorboard``, ``wandb``,
    ``mlflow``, ``trackio``."""
    evaluate: Evaluate = Evaluate()
    """How answers are made and scored."""
    out: str = "runs/run"
    """Directory of the run."""

    @model_validator(mode="after")
    def _objective_fits(self) -> Recipe:
        if self.objective is not None and self.objective.name not in self.task.objectives:
            raise ValueError(
                f"objective {self.objective.name!r} does not go with task {self.task.name!r}, "
                f"which takes: {', '.join(self.task.objectives)}. Change one of them."
            )
        return self

    @property
    def loss(self) -> Objective:
        """The objective: the one that is named, else the task's own."""
        return self.objective or OBJECTIVES.parse(self.task.objectives[0])

    @property
    def lr(self) -> float:
        """The peak learning rate, from method and objective where the recipe sets none."""
        if self.optim.lr is not None:
            return self.optim.lr
        return self.method.default_lr * self.loss.lr_share

    def with_absolute_paths(self) -> Recipe:
        """The same recipe, good from every directory: paths that exist here are made absolute."""
        sources = [
            source.model_copy(update={"path": _absolute_source(source.path)})
            for source in self.data.sources
        ]
        path = None if self.data.path is None else _absolute_source(self.data.path)
        adapter = None if self.model.adapter is None else _absolute(self.model.adapter)
        text = self.evaluate.forgetting
        forgetting = text if text in (None, GENERAL) else _absolute(text)
        names = self.evaluate.metrics
        metrics = None if names is None else [beside(name, Path.cwd()) for name in names]
        model = {"path": _absolute(self.model.path), "adapter": adapter}
        return self.model_copy(
            update={
                "model": self.model.model_copy(update=model),
                "data": self.data.model_copy(update={"path": path, "sources": sources}),
                "evaluate": self.evaluate.model_copy(
                    update={"forgetting": forgetting, "metrics": metrics}
                ),
                "out": str(Path(self.out).expanduser().absolute()),
            }
        )

    def to_yaml(self) -> str:
        """The whole recipe with every default written out."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Reads a recipe and applies ``key=value`` overrides.

    Args:
        path: a YAML file, or the name of a recipe that comes with the package, as ``demo``.
        overrides: dotted keys and their values, later ones win.

    Raises:
        RecipeError: the file is missing or broken, or keys or values are wrong; names them all.
    """
    file = recipe_file(path)
    fields = read_fields(file)
    _find_own_metrics(fields, file.parent)
    for override in overrides:
        apply_override(fields, override)
    if "out" not in fields:
        fields["out"] = f"runs/{file.stem}"
    return make_recipe(fields, source=str(file))


def recipe_file(path: str | Path) -> Path:
    """The file of a recipe: at a path, else the one of that name that comes with the package.

    Raises:
        RecipeError: there is neither.
    """
    file = Path(path).expanduser()
    if not file.exists() and recipe_path(str(path)).is_file():
        file = recipe_path(str(path))
    if not file.is_file():
        beside = [p.name for p in file.parent.glob("*.yaml")] if file.parent.is_dir() else []
        ours = [p.stem for p in recipe_path("").parent.glob("*.yaml")]
        raise RecipeError(f"{path}: no such recipe. {did_you_mean(file.name, [*beside, *ours])}")
    return file


def read_fields(file: Path) -> dict[str, Any]:
    """The keys of a YAML or JSON file.

    Raises:
        RecipeError: it cannot be read, is broken, or holds no mapping.
    """
    try:
        content = yaml.load(file.read_text("utf-8"), Loader=_Loader)
    except OSError as error:
        raise RecipeError(f"{file}: cannot be read ({error.strerror}).") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{file}: broken YAML: {_one_line(error)}") from None
    if not isinstance(content, dict):
        raise RecipeError(f"{file}: a recipe is a mapping of keys, such as 'model:' and 'data:'.")
    return cast("dict[str, Any]", content)


def make_recipe(
    fields: Mapping[str, Any], *, source: str = "recipe", overrides: Sequence[str] = ()
) -> Recipe:
    """Validates a mapping of keys, after ``key=value`` overrides.

    Raises:
        RecipeError: keys or values are wrong; names them all.
    """
    chosen = deepcopy(dict(fields))
    for override in overrides:
        apply_override(chosen, override)
    try:
        return Recipe.model_validate(chosen)
    except ValidationError as error:
        problems = explain(Recipe, error)
    lines = [f"  {key}: {_hint(key, text)}" for key, text in problems]
    raise RecipeError(f"{source}: {len(lines)} problem(s) in the recipe:\n" + "\n".join(lines))


def _find_own_metrics(fields: dict[str, Any], folder: Path) -> None:
    """Takes the user's own metrics from beside the recipe that names them."""
    group = fields.get("evaluate")
    names = cast("dict[str, Any]", group).get("metrics") if isinstance(group, dict) else None
    if isinstance(names, list):
        fields["evaluate"]["metrics"] = [
            beside(name, folder) if isinstance(name, str) else name
            for name in cast("list[Any]", names)
        ]


def _absolute_source(path: SourcePath) -> SourcePath:
    if isinstance(path, str):
        return _absolute(path)
    return {split: _absolute(one) for split, one in path.items()}


def _absolute(path: str) -> str:
    place = Path(path).expanduser()
    return str(place.resolve()) if place.exists() else path


def _hint(key: str, text: str) -> str:
    moved = FORMERLY.get(key)
    return f"no such key. Write {moved}." if moved else text


def apply_override(fields: dict[str, Any], override: str) -> None:
    """Sets one dotted key; a part given by name keeps the fields that its successor shares.

    Raises:
        RecipeError: it is not written ``key=value``, or the key leads into a value.
    """
    key, sign, text = override.partition("=")
    if not sign or not key:
        raise RecipeError(f"{override!r}: an override is written key=value, as in optim.lr=1e-4.")
    try:
        value = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise RecipeError(f"{override!r}: the value is broken YAML: {_one_line(error)}") from None
    *path, last = key.split(".")
    place = fields
    for step in path:
        inner = place.get(step)
        if inner is None:
            inner = _objective_of(fields) if step == "objective" else DEFAULT_PARTS.get(step)
        if isinstance(inner, str) and step in PARTS:
            inner = {"name": inner}
        elif inner is None:
            inner = {}
        if not isinstance(inner, dict):
            raise RecipeError(f"{override!r}: {step!r} is a value, so it has no key {last!r}.")
        place[step] = inner
        place = cast("dict[str, Any]", inner)
    before = place.get(last)
    if last in PARTS and isinstance(value, str) and isinstance(before, dict):
        value = _renamed(last, cast("dict[str, Any]", before), value)
    place[last] = value


def _objective_of(fields: dict[str, Any]) -> str | None:
    """The name of the objective that the recipe's task takes by itself."""
    task = fields.get("task") or DEFAULT_PARTS["task"]
    name = cast("dict[str, Any]", task).get("name") if isinstance(task, dict) else task
    return TASKS.load(name).objectives[0] if name in TASKS.names() else None


def _renamed(kind: str, before: dict[str, Any], name: str) -> Any:
    """Another part in the place of one: fields that both have stay as the recipe set them."""
    if kind != "method" or name not in METHODS.names():
        return name
    known = METHODS.load(name).model_fields
    return {"name": name, **{k: v for k, v in before.items() if k in known and k != "name"}}


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-4 is a number, as everybody who writes it means."""


cast("Any", _Loader).add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d[\d_]*)(\.[\d_]*)?[eE][-+]?\d+$|^[-+]?\.\d[\d_]*([eE][-+]?\d+)?$"),
    list("-+.0123456789"),
)
