"""Blind votes: kept one by one, bound to what was seen, counted with what they leave open."""

from __future__ import annotations

import json
import math
import random
import re
import subprocess
import sys

import pytest

from tunesmith.cli.main import run as command
from tunesmith.cli.vote import printable
from tunesmith.core.errors import RecipeError, RunError
from tunesmith.pipelines.compared_folder import read_compared
from tunesmith.pipelines.judge_compared import judge_compared
from tunesmith.pipelines.votes import VoteBook, ballots, votes_cast

NAMES = ("hidden-base", "hidden-tuned")


@pytest.fixture
def folder(tmp_path):
    return comparison(
        tmp_path / "out",
        {name: [f"{name[7:]} says {n}" for n in range(6)] for name in NAMES},
    )


def comparison(folder, answers, prompts=None):
    folder.mkdir(exist_ok=True)
    n = len(next(iter(answers.values())))
    lines = [
        {
            "origin": f"asked.jsonl:{place + 1}",
            "prompt": prompts[place] if prompts else f"What about {place}?",
            "references": ["as it is"],
            "answers": {name: {"text": texts[place]} for name, texts in answers.items()},
        }
        for place in range(n)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "examples.jsonl").write_text(text, "utf-8")
    told = {"source": "asked.jsonl", "n": n, "n_clusters": None, "left_out": 0, "task": "sft"}
    told |= {
        "judged_by": "rougeL",
        "headings": {},
        "lower_is_better": [],
        "notes": [],
        "pairs": [],
        "failed": {},
    }
    models = {name: {"scores": {}} for name in answers}
    result = {**told, "models": models, "request": {"models": []}}
    (folder / "comparison.json").write_text(json.dumps(result), "utf-8")
    return folder


def vote_all(folder, voter, prefers, seed=0):
    """A voter who looks at the texts alone."""
    book = VoteBook(folder, voter)
    for ballot in ballots(read_compared(folder), voter, seed=seed):
        book.vote(ballot, prefers(ballot))


def keys(folder, typed, *options, capsys, monkeypatch):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{key}\n" for key in typed)))
    code = command(["compare", "--vote", "--out", str(folder), *options])
    return code, capsys.readouterr().out


def test_order_and_sides_are_drawn_by_the_seed_and_tell_nothing(folder):
    compared = read_compared(folder)
    asked = ballots(compared, "ana", seed=1)
    assert asked == ballots(compared, "ana", seed=1)
    orders = {tuple(b.key for b in ballots(compared, who, seed=s)) for who in "ab" for s in (1, 2)}
    assert len(orders) == 4
    sides = [
        ballot.left.startswith("base")
        for seed in range(40)
        for ballot in ballots(compared, "ana", seed=seed)
    ]
    assert 0.4 < sum(sides) / len(sides) < 0.6


def test_each_example_comes_up_once_before_any_comes_again(tmp_path):
    answers = {name: [f"{name}{n}" for n in range(5)] for name in "abc"}
    asked = ballots(read_compared(comparison(tmp_path / "out", answers)), "ana")
    assert len(asked) == 15
    for start in (0, 5, 10):
        assert len({ballot.origin for ballot in asked[start : start + 5]}) == 5


def test_votes_are_counted_for_the_model_that_wrote_the_text(folder):
    vote_all(folder, "ana", lambda b: "left" if b.left.startswith("tuned") else "right")
    first = {":1": "bad", ":2": "skip"}
    vote_all(folder, "bo", lambda b: first.get(b.origin[-2:], "tie"))
    votes = judge_compared(folder)["votes"]
    [pair] = votes["pairs"]
    assert (pair["one"], pair["wins"], pair["ties"], pair["losses"]) == (NAMES[1], 6, 5, 0)
    assert pair["both_bad"] == 1 and pair["win_rate"] == pytest.approx(8.5 / 11)
    assert 0.5 < pair["low"] < 8.5 / 11 < pair["high"] <= 1
    assert votes["n"] == 11 and votes["n_examples"] == 6 and votes["strengths"] == []
    assert [voter["n"] for voter in votes["voters"]] == [6, 5]
    assert votes["agreement"][0]["kappa"] == 0
    assert "11 blind votes" in (folder / "comparison.md").read_text("utf-8")


def test_votes_hold_for_the_texts_that_were_seen(folder):
    vote_all(folder, "ana", lambda b: "left")
    file = folder / "examples.jsonl"
    file.write_text(file.read_text("utf-8").replace("tuned says 3", "tuned says more"), "utf-8")
    compared = read_compared(folder)
    assert len(votes_cast(compared)) == 5
    book = VoteBook(folder, "ana")
    assert sum(b.key not in book.standing for b in ballots(compared, "ana")) == 1


