"""W&B, MLflow and Trackio with their real libraries, on this machine alone."""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.errors import RecipeError  # noqa: E402
from tunesmith.core.runs import METRICS, Run  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.trackers import service  # noqa: E402
from tunesmith.trackers import wandb as tracker  # noqa: E402
from tunesmith.training.loop import Trainer  # noqa: E402

STEPS = 6


def fields_for(recipe_fields: dict, tracker: Any, **train_fields: Any) -> dict[str, Any]:
    return {
        **recipe_fields,
        "trackers": [tracker],
        "train": {**recipe_fields["train"], "samples": 1, **train_fields},
        "evaluate": {"max_new_tokens": 3},
    }


def closed_port() -> int:
    """A loopback port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def killed(recipe, monkeypatch, at: int) -> None:
    """Begins a run and stops it behind a step."""
    fit = Trainer.fit

    class Killed(BaseException):
        pass

    def fit_and_die(self, should_stop=lambda step: False):
        fit(self, lambda step: step == at)
        raise Killed

    monkeypatch.setattr(Trainer, "fit", fit_and_die)
    with pytest.raises(Killed):
        train(recipe)
    monkeypatch.setattr(Trainer, "fit", fit)


@pytest.fixture
def mlflow(monkeypatch):
    pytest.importorskip("mlflow")
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_ALLOW_FILE_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


def mlflow_run(folder: Path):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=str(folder))
    experiment = client.get_experiment_by_name("tunesmith")
    assert experiment is not None
    [found] = client.search_runs([experiment.experiment_id])
    return client, found


def test_mlflow_has_every_step_and_answer(recipe_fields, mlflow):
    run = train(make_recipe(fields_for(recipe_fields, "mlflow")))
    client, found = mlflow_run(run.path / "mlflow")
    lines = run.lines(METRICS)
    losses = client.get_metric_history(found.info.run_id, "train/loss")
    assert [(m.step, m.value) for m in losses] == [
        (line["step"], line["loss"]) for line in lines if line["kind"] == "train"
    ]
    evaluated = client.get_metric_history(found.info.run_id, "eval/general_perplexity")
    assert [(m.step, m.value) for m in evaluated] == [
        (line["step"], line["general_perplexity"]) for line in lines if line["kind"] == "eval"
    ]
    assert found.data.params["method.rank"] == "4"
    assert found.info.status == "FINISHED"
    assert len(client.list_artifacts(found.info.run_id, "samples")) == len(evaluated)


def test_a_resumed_run_goes_on_in_the_same_mlflow_run(recipe_fields, mlflow, monkeypatch):
    recipe = make_recipe(fields_for(recipe_fields, "mlflow"))
    killed(recipe, monkeypatch, at=3)
    _, found = mlflow_run(Path(recipe.out) / "mlflow")
    assert found.info.status == "KILLED"
    run = train(recipe, resume=True)
    client, found = mlflow_run(run.path / "mlflow")  # one run, not two
    steps = [m.step for m in client.get_metric_history(found.info.run_id, "train/loss")]
    assert steps == list(range(1, STEPS + 1))
    assert found.info.status == "FINISHED"


def test_case_25_training_goes_on_while_mlflow_is_down(recipe_fields, mlflow, monkeypatch, capsys):
    """The port refuses; the run ends as it would have, and is sent when there is a store."""
    plain = train(make_recipe({**recipe_fields, "out": recipe_fields["out"] + "-plain"}))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{closed_port()}")
    recipe = make_recipe(fields_for(recipe_fields, "mlflow"))
    run = train(recipe)
    told = capsys.readouterr().err
    assert told.count("cannot be reached") == 1
    assert "did not take" in told and "--resume" in told
    assert run.summary["eval_loss_best"] == plain.summary["eval_loss_best"]
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    train(recipe, resume=True)  # finished: only what is missing is sent
    client, found = mlflow_run(run.path / "mlflow")
    steps = [m.step for m in client.get_metric_history(found.info.run_id, "train/loss")]
    assert steps == list(range(1, STEPS + 1))
    assert client.list_artifacts(found.info.run_id, "samples")
    train(recipe, resume=True)  # and only once
    assert len(client.get_metric_history(found.info.run_id, "train/loss")) == STEPS


def test_case_25_a_server_that_never_answers_is_not_waited_for(
    recipe_fields, mlflow, monkeypatch, capsys
):
    monkeypatch.setattr(service, "CLOSE_WAIT_S", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
        run = train(make_recipe(fields_for(recipe_fields, "mlflow")))
        assert run.summary["steps"] == STEPS
        assert "did not take" in capsys.readouterr().err


def test_a_password_in_an_address_is_refused(recipe_fields):
    tracker = {"name": "mlflow", "uri": "http://me:secret@127.0.0.1:5000"}
    with pytest.raises(RecipeError, match="holds a password") as caught:
        make_recipe({**recipe_fields, "trackers": [tracker]})
    assert "secret" not in str(caught.value)


def wandb_records(folder: Path) -> list[Any]:
    """What a W&B offline run's files hold: a LevelDB log of protobuf records behind 7 bytes."""
    from wandb.proto import wandb_internal_pb2

    found = []
    for file in sorted(folder.glob("wandb/offline-run-*/run-*.wandb")):
        content, place, parts = file.read_bytes(), 7, b""
        while place + 7 <= len(content):
            if 32768 - place % 32768 < 7:  # what is left of a block is filled up
                place += 32768 - place % 32768
                continue
            _, length, kind = struct.unpack("<IHB", content[place : place + 7])
            parts += content[place + 7 : place + 7 + length]
            place += 7 + length
            if kind in (1, 4):  # whole, or the last part
                found.append(wandb_internal_pb2.Record.FromString(parts))
                parts = b""
    return found


