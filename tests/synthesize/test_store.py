"""The store: nothing is lost, and nothing that is finished is asked again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from planted import Knows, planted

pytest.importorskip("httpx")

from tunesmith.chat.chat_model import Completion
from tunesmith.chat.endpoint import parse_endpoint
from tunesmith.chat.hosted import HostedModel
from tunesmith.chat.patience import Patience
from tunesmith.chat.request import Request
from tunesmith.core import holder
from tunesmith.core.errors import EndpointError, RunError
from tunesmith.synthesize import store as store_module
from tunesmith.synthesize.parse_reply import reply_schema
from tunesmith.synthesize.repair import PROBLEM, REPAIRS
from tunesmith.synthesize.store import RequestStore
from tunesmith.synthesize.teacher.script import Fault, Reply, Rule, message_key
from tunesmith.synthesize.work_through import Worked, judge_items, work_through

sys.path.insert(0, str(Path(__file__).parent))
from fill_store import Pair, fill, requests  # noqa: E402

sys.path.pop(0)
HERE = parse_endpoint("http://127.0.0.1:9/v1#m")
HASTY = Patience(tries=3, first_wait_s=0.01, longest_wait_s=0.02)


def request(text: str) -> Request:
    return Request(({"role": "user", "content": text},), tag=text)


def open_store(path: Path) -> RequestStore:
    return RequestStore(path / "store.sqlite", HERE)


def results(path: Path, endpoint=HERE, tag: str = "") -> list[tuple]:
    path = path / "store.sqlite" if path.is_dir() else path
    with RequestStore(path, endpoint) as store:
        return [(r.key, r.tag, r.state, r.value, r.reason) for r in store.results(tag)]


def test_a_request_is_added_once_and_leased_by_one(tmp_path):
    with open_store(tmp_path) as one, open_store(tmp_path) as other:
        assert one.add(map(request, "abc")) == 3 and other.add(map(request, "bcd")) == 1
        places = [store.lease().first.tag for store in (one, other, one, other)]
        assert places == list("abcd") and one.lease() is None
        assert one.counts() == {"leased": 4}


def test_adding_is_whole_or_not_at_all(tmp_path):
    def some():
        yield request("a")
        raise KeyboardInterrupt

    with open_store(tmp_path) as store:
        with pytest.raises(KeyboardInterrupt):
            store.add(some())
        assert not store.counts()


def test_a_new_plan_leaves_the_old_ones_requests_stale_and_takes_them_back(tmp_path):
    said = Completion("raw", "stop", 3, 1)
    with open_store(tmp_path) as store:
        assert store.plan(map(request, "abcd")) == 4
        store.reply(store.lease(), said, "done", value=["a"])
        under_way = store.lease()
        assert store.plan(map(request, "ade")) == 1
        assert store.counts() == {"done": 1, "leased": 1, "stale": 1, "pending": 2}
        assert [r.tag for r in store.results(planned=True)] == ["a", "d", "e"]
        assert [store.lease().first.tag for _ in "de"] == ["d", "e"] and store.lease() is None
        # What was under way is written down as ever, and asked no more.
        store.reply(under_way, said, "pending", following=request("b, better"))
        assert store.counts() == {"done": 1, "leased": 2, "stale": 2} and store.lease() is None
        assert store.add([request("b")]) == 0
        again = store.lease()
        assert (again.first.tag, again.request.messages[0]["content"]) == ("b", "b, better")
        assert again.n_replies == 1


def test_a_plan_is_whole_or_not_at_all_and_frees_what_was_abandoned(tmp_path, monkeypatch):
    def some():
        yield request("c")
        raise KeyboardInterrupt

    with open_store(tmp_path) as store:
        store.plan(map(request, "ab"))
        store.lease()
        with pytest.raises(KeyboardInterrupt):
            store.plan(some())
        assert store.counts() == {"leased": 1, "pending": 1}
    monkeypatch.setattr(holder, "BOOT_ID", tmp_path / "another-boot")
    with open_store(tmp_path) as store:
        store.plan([request("c")])
        assert store.counts() == {"stale": 2, "pending": 1} and not store.has_abandoned()


def test_stale_failures_are_not_tried_again(tmp_path):
    with open_store(tmp_path) as store:
        store.plan(map(request, "ab"))
        for _ in "ab":
            store.reply(store.lease(), None, "failed", reason="down")
        store.plan([request("b")])
        assert store.retry_failed() == 1 and store.lease().first.tag == "b"
        assert store.counts() == {"failed": 1, "leased": 1}


def test_results_are_found_by_key_and_by_tag(tmp_path):
    with open_store(tmp_path) as store:
        tagged = [replace(request(t), tag=f"{kind}/{t}") for t in "ab" for kind in ("q%", "qx")]
        tagged = [replace(r, sample=n) for n, r in enumerate(tagged)]
        store.add(tagged)
        one = store.result(tagged[2].key(HERE))
        assert (one.tag, one.state, one.replies) == ("q%/b", "pending", ())
        assert store.result("of nothing") is None
        assert [r.tag for r in store.results("q%/")] == ["q%/a", "q%/b"]  # no wildcard
        store.add([replace(tagged[2], tag="another name")])
        assert store.result(tagged[2].key(HERE)).tag == "another name"


def test_it_is_written_for_good(tmp_path):
    with open_store(tmp_path) as store:
        assert store._base.one("PRAGMA journal_mode") == ("wal",)
        assert store._base.one("PRAGMA synchronous") == (2,)
        store.add([request("a")])
        said = Completion("raw", "stop", 3, 1, model="m", latency_s=0.5)
        store.reply(store.lease(), said, "rejected", reason="why")
    with open_store(tmp_path) as store:
        [result] = store.results()
    assert result.state == "rejected" and result.replies == (said,) and result.reason == "why"


def test_a_lease_ends_with_its_process_or_its_boot_and_not_by_the_clock(tmp_path, monkeypatch):
    with open_store(tmp_path) as store:
        store.add(map(request, "ab"))
        store.lease()
        monkeypatch.setattr(time, "time", lambda: 4e9)  # the clock on the wall is a century on
        assert store.lease().first.tag == "b" and store.lease() is None
        monkeypatch.setattr(holder, "BOOT_ID", tmp_path / "another-boot")
    with open_store(tmp_path) as store:
        assert [store.lease().first.tag for _ in "ab"] == ["a", "b"] and store.lease() is None
        monkeypatch.setattr(store_module, "LEASE_S", -1.0)
        store.release()
        assert [store.lease().first.tag for _ in "ab"] == ["a", "b"]
        assert store.lease().first.tag == "a"  # its time is over, though its process lives


def test_a_process_is_gone_when_it_has_ended_or_its_number_is_anothers():
    me = holder.this_process()
    assert not holder.is_gone(me)
    boot, namespace, pid, started = json.loads(me)
    assert holder.is_gone(json.dumps([boot, namespace, pid, "1"]))
    assert holder.is_gone(json.dumps(["", namespace, pid, started]))
    assert not holder.is_gone(json.dumps([boot, "another", pid, "1"]))
    code = "from tunesmith.core.holder import this_process; print(this_process())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert holder.is_gone(ended.stdout)


def test_case_51_one_repair_is_tried_then_the_raw_text_is_kept(teacher, tmp_path):
    good = '[{"question": "q", "answer": "a", "evidence": "e"}]'
    server = teacher(
        Rule("^mended", (Reply("no JSON here"),)),
        Rule("^hopeless", (Reply("not even now"),)),
        Rule("cannot be used", (lambda asked: Reply(_second(asked, good)),)),
        Rule("^fine", (Reply(good),)),
    )
    done = _worked(server, tmp_path, "mended", "hopeless", "fine")
    assert [r.state for r in done] == ["done", "rejected", "done"]
    assert done[0].value == json.loads(good) == done[2].value
    assert [reply.text for reply in done[1].replies] == ["not even now", "still not"]
    assert "no JSON" in done[1].reason and len(server.ledger) == 5


def _second(asked, good: str) -> str:
    return good if asked.messages[0]["content"] == "mended" else "still not"


@pytest.mark.parametrize("language", REPAIRS)
def test_a_repair_is_asked_for_in_the_documents_language(teacher, tmp_path, language):
    server = teacher(Rule("^x$", (Reply("[1"),)), otherwise=Reply("[]"))
    told = REPAIRS[language]
    assert told.count(PROBLEM) == 1 and told.count("{") == 1 and "JSON" in told
    [done] = _worked(server, tmp_path, "x", repair=told)
    assert done.state == "done"
    assert server.ledger.entries[1].text == told.format(problem="there is no JSON in the reply")


def test_a_repair_of_ones_own_may_hold_braces(teacher, tmp_path):
    server = teacher(Rule("^x$", (Reply("no"),)), otherwise=Reply("[]"))
    _worked(server, tmp_path, "x", repair='{problem}: write {"items": []}')
    assert server.ledger.entries[1].text.endswith(': write {"items": []}')


def test_progress_is_told_of_every_outcome_once_it_is_on_the_disk(teacher, tmp_path):
    server = teacher(
        Rule("^mended", (Reply("no"),)),
        Rule("broken", (Fault("status", 500),)),
        Rule("sorry", (Reply("I cannot."),)),
        otherwise=Reply("[]"),
    )
    told = []

    def progress(worked: Worked) -> None:
        [kept] = results(tmp_path, parse_endpoint(f"{server.url}#teacher"), worked.request.tag)
        assert kept[2] == worked.state and kept[4] == worked.reason
        told.append((worked.request.tag, worked.state, worked.completion is None))

    _worked(server, tmp_path, "mended", "broken", "sorry", at_once=1, progress=progress)
    assert sorted(told) == [
        ("broken", "failed", True),
        ("mended", "done", False),
        ("mended", "pending", False),
        ("sorry", "rejected", False),
    ]


def test_only_what_is_planned_is_asked(teacher, tmp_path):
    server = teacher(otherwise=Reply("[]"))
    endpoint = parse_endpoint(f"{server.url}#teacher")
    with RequestStore(tmp_path / "store.sqlite", endpoint) as store:
        store.plan(map(request, "abc"))
        store.plan(map(request, "cd"))
        work_through(store, HostedModel(endpoint, patience=HASTY), judge_items(Pair))
        assert store.counts() == {"stale": 2, "done": 2}
    assert sorted(entry.text for entry in server.ledger.entries) == ["c", "d"]


@pytest.mark.parametrize("takes_schema, takes_tools", [(1, 1), (0, 1), (0, 0)])
def test_case_50_prose_around_the_json_is_read_however_it_was_asked_for(
    teacher, tmp_path, takes_schema, takes_tools
):
    item = {"question": "q", "answer": "a", "evidence": "e"}
    prose = f"Sure! Here it is:\n```json\n{json.dumps({'items': [item]})}\n```\nHope it helps."
    server = teacher(
        Rule("ignored", (Reply(prose, calls=False),)),
        otherwise=Reply(prose),  # in the arguments, too
        takes_schema=bool(takes_schema),
        takes_tools=bool(takes_tools),
    )
    schema = reply_schema(Pair)
    done = _worked(server, tmp_path, "ignored", "kept", schema=schema)
    assert [(r.state, r.value) for r in done] == [("done", [item])] * 2
    assert server.ledger.counts()["400"] == 2 - takes_schema - takes_tools


def test_case_52_what_was_cut_is_asked_for_with_more_room(teacher, tmp_path):
    whole = '[{"question": "q", "answer": "a", "evidence": "e"}]'

    def by_room(asked):
        short = asked.max_tokens <= 256 or asked.text == "endless"
        return Reply(whole, finish_reason="length" if short else "stop")

    done = _worked(teacher(otherwise=by_room), tmp_path, "long", "endless")
    assert [r.state for r in done] == ["done", "rejected"] and done[1].value is None
    assert [len(r.replies) for r in done] == [2, 2]


def test_refusals_are_rejected_and_failures_failed_and_all_adds_up(teacher, tmp_path):
    server = teacher(
        Rule("declined", (Reply("", refusal="No."),)),
        Rule("sorry", (Reply("I'm sorry, but I cannot do that."),)),
        Rule("broken", (Fault("status", 500),)),
        otherwise=Reply("[]"),
    )
    done = _worked(server, tmp_path, "declined", "sorry", "broken", "fine")
    assert [r.state for r in done] == ["rejected", "rejected", "failed", "done"]
    assert done[0].reason == "refusal: No." and done[1].reason.startswith("refusal: I'm sorry")
    assert len(server.ledger) == 1 + 1 + 3 + 1


def test_a_stopped_job_goes_on_where_it_was(teacher, tmp_path):
    server = teacher(Rule("5", (Fault("status", 402), Reply("[]"))), otherwise=Reply("[]"))
    with pytest.raises(EndpointError):
        _worked(server, tmp_path, *"0123456789", at_once=1)
    done = _worked(server, tmp_path, *"0123456789", at_once=1)
    assert [r.state for r in done] == ["done"] * 10 and len(server.ledger) == 11
    assert _worked(server, tmp_path, *"0123456789") == done and len(server.ledger) == 11


@pytest.mark.parametrize("hangs", [False, True], ids=["answers", "hangs"])
def test_ctrl_c_ends_at_once_with_the_work_kept(teacher, tmp_path, hangs):
    n, at_once = 60, 4
    facts = planted(n)
    stuck = Rule("", (Fault("hangs"),), probability=0.1 if hangs else 0.0)
    server = teacher(stuck, otherwise=Knows(facts, delay_s=0.02))
    path = tmp_path / "store.sqlite"
    script = str(Path(__file__).parent / "fill_store.py")
    command = [sys.executable, script, str(path), server.url, str(n), str(at_once)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while len(server.ledger) < 20 and process.poll() is None:
            time.sleep(0.002)  # a real process is watched
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=10)[1]
    assert process.returncode == -signal.SIGINT and told.strip().endswith("KeyboardInterrupt")
    endpoint = parse_endpoint(f"{server.url}#teacher")
    with RequestStore(path, endpoint) as store:
        counts = store.counts()
        assert not counts["leased"] and counts["done"] >= 20 - at_once - 3 * hangs
        assert counts["done"] + counts["pending"] == n
    if not hangs:
        fill(path, server.url, n, at_once)
        assert {result[2] for result in results(path, endpoint)} == {"done"}
        assert len(server.ledger) <= n + at_once


def test_leases_can_be_renewed(tmp_path, monkeypatch):
    with open_store(tmp_path) as store:
        store.add([request("a")])
        monkeypatch.setattr(store_module, "LEASE_S", -1.0)
        store.lease()
        assert store.has_abandoned()
        monkeypatch.setattr(store_module, "LEASE_S", 60.0)
        store.renew()
        assert not store.has_abandoned() and store.lease() is None


def test_a_store_of_another_endpoint_is_refused(teacher, tmp_path):
    with open_store(tmp_path) as store, pytest.raises(RunError, match="Use another store"):
        other = replace(HERE, model="other")
        work_through(store, HostedModel(other), judge_items(Pair))


def _worked(
    server,
    folder: Path,
    *texts: str,
    at_once: int = 4,
    repair=REPAIRS["en"],
    progress=None,
    schema=None,
):
    endpoint = parse_endpoint(f"{server.url}#teacher")
    with RequestStore(folder / "store.sqlite", endpoint) as store:
        store.add(replace(request(text), schema=schema) for text in texts)
        model = HostedModel(endpoint, patience=HASTY, at_once=at_once)
        work_through(store, model, judge_items(Pair, repair=repair), progress=progress)
        assert store.counts().total() == len(texts)
        return list(store.results())


@pytest.mark.slow
def test_case_58_kill_minus_9_at_20_random_calls_loses_and_repeats_nothing(teacher, tmp_path):
    n, at_once = 240, 4
    facts = planted(n)
    passing = Rule("", (Fault("status", 500),), then_falls_through=True, probability=0.1)
    server = teacher(passing, otherwise=SometimesWrong(facts), seed=1)
    endpoint = parse_endpoint(f"{server.url}#teacher")
    path, draw = tmp_path / "killed.sqlite", random.Random(8)
    script = str(Path(__file__).parent / "fill_store.py")
    command = [sys.executable, script, str(path), server.url, str(n), str(at_once)]
    with RequestStore(path, endpoint) as store:
        store.add(requests(n))
    finished: dict[str, int] = {}
    for _ in range(20):
        stop_at = len(server.ledger) + draw.randint(1, 10)
        process = subprocess.Popen(command, env=os.environ)
        while len(server.ledger) < stop_at and process.poll() is None:
            time.sleep(0.002)  # a real process is watched
        process.kill()
        assert process.wait() == -9
        asked = _asked(server, facts)
        for _key, tag, state, *_ in results(path, endpoint):
            if state == "done":
                assert finished.setdefault(tag, asked[tag]) == asked[tag]
    assert 20 < len(finished) < n
    fill(path, server.url, n, at_once)
    asked = _asked(server, facts)
    assert {tag: asked[tag] for tag in finished} == finished
    # At most what was under way at each kill was asked a second time.
    clean = teacher(passing, otherwise=SometimesWrong(facts), seed=1)
    fill(tmp_path / "clean.sqlite", clean.url, n, at_once)
    assert 0 < len(server.ledger) - len(clean.ledger) <= 20 * at_once
    there = results(tmp_path / "clean.sqlite", parse_endpoint(f"{clean.url}#teacher"))
    # Keys hold the address of the server, which differs.
    assert [r[1:] for r in results(path, endpoint)] == [r[1:] for r in there]
    assert {r[2] for r in there} == {"done"} and len(there) == n


class SometimesWrong:
    """Answers a tenth of the facts with broken JSON first, and mends that when it is told."""

    broken = "here you are: [1"

    def __init__(self, facts) -> None:
        self.replies = {fact.request: fact for fact in facts}

    def __call__(self, asked) -> Reply:
        fact = self.replies[asked.messages[0]["content"]]
        is_wrong = fact.number % 10 == 3 and len(asked.messages) == 1
        return Reply(self.broken if is_wrong else fact.reply, delay_s=0.02)


def _asked(server, facts) -> dict[str, int]:
    """How often each fact was asked for, repairs included."""
    tags: dict[str, str] = {}
    for fact in facts:
        first = {"role": "user", "content": fact.request}
        said = {"role": "assistant", "content": SometimesWrong.broken}
        told = REPAIRS["en"].format(problem="there is no JSON in the reply")
        repair = [first, said, {"role": "user", "content": told}]
        for messages in ([first], repair):
            tags[message_key(messages)] = f"fact {fact.number}"
    counts = dict.fromkeys(tags.values(), 0)
    for entry in server.ledger.entries:
        counts[tags[entry.key]] += 1
    return counts


@pytest.mark.slow
def test_throughput_is_at_least_95_percent_of_the_limit_with_32_in_flight(teacher, tmp_path):
    per_minute, n = 1800, 240
    server = teacher(
        otherwise=Knows(planted(n), delay_s=0.4), requests_per_minute=per_minute, burst_s=1
    )
    fill(tmp_path / "store.sqlite", server.url, n, 32)
    times = [entry.arrived_s for entry in server.ledger.entries if entry.outcome == "200"]
    assert len(times) == n
    # The first request goes out alone; the rate is that of those behind it.
    rate = (len(times) - 2) / (times[-1] - times[1]) * 60
    print(f"{rate:.0f} requests a minute of {per_minute}; {server.ledger.counts()}")
    assert rate >= 0.95 * per_minute
    assert server.ledger.counts()["429"] <= 0.02 * n


def test_half_a_character_is_kept_and_given_back(tmp_path):
    with open_store(tmp_path) as store:
        assert store.plan([request("half \ud83d of it")]) == 1
        asked = store.lease()
        said = Completion('{"a": "\ud83d"}', "stop", 3, 1)
        again = request("\ude00 again")
        store.reply(asked, said, "pending", reason="no \ud83d", following=again)
        store.reply(store.lease(), None, "done", value=[{"a": "\ud83d"}], reason="left \ud83d out")
        [found] = store.results()
    assert found.value == [{"a": "\ud83d"}] and found.replies == (said,)
    assert found.reason == "left \ufffd out"


def test_a_store_that_is_damaged_is_named(tmp_path):
    with open_store(tmp_path) as store:
        store.plan(request(f"{n} " + "long " * 500) for n in range(50))
    path = tmp_path / "store.sqlite"
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xee" * (path.stat().st_size - 4 * 4096))
    with open_store(tmp_path) as store:
        with pytest.raises(RunError, match=r"store\.sqlite: the store is damaged .* Put a copy"):
            [*store.results()]
        with pytest.raises(RunError, match="is damaged"):
            store.plan(map(request, "abc"))
