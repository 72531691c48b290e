r"""TweetSumm: support dialogues with summaries, in each of the layouts they are published in.

{"log": [{"user utterance": "My kettle leaks.", "system response": "A new one is on its way."}],
 "original dialog info": "{\"summaries\": {\"abstractive_summaries\": [[\"A kettle leaks.\"]]}}"}
{"dialog": {"dialog_id": "b06", "turns": [{"is_agent": false, "sentences": ["My kettle leaks."]}]},
 "summaries": {"abstractive_summaries": [["A kettle leaks."]]}}
{"inputs": "My kettle leaks. <BR> A new one is on its way. <BR>", "summaries": "A kettle leaks."}
{"dialog": "135060: My kettle leaks.\nKettleHelp: A new one is on its way.\n",
 "summary": "A kettle leaks."}
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Message
from tunesmith.data.format import Format, Record
from tunesmith.data.formats.clean import clean_turn
from tunesmith.data.formats.tweetsumm_layouts import layout_of

INSTRUCTION = (
    "Below is a conversation between a human and an AI agent. Write a summary of the conversation."
)


class TweetSumm(Format):
    """Customer-support dialogues with summaries by several annotators (Feigenblat et al. 2021).

    The group is the dialogue's id; in the table of extracts it is the customer's number.
    """

    name: Literal["tweetsumm"] = "tweetsumm"
    instruction: str = INSTRUCTION
    """What the model is asked to do with the dialogue."""
    annotator: int = Field(default=0, ge=0)
    """Whose summary is learnt, counted from 0 among those who wrote one; the others become further
    references for evaluation."""
    clean: bool = True
    """Whether links, mentions, signatures and entities are taken out of the turns."""

    @classmethod
    def recognises(cls, record: Record) -> bool:
        """By its turns, in one of the layouts."""
        return layout_of(record) is not None

    def example(self, record: Record, origin: str) -> Conversation:
        """Makes a request to summarise, and the chosen summary as its answer."""
        read = layout_of(record)
        if read is None:
            raise DataError(
                f"{origin}: no dialogue in one of the layouts of TweetSumm; the record has "
                f"{sorted(record)}."
            )
        dialogue = read(record, origin)
        if self.annotator >= len(dialogue.summaries):
            raise DataError(
                f"{origin}: no summary by annotator {self.annotator}; the record has "
                f"{len(dialogue.summaries)}. Lower data.format.annotator, or leave the record out "
                "with data.bad_rows=reject."
            )
        lines: list[str] = []
        for speaker, said in dialogue.turns:
            if said := clean_turn(said) if self.clean else said:
                lines.append(f"{speaker}: {said}" if speaker else said)
        if not lines:
            raise DataError(f"{origin}: nobody says anything.")
        summaries = list(dialogue.summaries)
        chosen = summaries.pop(self.annotator)
        return Conversation(
            (
                Message("user", self.instruction, "\n".join(lines)),
                Message("assistant", chosen),
            ),
            origin,
            tuple(summaries),
            group=self.group(record) or dialogue.group,
        )
