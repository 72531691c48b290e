"""Where a run's figures are shown while it goes."""

from tunesmith.core.registry import Registry
from tunesmith.trackers.tracker import Tracker

TRACKERS: Registry[Tracker] = Registry(
    "tracker",
    {
        "jsonl": "tunesmith.trackers.jsonl:JSONLines",
        "tensorboard": "tunesmith.trackers.tensorboard:TensorBoard",
        "wandb": "tunesmith.trackers.wandb:WeightsAndBiases",
        "mlflow": "tunesmith.trackers.mlflow:MLflow",
        "trackio": "tunesmith.trackers.trackio:Trackio",
        "progress": "tunesmith.trackers.progress:ProgressDisplay",
    },
)
