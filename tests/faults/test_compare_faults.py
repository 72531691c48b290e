"""Comparisons that go wrong: a clear word each, finished work kept, and only the rest asked again.

The real command, and a real server on the loopback address behind it.
"""

from __future__ import annotations

import json
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tunesmith.synthesize.teacher.script import Fault, Reply, Rule

pytest.importorskip("torch")
pytest.importorskip("httpx")

ROWS = [
    {"instruction": f"Who comes on day {n}?", "input": "", "output": f"Guest {n} comes."}
    for n in range(6)
]
GOOD = Reply("Guest 1 comes.")


def only(text: str, *acts: Any) -> Rule:
    """What is done with requests that hold a text."""
    return Rule(text, acts)


@dataclass
class Desk:
    """A folder with examples, and the command."""

    commands: Any
    folder: Path

    def write(self, *rows: Any, name: str = "asked.jsonl") -> Path:
        file = self.folder / name
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        return file

    def compare(self, *args: str, data: Path | None = None, **how: Any) -> Any:
        file = data or self.write(*ROWS)
        env = {
            "TUNESMITH_CACHE": str(self.folder / "cache"),
            "COLUMNS": "200",
            **how.pop("env", {}),
        }
        return self.commands(
            "compare", *args, "--data", file, "--out", "out", folder=self.folder, env=env, **how
        )

    @property
    def result(self) -> dict[str, Any]:
        return json.loads((self.folder / "out/comparison.json").read_text("utf-8"))


@pytest.fixture
def desk(commands, tmp_path) -> Desk:
    return Desk(commands, tmp_path)


def said(done: Any) -> str:
    """All that is on the screen, on one line."""
    assert "Traceback" not in done.out + done.err, done.err
    return " ".join((done.out + done.err).split())


def test_rows_without_an_answer_are_named_and_can_be_left_out(desk, teacher):
    model = f"h={teacher(otherwise=GOOD).url}#any"
    bare = {"messages": [{"role": "user", "content": "Hi"}]}
    done = desk.compare(model, data=desk.write(bare))
    assert done.code == 2 and "asked.jsonl:1" in said(done)
    assert "--bad-rows reject" in said(done) and "data.bad_rows" not in said(done)
    done = desk.compare(model, "--bad-rows", "reject", data=desk.write(bare))
    assert done.code == 2 and "no example" in said(done)


def test_a_broken_line_of_a_file_is_named_with_an_option_that_helps(desk, teacher):
    model = f"h={teacher(otherwise=GOOD).url}#any"
    file = desk.write(*ROWS, '{"instruction": "x", ')
    done = desk.compare(model, data=file)
    assert done.code == 2 and "asked.jsonl:7: broken JSON" in said(done)
    assert "--bad-rows reject" in said(done) and "data.bad_rows" not in said(done)
    done = desk.compare(model, "--bad-rows", "reject", data=file)
    assert done.code == 0 and desk.result["n"] == 6 and desk.result["rejected"]["n"] == 1
    assert "1 row could not be used and was left out" in said(done)


def test_empty_answers_are_counted(desk, teacher):
    server = teacher(only("day [12]", Reply("")), otherwise=GOOD)
    done = desk.compare(f"h={server.url}#any")
    assert done.code == 0 and "empty" in said(done) and "33%" in said(done)
    assert desk.result["models"]["h"]["empty_fraction"] == pytest.approx(1 / 3)


def test_one_example_is_said_to_be_too_few(desk, teacher):
    models = [f"{name}={teacher(otherwise=Reply(name)).url}#any" for name in "ab"]
    done = desk.compare(*models, data=desk.write(ROWS[0]))
    assert done.code == 0 and "1 example of" in said(done)
    assert "b and a cannot be told apart with 1 example" in said(done)
    assert "has no interval and no test" in said(done) and "- to -" not in said(done)


@pytest.mark.parametrize(
    ("acts", "words"),
    [
        ((Fault("status", 403, message="no access"),), "it is forbidden (403 no access)"),
        ((Fault("status", 402, message="pay"),), "the account cannot pay (402 pay)"),
        ((Fault("status", 429, headers={"Retry-After": "600"}),), "asks to wait for 600 s"),
    ],
)
def test_a_model_that_refuses_is_a_row_with_its_reason_and_is_asked_again(
    desk, teacher, acts, words
):
    good = teacher(otherwise=GOOD)
    server = teacher(only("day 3", *acts, GOOD), otherwise=GOOD)
    models = (f"good={good.url}#any", f"h={server.url}#any")
    done = desk.compare(*models)
    assert done.code == 1 and words in desk.result["failed"]["h"] and f"h: {server.url}" in done.err
    assert set(desk.result["models"]) == {"good"} and len(good.ledger) == 6
    counted = Counter(entry.text for entry in server.ledger.entries if entry.outcome == "200")
    done = desk.compare(*models)
    assert done.code == 0 and set(desk.result["models"]) == {"good", "h"}
    assert len(good.ledger) == 6
    again = Counter(entry.text for entry in server.ledger.entries if entry.outcome == "200")
    assert all(again[text] == 1 for text in counted)


def test_a_model_that_is_down_is_a_row_with_its_reason(desk, teacher):
    good = teacher(otherwise=GOOD)
    done = desk.compare(f"good={good.url}#any", "h=http://127.0.0.1:9/v1#any")
    assert done.code == 1 and "cannot be reached" in said(done)
    assert "h was not compared" in said(done) and set(desk.result["models"]) == {"good"}
    done = desk.compare("h=http://127.0.0.1:9/v1#any")
    assert done.code == 2 and "no model answered" in said(done)


