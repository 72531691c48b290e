"""The server: only for its own page, on this machine, behind a token; what it answered is kept."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from made_dataset import read_rows

from tunesmith.cli.main import run
from tunesmith.core.errors import DataError, RunError
from tunesmith.pipelines.review import review
from tunesmith.synthesize.review.decisions import Decisions
from tunesmith.synthesize.review.server import ROUTES


def ask(url, method="GET", path="", body=None, **headers):
    """Sends a request; a body that is no bytes goes as JSON. Gives status, headers and answer."""
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=20)
    sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    given = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    if method == "POST" and "Content-Type" not in given:
        given["Content-Type"] = "application/json"
    connection.request(method, at.path + path, sent, given)
    reply = connection.getresponse()
    content = reply.read()
    connection.close()
    is_json = reply.headers.get_content_type() == "application/json"
    return reply.status, reply.headers, json.loads(content) if is_json else content.decode()


def every_route(url, **headers):
    """Statuses of all routes, taken from the server's own table."""
    return {
        (method, path): ask(url, method, path, {} if method == "POST" else None, **headers)[0]
        for method, path in ROUTES
    }


def test_every_route_answers_its_own_page(serve):
    url = serve().url
    origin = url[: url.index("/", 8)]
    statuses = every_route(url, Origin=origin, Sec_Fetch_Site="same-origin")
    assert set(statuses) == set(ROUTES)
    assert {status for (method, _), status in statuses.items() if method == "GET"} == {200}
    assert statuses["POST", "api/undo"] == statuses["POST", "api/decide"] == 409


def test_case_64_no_route_answers_without_the_token(serve):
    url = urlsplit(serve().url)
    for path in ("/", "//", "/wrong/", f"{url.path[:-2]}/", f"/x{url.path}"):
        assert set(every_route(f"{url.scheme}://{url.netloc}{path}").values()) == {403}


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "[", "127.0.0.1.evil.example"])
def test_case_64_no_route_answers_a_name_that_was_pointed_here(serve, host):
    assert set(every_route(serve().url, Host=host).values()) == {403}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_case_64_no_other_page_can_ask_even_with_the_token(serve, headers):
    statuses = every_route(serve().url, **headers)
    assert {status for (_, path), status in statuses.items() if path} == {403}


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "json"])
def test_case_64_a_form_cannot_decide(serve, kind):
    page = serve()
    for path in ("api/decide", "api/undo"):
        assert ask(page.url, "POST", path, {}, **{"Content-Type": kind})[0] == 415


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"{", 400), (b"[]", 400), (b"[" * 100_000, 400), (b'{"filter": 3}', 409)],
)
def test_what_is_no_request_is_refused_and_the_server_goes_on(serve, body, status):
    page = serve()
    assert ask(page.url, "POST", "api/decide", body)[0] == status
    assert ask(page.url, path="api/item?go=first")[0] == 200


def test_sizes_that_are_none_are_refused(serve):
    url = serve().url
    assert ask(url, "POST", "api/decide", b"", **{"Content-Length": "9" * 30})[0] == 413
    assert ask(url, "POST", "api/decide", b"", **{"Content-Length": "17000000"})[0] == 413
    assert ask(url, path="api/rows?first=-1&n=x")[0] == 400
    assert ask(url, path="api/item?context=99999999999")[0] == 400
    assert ask(url, path="nothing")[0] == 404


def test_the_page_loads_nothing_and_nobody_may_frame_or_keep_it(serve):
    status, headers, page = ask(serve().url)
    policy = headers["Content-Security-Policy"]
    assert status == 200
    for told in ("default-src 'none'", "frame-ancestors 'none'", "require-trusted-types-for"):
        assert told in policy
    assert "unsafe" not in policy
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert "http://" not in page and "https://" not in page


def test_a_row_is_decided_edited_and_undone_over_http(serve):
    page = serve()
    item = ask(page.url, path="api/item?fate=accepted&go=open")[2]
    asked = {
        "id": item["row"]["id"],
        "content": item["content"],
        "verdict": "edited",
        "turns": [{**item["row"]["turns"][0], "answer": "every fortnight"}],
        "filter": {"fate": "accepted"},
    }
    status, _, following = ask(page.url, "POST", "api/decide", asked)
    assert (status, following["rank"], following["progress"]["edited"]) == (200, 2, 1)
    assert page.counts()["edited"] == 1
    status, _, undone = ask(page.url, "POST", "api/undo", {})
    assert (status, undone["row"]["id"], undone["state"]) == (200, item["row"]["id"], "undecided")
    assert ask(page.url, "POST", "api/undo", {})[0] == 409


@pytest.mark.parametrize("gone", ["rows.jsonl", "documents.sqlite"])
def test_a_folder_without_a_dataset_is_told(dataset, capsys, gone):
    folder = dataset(1)
    (folder / gone).unlink()
    with pytest.raises(DataError, match=f"holds no {gone}"), review(folder):
        pass
    assert run(["data", "review", str(folder), "--no-open"]) == 2
    assert "tunesmith data build" in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(dataset):
    folder = dataset(1)
    with review(folder) as page:
        port = urlsplit(page.url).port
        assert port is not None
        with pytest.raises(RunError, match=f"port {port}"), review(folder, port=port):
            pass


def start_command(folder):
    command = [sys.executable, "-m", "tunesmith", "data", "review", str(folder), "--no-open"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def decide_next(url, verdict):
    item = ask(url, path="api/item?go=open")[2]
    asked = {"id": item["row"]["id"], "content": item["content"], "verdict": verdict}
    assert ask(url, "POST", "api/decide", asked)[0] == 200
    return item["row"]["id"]


@pytest.mark.slow
def test_kill_9_loses_no_decision_that_was_answered(dataset):
    folder = dataset(40)
    expected = {}
    for verdict in ("accepted", "rejected"):
        process, url = start_command(folder)
        with process:
            expected |= {decide_next(url, verdict): verdict for _ in range(15)}
            process.send_signal(signal.SIGKILL)
    with Decisions(folder / "review.sqlite") as decisions:
        assert {id: d.verdict for id, d in decisions.all().items()} == expected
    assert list(expected) == [row["id"] for row in read_rows(folder)][:30]


def test_ctrl_c_tells_the_counts_and_where_the_decisions_are(dataset):
    folder = dataset(5)
    process, url = start_command(folder)
    with process:
        decide_next(url, "accepted")
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "5 rows = 1 accepted + 0 edited + 0 rejected + 4 not decided" in told
    assert str(folder / "review.sqlite") in told
