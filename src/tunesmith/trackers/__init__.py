"""Where a run's figures are shown while it goes."""

from tunesmith.core.registry import Registry
from tunesmith.trackers.tracker import Tracker

TRACKERS: Registry[Tracker] = Registry(
    "tracker",
    {
        "jsonl": "tunesmith.trackers.jsonl:JSONLines",
        "tensorboard": "tunesmith.trackers.tensorboard:TensorBoard",
        "progress": "tunesmith.trackers.progress:ProgressDisplay",
    },
)
