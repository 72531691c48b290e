"""A server without a named model: what it serves tells its answers apart."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("httpx")

from tunesmith.core.errors import EndpointError  # noqa: E402
from tunesmith.pipelines.compare import compare  # noqa: E402
from tunesmith.pipelines.compare_request import CompareRequest  # noqa: E402
from tunesmith.pipelines.judge_request import JudgeRequest  # noqa: E402
from tunesmith.pipelines.model_identity import identity_of, served_by  # noqa: E402
from tunesmith.synthesize.teacher.script import Reply  # noqa: E402


def named(asked):
    return Reply(f"I am {asked.model}.")


def texts(request, name="h"):
    lines = Path(request.out, "examples.jsonl").read_text("utf-8").splitlines()
    return {json.loads(line)["answers"][name]["text"] for line in lines}


@pytest.fixture
def request_of(tmp_path, lines):
    rows = [{"instruction": f"Who comes on day {n}?", "output": f"Guest {n}."} for n in range(3)]
    file = lines(tmp_path / "asked.jsonl", *rows)
    return lambda *models, **more: CompareRequest(
        models, data=str(file), out=str(tmp_path / "out"), seed=0, **more
    )


def test_another_model_behind_a_url_is_asked_and_the_first_is_found_again(
    request_of, teacher, capsys
):
    server = teacher(otherwise=named, models=("one",))
    request = request_of(f"h={server.url}")
    compare(request)
    assert texts(request) == {"I am one."}
    server.models = ("two",)
    compare(request)
    assert texts(request) == {"I am two."} and len(server.ledger) == 6
    server.models = ("one",)
    found = compare(request)
    assert texts(request) == {"I am one."} and len(server.ledger) == 6
    before = Path(request.out, "comparison.json").read_bytes()
    server.stop()
    capsys.readouterr()
    assert compare(request) == found
    assert "It served one before" in capsys.readouterr().err
    assert Path(request.out, "comparison.json").read_bytes() == before


def test_what_is_missing_is_not_made_up_for_by_what_was_served_before(
    request_of, teacher, tmp_path
):
    server, good = teacher(otherwise=named), teacher()
    models = (f"h={server.url}", f"good={good.url}#any")
    compare(request_of(*models, max_rows=2))
    server.stop()
    found = compare(request_of(*models))
    assert "cannot be reached" in found["failed"]["h"] and set(found["models"]) == {"good"}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_proxy_before_a_dead_server_is_no_other_answer_than_a_dead_server(status):
    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(status, "no upstream")

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/v1"
        assert served_by(url, "one") == "one"
        with pytest.raises(EndpointError, match=str(status)):
            served_by(url)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_server_of_several_models_is_to_be_told_which(request_of, teacher):
    server, good = teacher(models=("a", "b")), teacher()
    found = compare(request_of(f"h={server.url}", f"good={good.url}#any"))
    assert "serves 2 models, so name one" in found["failed"]["h"]


def test_examples_before_such_a_server_are_told_apart_by_it_too(tmp_path, teacher):
    server = teacher(models=("one",))
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "prompt.json").write_text(json.dumps({"hosted": server.url}), "utf-8")
    assert served_by(str(folder)) == "one"
    assert served_by(f"{server.url}#x") is None and served_by("tunesmith-tiny") is None
    both = [identity_of(str(folder), served) for served in ("one", "two")]
    assert both[0] != both[1] and both[0][:-1] == both[1][:-1]
    server.stop()
    assert served_by(str(folder), "one") == "one"
    with pytest.raises(EndpointError, match="cannot be reached"):
        served_by(str(folder))


def test_a_judge_behind_a_url_is_another_one_when_another_is_served(request_of, teacher):
    judge = teacher(otherwise=Reply("{}"), models=("one",))
    models = [f"{name}={teacher(otherwise=Reply(name)).url}#any" for name in "ab"]
    asked = JudgeRequest(judge.url, criteria=("correct",))
    compare(request_of(*models, judge=asked))
    n_asked = len(judge.ledger)
    compare(request_of(*models, judge=asked))
    assert len(judge.ledger) == n_asked > 0
    judge.models = ("two",)
    compare(request_of(*models, judge=asked))
    assert len(judge.ledger) == 2 * n_asked
    judge.stop()
    found = compare(request_of(*models, judge=asked))
    assert "failed" not in found["judge"] or not found["judge"]["failed"]
