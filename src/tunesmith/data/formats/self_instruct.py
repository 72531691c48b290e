"""Self-Instruct: tasks with several instances each.

{"id": "seed_task_0", "instruction": "Add.",
 "instances": [{"input": "1 1", "output": "2"}, {"input": "1 2", "output": "3"}]}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, cast

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Example
from tunesmith.data.format import Format, Record, needed_field
from tunesmith.data.formats.alpaca import Alpaca


class SelfInstruct(Format):
    """Tasks with several instances of input and output each (Wang et al. 2022, arXiv:2212.10560).

    The group is the task's ``id``.
    """

    takes: ClassVar[tuple[type[Example], ...]] = (Conversation,)
    name: Literal["self-instruct"] = "self-instruct"
    instances_key: str = "instances"
    """Field that holds the instances."""

    @classmethod
    def recognises(cls, record: Record) -> bool:
        """By an instruction and a list of instances."""
        return "instruction" in record and isinstance(record.get("instances"), list)

    def examples(self, record: Record, origin: str) -> Iterator[Example | DataError]:
        """A conversation for each instance; from the second one on, places are ``file:line/2``."""
        try:
            instances = self._instances(record, origin)
        except DataError as error:
            yield error
            return
        for number, instance in enumerate(instances, 1):
            place = origin if number == 1 else f"{origin}/{number}"
            told = {key: record[key] for key in ("instruction",) if key in record}
            group = {"group": self.group(record)} if self.group(record) else {}
            yield from Alpaca(history_key=None, system_key=None).examples(
                {**instance, **told, **group}, place
            )

    def example(self, record: Record, origin: str) -> Conversation:
        """Makes a conversation of a task with one instance."""
        for item in self.examples(record, origin):
            if isinstance(item, DataError):
                raise item
            return cast("Conversation", item)
        raise AssertionError("a task yields at least an error")

    def record(self, example: Example) -> dict[str, Any]:
        """Writes a task with one instance."""
        fields = Alpaca(history_key=None, system_key=None).record(example)
        instance = {"input": fields["input"], "output": fields["output"]}
        group = {"id": fields["group"]} if "group" in fields else {}
        return {**group, "instruction": fields["instruction"], self.instances_key: [instance]}

    def lost(self, example: Example) -> Sequence[str]:
        """As Alpaca."""
        return Alpaca(history_key=None, system_key=None).lost(example)

    def group(self, record: Record) -> str:
        """The task, by its ``id``."""
        name = record.get(self.group_key or "id")
        return str(name) if isinstance(name, str | int) else ""

    def _instances(self, record: Record, origin: str) -> list[Record]:
        found = needed_field(
            record, self.instances_key, origin, setting="data.format.instances_key"
        )
        if not isinstance(found, list) or not found:
            raise DataError(f"{origin}: no list of instances under {self.instances_key!r}.")
        instances = cast("list[Any]", found)
        if not all(isinstance(instance, Mapping) for instance in instances):
            raise DataError(f"{origin}: an instance is not an object with input and output.")
        return instances
