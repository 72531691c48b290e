from __future__ import annotations

import pytest

from tunesmith.chat.chat_model import Sampling
from tunesmith.core.errors import DataError
from tunesmith.evaluation.harness_settings import sampling_of


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, Sampling(256)),
        ({"until": "\n", "do_sample": False, "temperature": 0.0}, Sampling(256, stop=("\n",))),
        ({"until": ["Q:", "\n\n"], "max_gen_toks": "12"}, Sampling(12, stop=("Q:", "\n\n"))),
        ({"until": None, "max_new_tokens": 7, "max_tokens": 9}, Sampling(7)),
        ({"do_sample": False, "temperature": 0.7, "top_p": 0.9}, Sampling(256)),
        ({"do_sample": True, "temperature": 0.0, "num_beams": 1}, Sampling(256)),
    ],
)
def test_settings_of_a_task_are_followed(settings, wanted):
    assert sampling_of(settings, "sums") == wanted


@pytest.mark.parametrize(
    "settings", [{"temperature": 0.7}, {"do_sample": True}, {"do_sample": True, "temperature": 1}]
)
def test_draws_by_chance_are_refused(settings):
    with pytest.raises(DataError, match="task sums: draws tokens by chance"):
        sampling_of(settings, "sums")


def test_what_is_not_followed_is_told():
    with pytest.raises(DataError, match="task sums: num_beams: 4 .* is not followed here"):
        sampling_of({"num_beams": 4}, "sums")
