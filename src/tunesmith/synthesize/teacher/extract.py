"""Extract: a teacher that answers from the passage it is shown, by rule. No language model.

So a newcomer can try the whole way from documents to a tuned model without a key, and everything
in the result is true to its source.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tunesmith.synthesize.sentences import sentences
from tunesmith.synthesize.teacher.cloze import questions_on
from tunesmith.synthesize.teacher.fill import fill_schema
from tunesmith.synthesize.teacher.script import Asked, Reply
from tunesmith.synthesize.teacher.verdicts import judge_by_rule, wants_verdicts

MODEL = "demo-extractive-no-language-model"
"""What every reply says in its ``model`` field."""
PASSAGE = re.compile(r"<passage>\n?(.*?)\n?</passage>", re.DOTALL | re.IGNORECASE)


def passage_of(asked: Asked) -> str:
    """What the request is about: between ``<passage>`` and ``</passage>``, else all the user said.

    The last such passage counts, so examples before it do no harm.
    """
    found = PASSAGE.findall(asked.text)
    return found[-1] if found else asked.text


def reply_from_passage(asked: Asked) -> Reply:
    """Answers a request: in the shape of its schema if it has one, in words else."""
    passage = passage_of(asked)
    if asked.schema is not None:
        return Reply(json.dumps(_value(asked, passage), ensure_ascii=False), model=MODEL)
    made = questions_on(passage, 1)
    spans = sentences(passage)
    said = made[0].evidence if made else passage[slice(*spans[0])].strip() if spans else ""
    return Reply(said or "There is nothing to answer from.", model=MODEL)


def _value(asked: Asked, passage: str) -> Any:
    if asked.schema is not None and wants_verdicts(asked.schema):
        return judge_by_rule(asked.text, passage)
    return fill_schema(asked.schema or {}, passage)
