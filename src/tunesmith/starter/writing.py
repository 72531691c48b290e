"""Writes the turns of one dialogue from its slots: opening, exchanges, outcome, farewell."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from tunesmith.starter import detours as say
from tunesmith.starter import names
from tunesmith.starter.domains import Triple
from tunesmith.starter.outcomes import OUTCOMES, Outcome

KEEPS_PRODUCT = frozenset({"fix", "replacement", "technician", "part"})
"""Outcomes after which the customer goes on using the product."""

_SENTENCE = re.compile(r"(^|[.?!] )([a-z])")


@dataclass
class Talk:
    """Turns in the making: even ones are the customer's, odd ones the agent's.

    Attributes:
        rng: source of every choice.
        slots: values for the templates.
        turns: sentences of each turn.
        pending: sentences that will open the agent's next turn.
        known: slots that may be spoken of: "name" and "agent" become so on the way.
    """

    rng: random.Random
    slots: dict[str, str]
    turns: list[list[str]] = field(default_factory=lambda: [[]])
    pending: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def fill(self, template: str, **values: str) -> str:
        """Return `template` with its slots filled and its sentences capitalised."""
        text = template.format_map({**self.slots, **values})
        return _SENTENCE.sub(lambda match: match[1] + match[2].upper(), text)

    def pick(self, pool: tuple[str, ...]) -> str:
        """Return one of the templates in `pool` that need no name not yet given."""
        hidden = [f"{{{slot}}}" for slot in ("name", "agent") if slot not in self.known]
        return self.rng.choice([text for text in pool if not any(slot in text for slot in hidden)])

    def user(self, template: str, **values: str) -> None:
        """Add to the customer's turn, which is begun if the agent spoke last."""
        if len(self.turns) % 2 == 0:
            self.turns.append([])
        self._add(template, values)

    def agent(self, template: str, **values: str) -> None:
        """Add to the agent's turn, which is begun if the customer spoke last."""
        if len(self.turns) % 2 == 1:
            self.turns.append(self.pending)
            self.pending = []
        self._add(template, values)

    def answer_later(self, template: str) -> None:
        """Keep a sentence for the start of the agent's next turn."""
        self.pending.append(self.fill(template))

    def texts(self) -> list[str]:
        """Return the turns as plain text."""
        return [" ".join(turn) for turn in self.turns]

    def _add(self, template: str, values: dict[str, str]) -> None:
        if template:
            self.turns[-1].append(self.fill(template, **values))


def write_dialogue(rng: random.Random, triple: Triple, slots: dict[str, str]) -> list[str]:
    """Return the texts of one dialogue, customer first, by turns.

    Args:
        rng: source of every choice.
        triple: domain, product noun, problem and outcome key of the case.
        slots: values for the templates, as `draw_slots` returns them.
    """
    _, _, problem, key = triple
    talk = Talk(rng, slots)
    named = rng.random() < 0.45
    vague = not problem.by_customer and rng.random() < 0.2
    misnamed = not vague and rng.random() < 0.13
    _open(talk, triple, named=named, vague=vague, misnamed=misnamed)
    if misnamed and rng.random() < 0.4:
        _correct(talk)
        misnamed = False
    hello = rng.choice([text for text in say.AGENT_HELLOS if named or "{name}" not in text])
    talk.agent(hello)
    talk.known |= {"agent"} if "{agent}" in hello else set()
    talk.known |= {"name"} if named else set()
    if not vague and not misnamed:
        talk.agent(talk.pick(say.SORRY if problem.by_customer else say.SORRY_PRODUCT))
    for kind in _plan(rng, triple, named=named, vague=vague):
        if len(talk.turns) > 2 and not talk.pending and rng.random() < 0.6:
            talk.answer_later(talk.pick(say.ACKS))
        _exchange(talk, kind, triple)
        if misnamed:
            _correct(talk)
            misnamed = False
        elif rng.random() < 0.12:
            question, answer = rng.choice(say.ASIDES)
            if "agent" in talk.known or "{agent}" not in question:
                talk.user(question)
                talk.answer_later(answer)
    if misnamed:
        _correct_late(talk)
    _finish(talk, OUTCOMES[key])
    return talk.texts()