def test_a_throttled_model_is_waited_for(desk, teacher):
    slow = Fault("status", 429, headers={"Retry-After-Ms": "100"})
    server = teacher(only("day 3", slow, GOOD), otherwise=GOOD)
    done = desk.compare(f"h={server.url}#any")
    assert done.code == 0 and server.ledger.counts() == {"200": 6, "429": 1}


def test_answers_that_are_withheld_declined_or_cut_are_counted_apart(desk, teacher):
    server = teacher(
        only("day 2", Reply("Guest 1", finish_reason="length")),
        only("day 3", Fault("status", 400, code="content_filter", message="filtered")),
        only("day 4", Reply("", finish_reason="content_filter")),
        only("day 5", Reply("", refusal="I cannot say.")),
        otherwise=GOOD,
    )
    done = desk.compare(f"h={server.url}#any")
    found = desk.result["models"]["h"]
    assert done.code == 0 and "refused" in said(done) and "cut" in said(done)
    assert found["refused_fraction"] == pytest.approx(1 / 2)
    assert found["cut_fraction"] == pytest.approx(1 / 6)


def test_a_request_that_will_never_be_answered_is_named_and_costs_no_other(desk, teacher):
    long = Fault("status", 400, code="context_length_exceeded", message="too long")
    server = teacher(only("day 3", long), otherwise=GOOD)
    done = desk.compare(f"h={server.url}#any", f"good={teacher(otherwise=GOOD).url}#any")
    assert done.code == 0 and "1 of 6 examples was not answered" in said(done)
    assert "asked.jsonl:4" in said(done) and "400 too long" in said(done)
    assert set(desk.result["models"]) == {"h", "good"}
    assert desk.result["models"]["h"]["unanswered_fraction"] == pytest.approx(1 / 6)


def test_a_key_that_is_missing_or_wrong_is_told_before_anything_else_is_done(desk, teacher):
    good = f"good={teacher(otherwise=GOOD).url}#any"
    done = desk.compare(good, "h=openai:gpt-4o", env={"OPENAI_API_KEY": ""})
    assert done.code == 1 and "needs a key. Set OPENAI_API_KEY" in said(done)
    server = teacher(otherwise=GOOD, key="right")
    done = desk.compare(good, f"h={server.url}#any")
    assert done.code == 1 and "the key was refused (401" in said(done)
    assert server.ledger.counts() == {}


@pytest.mark.parametrize("metric", ["correlation", "preference", "squared-error"])
def test_a_metric_that_does_not_fit_the_task_is_refused_before_anything_is_asked(
    desk, teacher, metric
):
    server = teacher(otherwise=GOOD)
    done = desk.compare(f"h={server.url}#any", "--metric", metric)
    assert done.code == 2 and f"metric {metric!r}" in said(done) and "sft" in said(done)
    assert len(server.ledger) == 0


def test_text_metrics_do_not_fit_labels(desk, teacher):
    server = teacher(otherwise=Reply("pos"))
    rows = [{"text": f"good {n}", "label": ["neg", "pos"][n % 2]} for n in range(6)]
    done = desk.compare(f"h={server.url}#any", "--metric", "squared-error", data=desk.write(*rows))
    assert done.code == 2 and "metric 'squared-error'" in said(done) and len(server.ledger) == 0
    done = desk.compare(f"h={server.url}#any", "--metric", "rogue", data=desk.write(*rows))
    assert done.code == 2 and "Did you mean 'rouge'" in said(done)


def test_killed_hosted_comparisons_ask_nothing_twice_that_was_answered(desk, teacher):
    server = teacher(otherwise=GOOD)
    kill = ("kill_at", "tunesmith.chat.reply_cache:ReplyCache.put", 4)
    done = desk.compare(f"h={server.url}#any", accident=kill)
    assert done.code == -signal.SIGKILL
    assert desk.compare(f"h={server.url}#any").code == 0
    times = Counter(Counter(entry.text for entry in server.ledger.entries).values())
    assert sum(times.values()) == 6 and times[1] >= 3 and max(times) <= 2
    n_asked = len(server.ledger)
    assert desk.compare(f"h={server.url}#any").code == 0 and len(server.ledger) == n_asked


def test_killed_local_comparisons_keep_the_portions_that_were_answered(desk, tiny):
    rows = [{"instruction": f"Day {n}?", "input": "", "output": "A guest."} for n in range(260)]
    models = (f"a={tiny}", "--max-new-tokens", "1")
    kill = ("kill_at", "tunesmith.pipelines.kept_answers:_append", 2)
    done = desk.compare(*models, data=desk.write(*rows), accident=kill)
    assert done.code == -signal.SIGKILL
    kept = (desk.folder / "out/answers/a.generate.jsonl").read_text("utf-8")
    assert kept.count('"answer":') >= 256
    assert desk.compare(*models, data=desk.write(*rows)).code == 0
    whole = (desk.folder / "out/answers/a.generate.jsonl").read_text("utf-8")
    assert whole.startswith(kept) and desk.result["n"] == 260
    files = [(desk.folder / "out" / f"comparison.{kind}").read_bytes() for kind in ("json", "md")]
    assert desk.compare(*models, data=desk.write(*rows)).code == 0
    again = [(desk.folder / "out" / f"comparison.{kind}").read_bytes() for kind in ("json", "md")]
    assert again == files
