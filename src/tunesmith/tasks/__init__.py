"""Example -> token ids with their targets, and a model's output -> an answer."""

from tunesmith.core.registry import Registry
from tunesmith.tasks.task import Task

TASKS: Registry[Task] = Registry(
    "task",
    {
        "sft": "tunesmith.tasks.sft:SupervisedFineTuning",
        "causal-lm": "tunesmith.tasks.causal_lm:CausalLM",
        "classify": "tunesmith.tasks.classify:Classify",
        "classify-in-words": "tunesmith.tasks.classify_in_words:ClassifyInWords",
        "preference": "tunesmith.tasks.preference:PreferenceTuning",
        "extractive-qa": "tunesmith.tasks.extractive_qa:ExtractiveQA",
        "extractive-qa-in-words": "tunesmith.tasks.extractive_qa_in_words:ExtractiveQAInWords",
    },
)