def test_undo_and_a_torn_line_lose_nothing_else(folder):
    compared = read_compared(folder)
    asked = ballots(compared, "ana")
    book = VoteBook(folder, "ana")
    for ballot in asked[:3]:
        book.vote(ballot, "tie")
    assert book.undo() == asked[2].key
    file = folder / "votes" / "ana.jsonl"
    with file.open("ab") as stream:
        stream.write(b'{"key": "half of a li')
    again = VoteBook(folder, "ana")
    assert set(again.standing) == {ballot.key for ballot in asked[:2]}
    again.vote(asked[3], "skip")
    assert set(VoteBook(folder, "ana").standing) == {asked[n].key for n in (0, 1, 3)}
    assert len(votes_cast(compared)) == 2  # a skip is no vote
    file.write_text("no json\n" + file.read_text("utf-8"), "utf-8")
    with pytest.raises(RunError, match=r"ana\.jsonl:1"):
        VoteBook(folder, "ana")
    with pytest.raises(RecipeError, match="--voter"):
        VoteBook(folder, "../ana")


@pytest.mark.slow
def test_strengths_that_voters_have_are_found_again(tmp_path):
    truth = {"a": 1.0, "b": 0.0, "c": -1.0}
    answers = {name: [f"{name} {n}" for n in range(150)] for name in truth}
    folder = comparison(tmp_path / "out", answers)
    draw = random.Random(5)

    def prefers(ballot):
        left, right = truth[ballot.left[0]], truth[ballot.right[0]]
        return "left" if draw.random() < 1 / (1 + math.exp(right - left)) else "right"

    vote_all(folder, "ana", prefers)
    votes = judge_compared(folder)["votes"]
    assert [row["model"] for row in votes["strengths"]] == ["a", "b", "c"]
    for row in votes["strengths"]:
        assert row["strength"] == pytest.approx(truth[row["model"]], abs=0.3)
        assert row["low"] < truth[row["model"]] < row["high"]
    assert not votes["has_prior"] and len(votes["pairs"]) == 3
    assert votes["strengths"][0]["share"] > 0.7


def test_votes_are_kept_with_the_example_that_they_are_on(folder):
    vote_all(folder, "ana", lambda b: "bad" if " 1" in b.left else prefers_tuned(b))
    judge_compared(folder)
    text = (folder / "preferences.jsonl").read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["example"] for line in lines] == list(range(6))
    pair = {"voter": "ana", "one": NAMES[1], "other": NAMES[0]}
    assert lines[0]["votes"] == [{**pair, "winner": "one", "both_bad": False}]
    assert lines[1]["votes"] == [{**pair, "winner": "tie", "both_bad": True}]
    assert '"v":[[1,0,0,0,0,1]]' in (folder / "comparison.html").read_text("utf-8")


def prefers_tuned(ballot):
    return "left" if ballot.left.startswith("tuned") else "right"


def test_keys_from_a_pipe_are_votes_and_names_stay_hidden(folder, capsys, monkeypatch):
    shown = {"capsys": capsys, "monkeypatch": monkeypatch}
    code, told = keys(folder, ["l", "?", "u", "r", "b", "q"], "--voter", "ana", **shown)
    assert code == 0 and "2 of 6 choices are made by ana" in told
    assert not any(name in told for name in NAMES)
    assert "both bad" in told and "left" in told and "3 of 6" in told
    _, told = keys(folder, ["t", "s", "l", "l"], "--voter", "ana", **shown)
    assert "6 of 6 choices" in told
    assert "hidden-tuned against hidden-base" in " ".join(told.split())  # all is seen: figures
    votes = json.loads((folder / "comparison.json").read_text("utf-8"))["votes"]
    assert votes["n"] == 5 and votes["pairs"][0]["both_bad"] == 1


def test_a_vote_that_was_taken_back_is_asked_again_at_once(folder, capsys, monkeypatch):
    shown = {"capsys": capsys, "monkeypatch": monkeypatch}
    _, told = keys(folder, ["u", "l", "u", "r", "q"], "--voter", "ana", **shown)
    assert "nothing to take back" in told and told.count("─ 1 of 6") == 2
    book = VoteBook(folder, "ana")
    [first] = ballots(read_compared(folder), "ana")[:1]
    assert len(book.standing) == 1 and first.key in book.standing


def test_80_columns_hold_everything_and_a_long_prompt_is_shown_whole_on_demand(
    tmp_path, capsys, monkeypatch
):
    prompt = "\n".join(f"line {n} of the dialogue " + "多" * 50 for n in range(30))
    answers = {"a": ["word " * 40], "b": ["[bold]x[/bold] \x1b[31mred\x1b]0;title\x07 很长" * 9]}
    folder = comparison(tmp_path / "out", answers, [prompt])
    shown = {"capsys": capsys, "monkeypatch": monkeypatch}
    _, told = keys(folder, ["m", "q"], **shown)
    before, _, after = told.partition("\n> m")
    assert "more lines; m shows them" in before and "line 29" not in before
    assert "line 29" in after and "[bold]x[/bold]" in told and "\x1b" not in told
    from rich.cells import cell_len

    screen = before + after.partition("\n> q")[0]
    assert max(cell_len(line) for line in screen.split("\n")) <= 80


