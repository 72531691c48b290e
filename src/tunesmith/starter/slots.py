"""Draws the values that fill a dialogue's templates: its facts and their distractors."""

from __future__ import annotations

import random

from tunesmith.starter import names
from tunesmith.starter.domains import Triple


def draw_slots(rng: random.Random, triple: Triple) -> dict[str, str]:
    """Return a value for every slot of the templates.

    Slots that begin with "other_" or "first_", and "price", "place" and "wrong", are
    distractors: each differs from the fact of the same kind.

    Args:
        rng: source of the draws.
        triple: domain, product noun, problem and outcome key of the case.
    """
    domain, product, problem, outcome = triple
    name, agent, person = rng.sample(names.FIRST_NAMES, 3)
    brand, wrong = rng.sample(names.BRANDS, 2)
    day, other_day, first_day = rng.sample(names.WEEKDAYS[:6], 3)
    date, other_date, first_date = names.dates(rng, 3)
    city, place, home = rng.sample(names.CITIES, 3)
    low, middle, high = sorted(rng.sample(range(8, 96), 3))
    money = rng.choice(names.CURRENCIES)
    code, other_code = names.code(rng), names.code(rng)
    step, other_step = rng.sample(problem.fixes, 2) if problem.fixes else ("", "")
    return {
        "name": name,
        "agent": agent,
        "person": person,
        "brand": brand,
        "a_brand": names.with_article(brand),
        "wrong_brand": wrong,
        "a_wrong": names.with_article(wrong),
        "product": product,
        "problem": problem.clause,
        "got": domain.got,
        "day": day,
        "other_day": other_day,
        "first_day": first_day,
        "date": date,
        "other_date": other_date,
        "first_date": first_date,
        "time": rng.choice(names.TIMES),
        "month": rng.choice(names.MONTHS),
        "city": city,
        "place": place,
        "home": city if outcome in ("technician", "store") else home,
        "amount": f"{high} {money}",
        "other_amount": f"{low} {money}",
        "first_amount": f"{middle} {money}",
        "price": f"{high + rng.randint(3, 40)} {money}",
        "percent": str(rng.choice((5, 10, 15, 20, 25, 30))),
        "span": rng.choice(names.SPANS),
        "count": rng.choice(names.NUMBER_WORDS),
        "code": code,
        "other_code": other_code,
        "team": rng.choice(domain.teams),
        "part": problem.part,
        "step": step,
        "wrong": other_step,
        "event": rng.choice(domain.events),
        "proof": problem.proof or rng.choice(domain.proofs),
        "deal": domain.deal,
        "cover": domain.cover,
        "document": domain.document,
    }
