"""A model on this machine as a teacher: the same store, the same outcomes, batch by batch."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from pydantic import BaseModel  # noqa: E402

from tunesmith.chat.chat_model import ChatModel, Completion, Sampling  # noqa: E402
from tunesmith.chat.endpoint import Endpoint  # noqa: E402
from tunesmith.chat.hosted import HostedModel  # noqa: E402
from tunesmith.chat.request import Request  # noqa: E402
from tunesmith.core.errors import ModelError  # noqa: E402
from tunesmith.pipelines.load import load_chat  # noqa: E402
from tunesmith.pipelines.open_teacher import local_endpoint, open_teacher  # noqa: E402
from tunesmith.synthesize.model_teacher import WINDOW, ModelTeacher  # noqa: E402
from tunesmith.synthesize.store import RequestStore  # noqa: E402
from tunesmith.synthesize.work_through import judge_items, work_through  # noqa: E402

SHORT = Sampling(max_new_tokens=6)
HERE = Endpoint("local:echo", "hash", None)


class Pair(BaseModel):
    question: str
    answer: str


def request(text: str, **fields) -> Request:
    fields = {"sampling": SHORT, **fields}
    return Request(({"role": "user", "content": text},), tag=text[:20], **fields)


def some(n: int) -> list[Request]:
    return [request(f"{number}: write about kettles{' and lamps' * number}") for number in range(n)]


def outcomes(path, teacher, requests, progress=None) -> list[tuple]:
    with RequestStore(path / "store.sqlite", teacher.endpoint) as store:
        store.plan(requests)
        work_through(store, teacher, judge_items(Pair), progress=progress)
        return [(r.key, r.state, r.value, r.reason, r.replies) for r in store.results()]


@pytest.fixture(scope="module")
def teacher() -> ModelTeacher:
    return open_teacher("tunesmith-tiny", at_once=4)


def test_every_request_reaches_an_end_and_the_same_one_again(teacher, tmp_path):
    first = outcomes(tmp_path / "a", teacher, some(10))
    # A small language model writes no JSON: it is asked for a repair, then given up.
    assert {state for _, state, *_ in first} <= {"done", "rejected", "failed"}
    assert sum(state == "rejected" for _, state, *_ in first) >= 8
    assert all(reply.model == str(teacher.endpoint) for *_, replies in first for reply in replies)
    assert outcomes(tmp_path / "b", teacher, some(10)) == first
    assert teacher.spend.n_replies >= 20 and teacher.spend.cost is None


def test_a_run_that_was_stopped_goes_on_and_ends_as_if_it_had_not_been(teacher, tmp_path):
    clean = outcomes(tmp_path / "clean", teacher, some(10))
    n_told = 0

    def stop(worked):
        nonlocal n_told
        n_told += 1
        if n_told == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        outcomes(tmp_path / "stopped", teacher, some(10), stop)
    with RequestStore(tmp_path / "stopped/store.sqlite", teacher.endpoint) as store:
        assert "leased" not in store.counts()
        kept = sum(len(r.replies) for r in store.results())
    assert kept == 6
    before = teacher.spend.n_replies
    assert outcomes(tmp_path / "stopped", teacher, some(10)) == clean
    asked = teacher.spend.n_replies - before
    assert asked == sum(len(replies) for *_, replies in clean) - kept


def test_what_is_drawn_depends_on_the_request_and_not_on_its_batch():
    drawn = replace(SHORT, temperature=1.0, seed=3)
    requests = [replace(r, sampling=drawn, sample=n) for r in some(5) for n in range(2)]
    found = []
    for at_once, order in ((1, 1), (4, -1)):
        texts = {}
        open_teacher("tunesmith-tiny", at_once=at_once).work(
            requests[::order], lambda r, o, t=texts: t.update({(r.tag, r.sample): o.text})
        )
        found.append(texts)
    assert found[0] == found[1] and len(found[0]) == 10
    assert all(found[0][tag, 0] != found[0][tag, 1] for tag, sample in found[0] if sample == 0)


def test_what_does_not_fit_fails_alone_and_for_good(teacher):
    requests = [request("long " * 3000), *some(3)]
    told = {}
    teacher.work(requests, lambda r, o: told.update({r.tag: o}))
    failure = told[requests[0].tag]
    assert "tokens of the prompt had no room" in failure.reason and not failure.may_pass
    assert all(isinstance(told[r.tag], Completion) for r in requests[1:])


class Echo(ChatModel):
    """Says what it was asked; memory runs out above ``fits`` requests, and at the word large."""

    def __init__(self, fits: int = 1000) -> None:
        self.fits = fits
        self.sizes: list[int] = []

    def complete(self, many, sampling):
        texts = [one.messages[-1].text for one in many]
        if len(many) > self.fits or any(text.startswith("large") for text in texts):
            raise torch.OutOfMemoryError("no memory left")
        self.sizes.append(len(many))
        return [Completion(f"{text} {sampling.seed}", "stop", 1, 1) for text in texts]

    def stream(self, conversation, sampling):
        raise NotImplementedError


def test_lack_of_memory_halves_the_batch(capsys):
    model = Echo(fits=3)
    teacher, told = ModelTeacher(model, HERE, batch_size=8), {}
    teacher.work(map(request, map(str, range(20))), lambda r, o: told.update({r.tag: o.text}))
    assert told == {str(n): f"{n} 0" for n in range(20)}
    assert max(model.sizes) == 2 == teacher.batch_size
    assert capsys.readouterr().err.count("out of memory") == 2


def test_a_request_that_no_memory_suffices_for_fails_alone():
    model, told = Echo(), {}
    texts = ["a", "large", "b"]
    teacher = ModelTeacher(model, HERE)
    teacher.work(map(request, texts), lambda r, o: told.update({r.tag: o}))
    assert told["a"].text == "a 0" and told["b"].text == "b 0"
    assert told["large"].may_pass and "too little memory" in told["large"].reason


def test_any_chat_model_draws_by_the_requests_seed_and_in_bounded_portions():
    model, told = Echo(), []
    drawn = Sampling(temperature=1.0, seed=10)
    n_taken = 0

    def requests():
        nonlocal n_taken
        for number in range(100):
            n_taken += 1
            yield request("x", sampling=drawn, sample=number)

    def take(r, outcome):
        told.append(outcome.text)
        assert n_taken <= len(told) + WINDOW * 4

    ModelTeacher(model, HERE, batch_size=4).work(requests(), take)
    assert sorted(told) == sorted(f"x {10 + n}" for n in range(100))


def test_a_cut_prompt_is_no_answer():
    class Cuts(Echo):
        def complete(self, many, sampling):
            return [replace(one, n_prompt_cut=7) for one in super().complete(many, sampling)]

    told = []
    ModelTeacher(Cuts(), HERE).work([request("x")], lambda r, o: told.append(o))
    assert told[0].reason == "7 tokens of the prompt had no room" and not told[0].may_pass


def test_its_identity_is_what_decides_its_answers_and_not_where_it_lies(tiny, tmp_path):
    endpoint = open_teacher(str(tiny)).endpoint
    assert endpoint.url == f"local:{tiny.name}" and len(endpoint.model) == 16
    copy = shutil.copytree(tiny, tmp_path / tiny.name)
    assert open_teacher(str(copy)).endpoint == endpoint
    assert open_teacher(str(tiny), template="llama2").endpoint != endpoint
    weights = copy / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert local_endpoint(copy, load_chat(copy)) != endpoint


def test_a_teacher_is_opened_by_any_name(teacher, tiny):
    assert isinstance(open_teacher("http://127.0.0.1:9/v1#m"), HostedModel)
    with pytest.raises(ModelError, match="Leave template out"):
        open_teacher("http://127.0.0.1:9/v1#m", template="alpaca")
    with pytest.raises(ModelError, match="no such model folder"):
        open_teacher("nowhere")
