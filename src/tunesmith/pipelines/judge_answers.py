"""Judge answers: any model says which of two models' answers is better, in both orders.

What it said is kept in ``judge/`` of the comparison by the key of what it was asked, so a second
time nothing is asked, and a new model asks about its own pairs alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.chat.endpoint import Endpoint, is_hosted, parse_endpoint
from tunesmith.chat.request import Request
from tunesmith.chat.spend import Prices
from tunesmith.chat.spent_file import SPENT, SpentFile
from tunesmith.core.errors import RunError, TunesmithError
from tunesmith.core.runs import Run
from tunesmith.evaluation.duels import Duel, Winner
from tunesmith.evaluation.rubrics import Criterion, Rubric
from tunesmith.pipelines.beside import named_models
from tunesmith.pipelines.compared_folder import AnsweredExample, Compared
from tunesmith.pipelines.judge_replies import (
    FOLDER,
    ask_and_keep,
    kept_replies,
    missing_replies,
)
from tunesmith.pipelines.judge_reply import Verdict, judge_question, verdicts_of
from tunesmith.pipelines.judge_request import JudgeRequest
from tunesmith.pipelines.model_identity import identity_of, served_by
from tunesmith.pipelines.weights import artifact_folder

if TYPE_CHECKING:
    from tunesmith.chat.teacher import Teacher

SETTINGS = "judge.json"


@dataclass(frozen=True, slots=True)
class Judging:
    """What is kept of a judge.

    Attributes:
        model: as it was named.
        endpoint: what stands for it in the keys of requests.
        rubric: that it was asked by.
        identity: of its files.
        failed: why it could not be asked to the end; empty: it was.
        prices: of its tokens when it was last asked; None: not known, or it is here.
        request: that it was asked by; None: an earlier version did not write it down.
    """

    model: str
    endpoint: Endpoint
    rubric: Rubric
    identity: list[Any]
    failed: str = ""
    prices: Prices | None = None
    request: JudgeRequest | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """Verdicts, read from what is kept.

    Attributes:
        duels: by (one, other, criterion).
        n_missing: examples of a pair that were not asked about in both orders.
        n_replies: that were counted.
        cost: of those, at the prices of the last time; None where none are known.
        self_judged: names of the models that are the judge itself.
        unanswered: why, of each request that will never be answered.
    """

    duels: dict[tuple[str, str, str], list[Duel]]
    n_missing: int
    n_replies: int
    cost: float | None
    self_judged: list[str]
    unanswered: list[str]


def ask_judge(
    compared: Compared,
    request: JudgeRequest,
    *,
    at_once: int = 32,
) -> str:
    """Asks a judge what is not kept yet; what keeps it from judging is told and raises nothing.

    Args:
        compared: models' answers.
        request: who judges, and by what.
        at_once: of a model on this machine, prompts in one batch.

    Returns:
        Why nothing is known of it at all; empty: what it said, and why not more, is kept.

    Raises:
        RecipeError: there is no such rubric.
        RunError: the folder cannot be written.
    """
    prompts = [example.prompt for example in compared.examples]
    rubric = request.rubric_for(str(compared.result["task"]), prompts)
    kept = kept_judging(compared.folder)
    before = kept.endpoint.model if kept is not None and kept.model == request.model else None
    identity: list[Any] = []
    prices = request.prices if is_hosted(request.model) else None
    endpoint, teacher = None, None
    try:
        served = served_by(request.model, before)
        identity = json.loads(json.dumps(identity_of(request.model, served)))  # as it is read again
        if kept is not None and (kept.model, kept.identity) == (request.model, identity):
            endpoint = kept.endpoint
        if endpoint is None:
            teacher = _open(request, at_once, compared.folder)
            endpoint = teacher.endpoint
        judging = Judging(request.model, endpoint, rubric, identity, prices=prices, request=request)
        missing, is_answered = missing_replies(compared.folder, _wanted(compared, judging))
        if missing:
            teacher = teacher or _open(request, at_once, compared.folder)
            print(f"judge {request.model}: {len(missing):,} requests", file=sys.stderr)
            failed = ask_and_keep(teacher, missing, compared.folder, is_answered=is_answered)
            judging = replace(judging, failed=failed)
    except RunError:
        raise
    except TunesmithError as error:
        if endpoint is None:
            _tell(request.model, str(error))
            return str(error)
        judging = Judging(request.model, endpoint, rubric, identity, str(error), prices, request)
    _tell(request.model, judging.failed)
    folder = compared.folder / FOLDER
    folder.mkdir(exist_ok=True)
    Run(folder).write(SETTINGS, {**asdict(judging), "rubric": _plain(rubric)})
    return ""


def kept_judging(folder: Path) -> Judging | None:
    """The judge that a comparison was shown to last; None: there was none.

    Args:
        folder: of the comparison.

    Raises:
        RunError: what is kept is broken.
    """
    if not (folder / FOLDER / SETTINGS).is_file():
        return None
    told = Run(folder / FOLDER).read(SETTINGS)
    try:
        rubric = told.pop("rubric")
        criteria = tuple(Criterion(**one) for one in rubric.pop("criteria"))
        prices, request = _prices(told.pop("prices", None)), told.pop("request", None)
        return Judging(
            **{**told, "endpoint": Endpoint(**told["endpoint"])},
            prices=prices,
            request=None if request is None else _request(request),
            rubric=Rubric(**rubric, criteria=criteria),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{folder / FOLDER / SETTINGS}: is broken ({error!r}). Take it away and judge again."
        ) from None


def read_judged(compared: Compared, judging: Judging) -> Judged:
    """The verdicts on the answers that are there now; other ones are passed over.

    Args:
        compared: models' answers.
        judging: whose verdicts.
    """
    kept = kept_replies(compared.folder)
    duels: dict[tuple[str, str, str], list[Duel]] = {}
    used: dict[str, dict[str, Any]] = {}
    n_missing = 0
    for one, other, example in _choices(compared):
        texts = example.answers[one], example.answers[other]
        is_alike = texts[0] == texts[1]
        said: list[dict[str, Verdict]] = []
        for first, second in (texts, texts[::-1]):
            if is_alike:
                said.append({})
                continue
            key = judge_question(example, first, second, judging.rubric).key(judging.endpoint)
            entry = kept.get(key)
            if entry is None:
                break
            used[key] = entry
            said.append(verdicts_of(entry["text"], entry["finish_reason"], judging.rubric))
        if len(said) < 2:
            n_missing += 1
            continue
        for name in judging.rubric.names:
            forward, backward = (one.get(name, Verdict()) for one in said)
            duel = Duel(
                example.number,
                example.cluster,
                forward.place,
                backward.place,
                _longer(*texts),
                is_alike,
                (forward.reason, backward.reason),
            )
            duels.setdefault((one, other, name), []).append(duel)
    models = compared.result.get("request", {}).get("models", ())
    return Judged(
        duels,
        n_missing,
        len(used),
        _cost(judging.prices, used.values()),
        [each.name for each in named_models(models, taken=()) if _is_same(each.model, judging)],
        [str(entry["why"]) for entry in used.values() if entry.get("why")],
    )


def _prices(told: Mapping[str, float] | None) -> Prices | None:
    return None if told is None else Prices(**told)


def _request(told: Mapping[str, Any]) -> JudgeRequest:
    own = {"criteria": tuple(told["criteria"]), "prices": _prices(told["prices"])}
    return JudgeRequest(**{**told, **own})


def _choices(compared: Compared) -> Iterator[tuple[str, str, AnsweredExample]]:
    for one, other in compared.pairs:
        for example in compared.examples:
            yield one, other, example


def _wanted(compared: Compared, judging: Judging) -> dict[str, Request]:
    """What is asked of a judge, each once, by key."""
    found: dict[str, Request] = {}
    for one, other, example in _choices(compared):
        texts = example.answers[one], example.answers[other]
        if texts[0] == texts[1]:
            continue
        for first, second in (texts, texts[::-1]):
            asked = judge_question(example, first, second, judging.rubric)
            found[asked.key(judging.endpoint)] = asked
    return found


def _cost(prices: Prices | None, replies: Collection[Mapping[str, Any]]) -> float | None:
    """What replies cost at some prices, whichever were told when they came."""
    if prices is None or not replies:
        return None
    tokens = ((one.get("n_prompt_tokens", 0), one.get("n_tokens", 0)) for one in replies)
    return sum(prices.of(n_prompt, n_answer) for n_prompt, n_answer in tokens)


def _open(request: JudgeRequest, at_once: int, folder: Path) -> Teacher:
    from tunesmith.chat.hosted import AT_ONCE
    from tunesmith.chat.reply_cache import ReplyCache
    from tunesmith.core.extras import require
    from tunesmith.pipelines.open_teacher import open_teacher

    if not is_hosted(request.model):
        require("torch", extra="train", purpose="Judging with a model on this machine")
        return open_teacher(request.model, at_once=at_once)
    teacher = open_teacher(
        request.model,
        at_once=AT_ONCE,
        prices=request.prices,
        max_cost=request.max_cost,
        cache=ReplyCache(),
    )
    teacher.spend.keep_in(SpentFile(folder / FOLDER / SPENT, str(teacher.endpoint)))
    return teacher


def _is_same(model: str, judging: Judging) -> bool:
    """Whether a model that is judged is the judge."""
    if is_hosted(model) or is_hosted(judging.model):
        if not (is_hosted(model) and is_hosted(judging.model)):
            return False
        asked, judge = parse_endpoint(model), judging.endpoint
        return asked.url == judge.url and asked.model in ("", judge.model)
    places = [Path(artifact_folder(name)).expanduser() for name in (model, judging.model)]
    return places[0].resolve() == places[1].resolve()


def _longer(one: str, other: str) -> Winner:
    return "tie" if len(one) == len(other) else "one" if len(one) > len(other) else "other"


def _plain(rubric: Rubric) -> dict[str, Any]:
    criteria = [one.model_dump() for one in rubric.criteria]
    return {"name": rubric.name, "criteria": criteria, "shows_reference": rubric.shows_reference}


def _tell(model: str, failed: str) -> None:
    if failed:
        print(f"judge {model}: {failed}", file=sys.stderr)
