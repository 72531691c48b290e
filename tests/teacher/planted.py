"""A corpus of planted facts: passages, and the questions whose answers stand in them."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

from tunesmith.synthesize.teacher.script import Asked, Reply

THINGS = ["pump", "valve", "heater", "meter", "filter", "motor", "sensor", "press"]
DINGE = ["水泵", "阀门", "加热器", "电表", "滤芯", "电机", "传感器", "压机"]


@dataclass(frozen=True)
class Planted:
    """A passage with one fact in it."""

    number: int
    passage: str
    question: str
    answer: str
    evidence: str

    @property
    def request(self) -> str:
        return f"Make one question.\n<passage>\n{self.passage}\n</passage>"

    @property
    def reply(self) -> str:
        pair = {"question": self.question, "answer": self.answer, "evidence": self.evidence}
        return json.dumps({"pairs": [pair]}, ensure_ascii=False)


def planted(n: int, seed: int = 0) -> list[Planted]:
    """Facts whose figures are found nowhere else; every second one in Chinese."""
    draw = random.Random(seed)
    figures = draw.sample(range(1000, 9999), n)
    return [_fact(number, figure) for number, figure in enumerate(figures)]


def _fact(number: int, figure: int) -> Planted:
    kind = number % len(THINGS)
    if number % 2:
        evidence = f"{DINGE[kind]}{number}号的额定寿命是{figure}小时。"
        question, answer = f"{DINGE[kind]}{number}号的额定寿命是多少？", f"{figure}小时"
        return Planted(number, f"以下为说明。{evidence}请妥善保存。", question, answer, evidence)
    evidence = f"The {THINGS[kind]} no {number} is rated for {figure} hours."
    question, answer = f"How long is the {THINGS[kind]} no {number} rated for?", f"{figure} hours"
    return Planted(number, f"Read this first. {evidence} Keep it.", question, answer, evidence)


class Knows:
    """Answers each planted request with its fact."""

    def __init__(self, facts: list[Planted], delay_s: float = 0.0) -> None:
        self.replies = {fact.request: fact.reply for fact in facts}
        self.delay_s = delay_s

    def __call__(self, asked: Asked) -> Reply:
        return Reply(self.replies[asked.text], delay_s=self.delay_s)