@pytest.mark.slow
def test_wandb_offline_has_every_step_and_goes_on(recipe_fields, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    recipe = make_recipe(fields_for(recipe_fields, {"name": "wandb", "mode": "offline"}))
    killed(recipe, monkeypatch, at=3)
    run = train(recipe, resume=True)
    records = wandb_records(run.path)
    assert len({record.run.run_id for record in records if record.HasField("run")}) == 1
    history = [
        {item.key or "/".join(item.nested_key): item.value_json for item in record.history.item}
        for record in records
        if record.HasField("history")
    ]
    losses = {int(h["step"]): float(h["train/loss"]) for h in history if "train/loss" in h}
    assert losses == {
        line["step"]: pytest.approx(line["loss"])
        for line in run.lines(METRICS)
        if line["kind"] == "train"
    }
    assert any("samples" in h for h in history) or list(run.path.glob("wandb/**/*.table.json"))
    for file in run.path.rglob("*"):
        if file.is_file():
            assert b"k" * 40 not in file.read_bytes(), file


@pytest.mark.slow
def test_case_25_training_goes_on_while_wandb_is_down(recipe_fields, monkeypatch, capsys):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setattr(tracker, "INIT_TIMEOUT_S", 2.0)
    recipe = make_recipe(fields_for(recipe_fields, "wandb"))
    run = train(recipe)
    told = capsys.readouterr().err
    assert run.summary["steps"] == STEPS
    assert "tracker 'wandb'" in told and "did not take" in told


@pytest.fixture(scope="module")
def trackio_folder(tmp_path_factory) -> Any:
    """Trackio reads its folder's name when it is imported, so the module has one."""
    folder = tmp_path_factory.mktemp("trackio")
    patch = pytest.MonkeyPatch()
    patch.setenv("TRACKIO_DIR", str(folder))
    pytest.importorskip("trackio")
    yield folder
    patch.undo()


def test_trackio_has_every_step_and_goes_on(recipe_fields, trackio_folder, monkeypatch, capsys):
    recipe = make_recipe(fields_for(recipe_fields, {"name": "trackio", "project": "tests"}))
    killed(recipe, monkeypatch, at=3)
    run = train(recipe, resume=True)
    import trackio

    [found] = trackio.Api().runs("tests")
    logged = {
        (entry["step"], name): entry[name]
        for entry in trackio_lines("tests", found.name)
        for name in ("train/loss", "eval/loss")
        if name in entry
    }
    assert logged == {
        (line["step"], name): pytest.approx(line[key])
        for line in run.lines(METRICS)
        for kind, key, name in (("train", "loss", "train/loss"), ("eval", "eval_loss", "eval/loss"))
        if line["kind"] == kind
    }
    assert capsys.readouterr().out == ""
    assert list(trackio_folder.glob("tests*"))


def trackio_lines(project: str, name: str) -> list[dict[str, Any]]:
    from trackio.sqlite_storage import SQLiteStorage

    return SQLiteStorage.get_logs(project, name)


class Flaky(service.Connection):
    """Takes nothing until it is told to."""

    id = "one"

    def __init__(self) -> None:
        self.is_up = threading.Event()
        self.was_tried = threading.Event()
        self.taken: list[tuple[str, int]] = []

    def send(self, records):
        self.was_tried.set()
        if not self.is_up.is_set():
            raise ConnectionError("down")
        self.taken += [(record.kind, record.step) for record in records]

    def close(self, *, finished):
        self.taken.append(("closed", finished))


def test_what_was_missed_is_sent_in_order_when_a_service_is_back(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(service, "FIRST_WAIT_S", 0.001)
    flaky = Flaky()
    sender = service.Sender("flaky", tmp_path, lambda run_id: flaky)
    for step in (1, 2):
        sender.step({"step": step, "loss": 1.0})
    assert flaky.was_tried.wait(10)
    flaky.is_up.set()
    sender.evaluation({"step": 2, "eval_loss": 1.0})
    sender.close(finished=True)
    assert flaky.taken == [("train", 1), ("train", 2), ("eval", 2), ("closed", True)]
    assert capsys.readouterr().err.count("cannot be reached") == 1


def test_a_step_that_is_repeated_after_a_crash_is_not_sent_twice(tmp_path):
    for steps in ((1, 2, 3), (2, 3, 4)):
        flaky = Flaky()
        flaky.is_up.set()
        sender = service.Sender("flaky", tmp_path, lambda run_id, flaky=flaky: flaky)
        for step in steps:
            sender.step({"step": step, "loss": 1.0})
        sender.close(finished=True)
    assert [step for kind, step in flaky.taken if kind == "train"] == [4]


def test_a_missing_library_is_told_before_training(recipe_fields, monkeypatch):
    from tunesmith.core import extras
    from tunesmith.core.errors import MissingExtraError

    monkeypatch.setattr(extras, "is_installed", lambda package: package != "mlflow")
    with pytest.raises(MissingExtraError, match=r"tunesmith\[trackers\]"):
        train(make_recipe(fields_for(recipe_fields, "mlflow")))
    assert not Run(Path(recipe_fields["out"])).is_finished
