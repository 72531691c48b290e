"""Answers against reference answers -> scores; one file per metric."""

from tunesmith.core.registry import Registry
from tunesmith.evaluation.metrics.metric import Metric

METRICS: Registry[Metric] = Registry(
    "metric",
    {
        "accuracy": "tunesmith.evaluation.metrics.agreement:Accuracy",
        "bertscore": "tunesmith.evaluation.metrics.bertscore:BertScore",
        "bits-per-byte": "tunesmith.evaluation.metrics.likelihood:BitsPerByte",
        "bleu": "tunesmith.evaluation.metrics.bleu:Bleu",
        "chrf": "tunesmith.evaluation.metrics.chrf:Chrf",
        "cmrc": "tunesmith.evaluation.metrics.cmrc:Cmrc",
        "correlation": "tunesmith.evaluation.metrics.numbers:Correlation",
        "label-f1": "tunesmith.evaluation.metrics.agreement:LabelF1",
        "mcc": "tunesmith.evaluation.metrics.agreement:MCC",
        "perplexity": "tunesmith.evaluation.metrics.likelihood:Perplexity",
        "preference": "tunesmith.evaluation.metrics.preference:PreferenceAccuracy",
        "rouge": "tunesmith.evaluation.metrics.overlap:Rouge",
        "rouge-skip": "tunesmith.evaluation.metrics.overlap:RougeSkip",
        "squad": "tunesmith.evaluation.metrics.squad:Squad",
        "squared-error": "tunesmith.evaluation.metrics.numbers:SquaredError",
    },
)
