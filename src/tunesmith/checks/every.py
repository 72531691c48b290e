"""Every: the checks, in the order in which they are told."""

from __future__ import annotations

from tunesmith.checks.answers import Answers
from tunesmith.checks.check import Check
from tunesmith.checks.duplicates import Duplicates
from tunesmith.checks.ids import Ids
from tunesmith.checks.labels import Labels
from tunesmith.checks.languages import Languages
from tunesmith.checks.leaks import Leaks
from tunesmith.checks.near_duplicates import NearDuplicates
from tunesmith.checks.personal import PersonalData
from tunesmith.checks.preferences import Preferences
from tunesmith.checks.sizes import Sizes


def every_check(*, allow_leaks: bool = False) -> list[Check]:
    """A fresh set of all checks.

    Args:
        allow_leaks: rows in training and in evaluation are told, and are no error.
    """
    return [
        Sizes(),
        Leaks(allowed=allow_leaks),
        Labels(),
        Ids(),
        Answers(),
        Preferences(),
        Duplicates(),
        NearDuplicates(),
        PersonalData(),
        Languages(),
    ]
