"""Answers against reference answers -> scores; one file per metric."""

from tunesmith.core.registry import Registry
from tunesmith.evaluation.metrics.metric import Metric

METRICS: Registry[Metric] = Registry(
    "metric",
    {
        "rouge": "tunesmith.evaluation.metrics.overlap:Rouge",
    },
)