def test_signs_that_steer_a_terminal_are_shown_and_others_are_kept():
    assert printable("a\x1b[2J\u202eb\x9b") == "a\ufffd[2J\ufffdb\ufffd"
    assert printable("👩\u200d👧 می\u200cخواهم\tx\r\ny") == "👩\u200d👧 می\u200cخواهم\tx\ny"


def test_a_judge_is_measured_by_people_who_saw_the_same(folder, teacher):
    pytest.importorskip("httpx")
    from tunesmith.pipelines.judge_request import JudgeRequest
    from tunesmith.synthesize.teacher.script import Reply

    def prefers_tuned(asked):
        first = re.search(r"<<<ANSWER A \w+>>>\n(\w+)", asked.text)[1]
        verdict = "A" if first == "tuned" else "B"
        return Reply(json.dumps({"items": [{"criterion": "correct", "verdict": verdict}]}))

    server = teacher(otherwise=prefers_tuned)
    vote_all(
        folder,
        "ana",
        lambda b: "left" if b.left.startswith("tuned") is not b.origin.endswith(":2") else "right",
    )
    judge = JudgeRequest(f"{server.url}#judge", criteria=("correct",))
    found = judge_compared(folder, judge)
    [row] = found["judged"]
    assert row["kappa_n"] == 6 and row["kappa_alike"] == pytest.approx(5 / 6)
    [agreement] = found["judge"]["agreement"]
    assert agreement["criterion"] == "correct" and agreement["kappa"] == row["kappa"]
    assert "Cohen's kappa" in (folder / "comparison.md").read_text("utf-8")


@pytest.mark.slow
def test_votes_survive_kill_9_and_work_in_a_terminal(folder):
    """A real pseudo-terminal, where one key is a vote without a line end."""
    import os
    import pty
    import select
    import signal
    import termios

    leader, follower = pty.openpty()
    code = "from tunesmith.cli.main import run; import sys; sys.exit(run(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "compare", "--vote", "--voter", "ana", "--out", str(folder)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "COLUMNS": "80", "LINES": "40", "TERM": "xterm"},
    )
    os.close(follower)
    seen = b""

    def until(word):
        nonlocal seen
        while word not in seen:
            seen += os.read(leader, 4096)
        before, _, seen = seen.partition(word)
        assert not any(name.encode() in before for name in NAMES)

    def press(key):
        """Once single keys are listened for; what is typed before is thrown away."""
        while termios.tcgetattr(leader)[3] & termios.ICANON:
            select.select([], [], [], 0.01)
        os.write(leader, key)

    until(b"> ")
    press(b"l")
    until(b"2 of 6")
    until(b"> ")
    press(b"\x1b[C")  # the right arrow
    until(b"3 of 6")
    process.send_signal(signal.SIGKILL)
    process.wait()
    os.close(leader)
    assert len(VoteBook(folder, "ana").standing) == 2


def test_a_vote_on_examples_that_are_twice_there_counts_once(tmp_path):
    answers = {name: [name[7:]] * 4 + ["else"] for name in NAMES}
    prompts = ["What now?"] * 4 + ["What else?"]
    folder = comparison(tmp_path / "out", answers, prompts)
    vote_all(folder, "ana", lambda b: "left" if b.left == "tuned" else "right")
    [cast] = votes_cast(read_compared(folder))
    assert (cast.example, cast.winner) in {(0, "one"), (0, "other")}


def test_agreement_and_strengths_without_width_are_told_without_ends(tmp_path):
    names = ("weak", "middling", "strong")
    answers = {name: [f"{name} says {n}" for n in range(4)] for name in names}
    folder = comparison(tmp_path / "out", answers)
    for voter in ("ana", "bo"):
        vote_all(
            folder,
            voter,
            lambda b: max(("left", "right"), key=lambda s: names.index(getattr(b, s).split()[0])),
        )
    votes = judge_compared(folder)["votes"]
    assert all(row["low"] is None and row["high"] is None for row in votes["strengths"])
    page = (folder / "comparison.md").read_text("utf-8")
    assert "Strengths without an interval" in page

    answers = {name: [f"{name[7:]} {n}" for n in range(2)] for name in NAMES}
    folder = comparison(tmp_path / "two", answers)
    for voter in ("ana", "bo"):
        vote_all(folder, voter, lambda b: "left" if b.left in ("base 0", "tuned 1") else "right")
    [row] = judge_compared(folder)["votes"]["agreement"]
    assert (row["kappa"], row["kappa_low"], row["kappa_high"]) == (1.0, None, None)
    assert "kappa 1.00, without an interval" in (folder / "comparison.md").read_text("utf-8")


def test_an_answer_that_the_token_limit_cut_is_marked_for_voters(folder, capsys, monkeypatch):
    file = folder / "examples.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        line["answers"]["hidden-tuned"]["cut"] = True
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for ballot in ballots(read_compared(folder), "ada"):
        [side] = ballot.cut
        assert getattr(ballot, side).startswith("tuned")
    told = keys(folder, "q\n", capsys=capsys, monkeypatch=monkeypatch)
    assert str(told).count("cut by the token limit") == 1
