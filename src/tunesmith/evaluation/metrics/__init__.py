"""Answers against reference answers -> scores; one file per metric."""

from tunesmith.core.registry import Registry
from tunesmith.evaluation.metrics.metric import Metric

METRICS: Registry[Metric] = Registry(
    "metric",
    {
        "cmrc": "tunesmith.evaluation.metrics.cmrc:Cmrc",
        "rouge": "tunesmith.evaluation.metrics.overlap:Rouge",
        "squad": "tunesmith.evaluation.metrics.squad:Squad",
    },
)
