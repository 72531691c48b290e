"""Turns support cases into the TweetSumm record form and into plain pre-training text."""

from __future__ import annotations

import json
import re
from typing import Any

from tunesmith.starter.dialogues import SupportCase


def tweetsumm_record(case: SupportCase, split: str, index: int) -> dict[str, Any]:
    """Return `case` as one JSON-ready record of the DialogStudio TweetSumm form.

    Args:
        case: the case; its turns alternate between customer and agent.
        split: name of the split, which the record's id repeats.
        index: number of the record in its split, from 1.
    """
    summaries = {
        "extractive_summaries": [],
        "abstractive_summaries": [re.split(r"(?<=\.) ", case.summary)],
    }
    texts = [text for _, text in case.turns]
    return {
        "original dialog id": case.case_id,
        "new dialog id": f"TunesmithSupport--{split}--{index}",
        "dialog index": index,
        "original dialog info": json.dumps({"summaries": summaries}),
        "log": [
            {
                "turn id": number,
                "user utterance": user,
                "system response": agent,
                "dialog history": "",
                "original user side information": "{}",
                "original system side information": "{}",
            }
            for number, (user, agent) in enumerate(
                zip(texts[::2], texts[1::2], strict=True), start=1
            )
        ],
        "prompt": [],
    }


def pretraining_text(case: SupportCase) -> str:
    """Return the dialogue as lines "user: ..." and "agent: ...", without the summary."""
    return "".join(f"{speaker}: {text}\n" for speaker, text in case.turns)
