"""Head: what stands on the backbone where a task has an output of its own, not the vocabulary."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import nn

Kind = Literal["sequence-classification", "question-answering"]
Problem = Literal["single_label_classification", "multi_label_classification", "regression"]

AUTO_CLASSES: dict[Kind, str] = {
    "sequence-classification": "AutoModelForSequenceClassification",
    "question-answering": "AutoModelForQuestionAnswering",
}
"""Kind -> the class of transformers that builds backbone and head."""

MODULES: dict[Kind, str] = {"sequence-classification": "score", "question-answering": "qa_outputs"}
"""Kind -> the name of the head's module there."""

PEFT_TASKS: dict[Kind, str] = {
    "sequence-classification": "SEQ_CLS",
    "question-answering": "QUESTION_ANS",
}
"""Kind -> what PEFT calls the task of such a model."""


@dataclass(frozen=True, slots=True)
class Head:
    """A task's own output.

    Attributes:
        kind: which of transformers' heads.
        labels: names of its outputs, in order; of a regression one name.
        problem: what transformers is told of a classification, so that its loss is ours.
    """

    kind: Kind
    labels: tuple[str, ...] = ()
    problem: Problem | None = None

    @property
    def module(self) -> str:
        """Name of its module in the model."""
        return MODULES[self.kind]

    @property
    def n_outputs(self) -> int:
        """Width of its output: one for each label, or start and end."""
        return len(self.labels) if self.kind == "sequence-classification" else 2

    @property
    def n_biases(self) -> int:
        """Biases of its output: transformers gives one to the places of an answer only."""
        return 0 if self.kind == "sequence-classification" else 2

    def config_options(self) -> dict[str, Any]:
        """What a transformers configuration says of it."""
        if self.kind == "question-answering":
            return {}
        return {
            "num_labels": len(self.labels),
            "id2label": dict(enumerate(self.labels)),
            "label2id": {label: number for number, label in enumerate(self.labels)},
            "problem_type": self.problem,
        }

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Head:
        """What :meth:`as_dict` gave."""
        return cls(**{**fields, "labels": tuple(fields["labels"])})


def head_of_config(config: Mapping[str, Any]) -> Head | None:
    """The head that a model's configuration tells of; None: its output is the vocabulary."""
    names = config.get("architectures") or [""]
    if names[0].endswith("ForQuestionAnswering"):
        return Head("question-answering")
    if not names[0].endswith("ForSequenceClassification"):
        return None
    named = config.get("id2label")
    if named:  # keys are text in JSON
        labels = tuple(str(named[key]) for key in sorted(named, key=int))
    else:
        labels = unnamed_labels(int(config.get("num_labels") or 2))
    return Head("sequence-classification", labels, config.get("problem_type") or problem_of(labels))


def unnamed_labels(n_labels: int) -> tuple[str, ...]:
    """What transformers calls labels that have no names."""
    return tuple(f"LABEL_{number}" for number in range(n_labels))


def problem_of(labels: Collection[str]) -> Problem:
    """What transformers takes a classification for that does not say: one output is a number."""
    return "regression" if len(labels) == 1 else "single_label_classification"


def name_padding(model: Any, pad_id: int) -> None:
    """Tells transformers which token fills rows up, so that it finds the last one of a text."""
    if own_head(model) is not None:
        model.config.pad_token_id = pad_id


def backbone_renaming(architecture: Any) -> dict[str, str]:
    """How weights of a language model are called in another architecture: pattern -> name.

    transformers calls the layers below the head of ``LlamaForQuestionAnswering`` ``transformer``,
    and those of ``LlamaForCausalLM`` ``model``; without being told it takes fresh ones.

    Args:
        architecture: a class of transformers, or a model of it.
    """
    prefix = architecture.base_model_prefix
    return {} if prefix == "model" else {r"^model\.": f"{prefix}."}


def own_head(model: nn.Module) -> str | None:
    """Name of the module that is a task's own head; None where the output is the vocabulary."""
    return next((name for name in MODULES.values() if hasattr(model, name)), None)


def own_heads(names: Collection[str]) -> list[str]:
    """Those of a model's modules that are a task's own head."""
    return [name for name in MODULES.values() if name in names]


def output_head(model: Any) -> nn.Linear:
    """The layer that makes a model's output of hidden states: [V or outputs, D]."""
    name = own_head(model)
    return model.get_output_embeddings() if name is None else getattr(model, name)


def peft_task(model: nn.Module) -> str:
    """What PEFT calls the task of a model."""
    name = own_head(model)
    return next(
        (PEFT_TASKS[kind] for kind, module in MODULES.items() if module == name), "CAUSAL_LM"
    )
