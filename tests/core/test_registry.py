from __future__ import annotations

import pytest

from tunesmith.core.errors import RecipeError
from tunesmith.core.registry import Registry
from tunesmith.data import FORMATS
from tunesmith.evaluation.metrics import METRICS
from tunesmith.methods import METHODS
from tunesmith.objectives import OBJECTIVES
from tunesmith.tasks import TASKS
from tunesmith.templates import TEMPLATES
from tunesmith.trackers import TRACKERS

TABLES = [FORMATS, METHODS, METRICS, OBJECTIVES, TASKS, TEMPLATES, TRACKERS]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.kind)
def test_every_entry_loads_and_its_name_is_its_key(table: Registry):
    for key in table.entries:
        cls = table.load(key)
        assert cls(name=key).name == key
        assert cls.model_fields["name"].default == key


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(RecipeError, match=r"no method named 'lroa'. Did you mean 'lora'\? Known:"):
        METHODS.load("lroa")
