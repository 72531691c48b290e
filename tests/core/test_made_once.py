"""Entries of the cache that one process makes while others wait."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

import pytest

from tunesmith.core import made_once as module
from tunesmith.core.cache import cache_dir, entry
from tunesmith.core.made_once import finish, made_once, make_room

KIND = "kind"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))


def make(key: str, text: str = "made") -> None:
    with made_once(KIND, key, print) as draft:
        (draft / "file").write_text(text)
        finish(draft)


def test_a_finished_draft_is_the_entry_and_nothing_else_is_left():
    make("a")
    assert (entry(KIND, "a") / "file").read_text() == "made"
    assert [place.name for place in (cache_dir() / KIND).iterdir()] == ["a"]
    assert [file.name for file in entry(KIND, "a").iterdir()] == ["file"]


def test_a_finished_draft_takes_the_place_of_an_earlier_entry():
    make("a", "first")
    make("a", "second")
    assert (entry(KIND, "a") / "file").read_text() == "second"


def test_of_a_draft_that_an_error_ended_nothing_is_left():
    with pytest.raises(ValueError, match="no"), made_once(KIND, "a", print) as draft:
        (draft / "file").write_text("half")
        raise ValueError("no")
    assert list((cache_dir() / KIND).iterdir()) == []


def test_what_a_killed_process_left_is_taken_away_with_the_next():
    code = (
        "import os, signal\n"
        "from tunesmith.core.made_once import made_once\n"
        "with made_once('kind', 'killed', print) as draft:\n"
        "    (draft / 'file').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL
    assert [place.name for place in (cache_dir() / KIND).iterdir()] == [".draft-killed"]
    make("other")
    assert [place.name for place in (cache_dir() / KIND).iterdir()] == ["other"]


def test_who_wants_the_same_waits_and_finds_it_made():
    """The lock is of an open file, so threads stand for processes here."""
    waits, told, found = threading.Event(), [], []

    def second() -> None:
        def tell(text: str) -> None:
            told.append(text)
            waits.set()

        with made_once(KIND, "a", tell):
            found.append((entry(KIND, "a") / "file").read_text())

    thread = threading.Thread(target=second)
    with made_once(KIND, "a", print) as draft:
        thread.start()
        assert waits.wait(20)
        (draft / "file").write_text("made by the first")
        finish(draft)
    thread.join(20)
    assert found == ["made by the first"]
    assert "another process is at it" in told[0]
    assert [place.name for place in (cache_dir() / KIND).iterdir()] == ["a"]


def test_a_draft_that_somebody_is_at_is_left_alone():
    with made_once(KIND, "a", print) as draft:
        make("b")
        assert draft.is_dir()
        finish(draft)
    assert {place.name for place in (cache_dir() / KIND).iterdir()} == {"a", "b"}


def test_room_is_made_of_what_was_unused_longest():
    for age, key in enumerate(("newest", "middle", "oldest")):
        make(key, "x" * 100)
        os.utime(cache_dir() / KIND / key, (10_000 - age, 10_000 - age))
    assert make_room(KIND, 100, 400) == []
    gone = make_room(KIND, 100, 250)
    assert [place.name for place in gone] == ["oldest", "middle"]
    assert [place.name for place in (cache_dir() / KIND).iterdir()] == ["newest"]


def test_who_takes_drafts_away_takes_none_that_is_being_finished(monkeypatch):
    """Between the steps of a finish another process begins and takes away what was left."""
    real = module.shutil.rmtree

    def with_another_between(place, **settings):
        monkeypatch.setattr(module.shutil, "rmtree", real)
        make("b")
        real(place, **settings)

    make("a", "first")
    with made_once(KIND, "a", print) as draft:
        (draft / "file").write_text("second")
        monkeypatch.setattr(module.shutil, "rmtree", with_another_between)
        finish(draft)
    assert (entry(KIND, "a") / "file").read_text() == "second"
    assert {place.name for place in (cache_dir() / KIND).iterdir()} == {"a", "b"}


def test_the_end_of_a_block_leaves_the_next_ones_draft_alone():
    with contextlib.ExitStack() as stack:
        with made_once(KIND, "a", print) as draft:
            finish(draft)
            again = stack.enter_context(made_once(KIND, "a", print))
        (again / "file").write_text("second")
        finish(again)
    assert (entry(KIND, "a") / "file").read_text() == "second"


def test_a_draft_that_was_finished_meanwhile_is_not_taken_for_one_that_was_left(monkeypatch):
    """Its lock is opened before its end; another process has a draft under its name after that."""
    import fcntl

    with contextlib.ExitStack() as first, contextlib.ExitStack() as second:
        draft = first.enter_context(made_once(KIND, "a", print))
        real = fcntl.flock

        def after_its_end(handle, how):
            monkeypatch.setattr(fcntl, "flock", real)
            finish(draft)
            first.close()
            second.enter_context(made_once(KIND, "a", print))
            real(handle, how)

        monkeypatch.setattr(fcntl, "flock", after_its_end)
        module._take_away_left(draft)
        assert draft.is_dir()