def _open(talk: Talk, triple: Triple, *, named: bool, vague: bool, misnamed: bool) -> None:
    """Write the customer's first turn."""
    domain, _, problem, _ = triple
    rng, slots = talk.rng, talk.slots
    talk.user(rng.choice(say.GREETINGS))
    if named:
        talk.user(rng.choice(say.NAMED))
    if vague:
        pool = say.VAGUE
    else:
        pool = say.CUSTOMER_OPENINGS if problem.by_customer else say.PRODUCT_OPENINGS
    if domain.key == "bank":
        pool = tuple(text for text in pool if "{price}" not in text)
    brand = slots["wrong_brand"] if misnamed else slots["brand"]
    talk.user(
        rng.choice(pool),
        brand=brand,
        a_brand=names.with_article(brand),
        day=slots["other_day"],
        month=rng.choice(names.MONTHS),
    )
    for detail in rng.sample(problem.details, rng.randint(1 if vague else 0, 2)):
        talk.user(detail)
    if rng.random() < 0.25:
        talk.user(rng.choice(say.IRRITATION))


def _correct(talk: Talk) -> None:
    """Let the customer take back a wrong brand name."""
    correction, answer = talk.rng.choice(say.MISNAMED)
    talk.user(correction)
    talk.answer_later(answer)


def _correct_late(talk: Talk) -> None:
    """Let the agent ask for the brand, so that a wrong one is taken back in time."""
    talk.agent("Is the brand name correct?")
    _correct(talk)


def _refusable(triple: Triple) -> list[str]:
    """Return the outcomes, other than the final one, that may be offered and declined."""
    domain, _, problem, key = triple
    if key in ("refusal", "fix"):
        return []
    return [
        other
        for other in say.DECLINED
        if other in domain.outcomes and other != key and other not in problem.bars
    ]


def _plan(rng: random.Random, triple: Triple, *, named: bool, vague: bool) -> list[str]:
    """Return the kinds of the middle exchanges, in order."""
    problem = triple[2]
    plan = ["clarify"] if vague else []
    if not named:
        plan.append("name")
    extra = ["order", "question", "chat"]
    if problem.fixes:
        extra += ["failed", "failed"]
    if _refusable(triple):
        extra += ["declined", "declined"]
    rng.shuffle(extra)
    for kind in dict.fromkeys(extra[: rng.choice((0, 1, 1, 2))]):
        plan.insert(rng.randint(1 if vague else 0, len(plan)), kind)
    late = [kind for kind in ("failed", "declined") if kind in plan]
    return [kind for kind in plan if kind not in late] + late


def _exchange(talk: Talk, kind: str, triple: Triple) -> None:
    """Write one exchange: an agent's move and the customer's answer."""
    rng = talk.rng
    after = ""
    if kind == "clarify":
        move, answer = rng.choice(say.CLARIFY)
    elif kind == "name":
        move, answer = rng.choice(say.ASK_NAME)
        after = "Thank you, {name}." if rng.random() < 0.7 else ""
    elif kind == "order":
        move, answer, after = rng.choice(say.ASK_ORDER)
    elif kind == "question":
        move, answers = rng.choice(triple[0].questions)
        answer = rng.choice(answers)
    elif kind == "failed":
        move, answer = rng.choice(say.FAILED)
    elif kind == "declined":
        move, answer = rng.choice(say.DECLINED[rng.choice(_refusable(triple))])
    else:
        move, answer = rng.choice(say.SMALL_TALK)
    talk.agent(move)
    talk.user(answer)
    if kind == "name":
        talk.known.add("name")
    if after:
        talk.answer_later(after)


def _finish(talk: Talk, outcome: Outcome) -> None:
    """Write the outcome, with a first value that is turned down now and then, and the farewell."""
    rng = talk.rng
    first, last = rng.sample(outcome.offers, 2)
    if outcome.swap and rng.random() < 0.3:
        value = talk.slots[f"first_{outcome.swap}"]
        doubt, turn = rng.choice(say.REFUSED[outcome.swap])
        talk.agent(first, **{outcome.swap: value})
        talk.user(doubt, value=value)
        talk.agent(turn)
    talk.agent(last)
    if outcome.key == "fix" or rng.random() < 0.75:
        reply = rng.choice(outcome.replies)
        talk.user(reply)
        if "hank" not in reply:
            talk.user(talk.pick(say.THANKS))
        talk.agent(rng.choice(outcome.confirms))
    if rng.random() < 0.7:
        pool = say.CLOSINGS + (say.ENJOY if outcome.key in KEEPS_PRODUCT else ())
        talk.agent(talk.pick(pool))
