"""MLflow: curves and answers at a tracking server, in a database, or in the run's directory."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import field_validator

from tunesmith.core.extras import require
from tunesmith.trackers.service import Connection, Record, Service, settings_of
from tunesmith.trackers.tracker import as_markdown, points

PARAMS_AT_ONCE = 100
"""What a server takes in one request."""


class MLflow(Service):
    """Logs to an MLflow experiment; credentials come from MLflow's own environment variables."""

    name: Literal["mlflow"] = "mlflow"
    uri: str | None = None
    """Tracking server or database; None: ``MLFLOW_TRACKING_URI``, else the folder ``mlflow`` in the
    run's directory."""
    experiment: str = "tunesmith"
    """Experiment the run belongs to."""

    @field_validator("uri")
    @classmethod
    def _holds_no_secret(cls, uri: str | None) -> str | None:
        if uri is not None and urlsplit(uri).password:
            raise ValueError(
                "holds a password, and a recipe is kept in plain text. Set "
                "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD instead."
            )
        return uri

    def require_library(self) -> None:
        """Checks that mlflow is there."""
        require("mlflow", extra="trackers", purpose="tracker 'mlflow'")

    def connect(self, folder: Path, run_id: str | None) -> Connection:
        """Opens the run, or goes on with it."""
        # The sending thread tries again by itself; the library would do so for minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
        uri = self.uri or os.environ.get("MLFLOW_TRACKING_URI") or str(folder / "mlflow")
        if not urlsplit(uri).scheme:
            # MLflow 3.17 wants to be told that a plain folder is meant.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        from mlflow.entities import Param
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=uri)
        if run_id is not None:
            client.set_terminated(run_id, "RUNNING")
            return _Run(client, run_id)
        experiment = client.get_experiment_by_name(self.experiment)
        number = (
            client.create_experiment(self.experiment)
            if experiment is None
            else experiment.experiment_id
        )
        run_id = client.create_run(number, run_name=folder.resolve().name).info.run_id
        settings = [Param(key, text) for key, text in settings_of(folder).items()]
        for start in range(0, len(settings), PARAMS_AT_ONCE):
            client.log_batch(run_id, params=settings[start : start + PARAMS_AT_ONCE])
        return _Run(client, run_id)


class _Run:
    def __init__(self, client: Any, run_id: str) -> None:
        self.client, self.id = client, run_id

    def send(self, records: Sequence[Record]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        found = [
            Metric(name, value, now, record.step)
            for record in records
            for name, value in points(record.kind, record.values).items()
        ]
        for start in range(0, len(found), 1000):
            self.client.log_batch(self.id, metrics=found[start : start + 1000])
        for record in records:
            if record.kind == "samples":
                text = "\n\n---\n\n".join(map(as_markdown, record.samples))
                self.client.log_text(self.id, text, f"samples/step-{record.step:08d}.md")

    def close(self, *, finished: bool) -> None:
        self.client.set_terminated(self.id, "FINISHED" if finished else "KILLED")
