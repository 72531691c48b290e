"""Repair: how a teacher is told that its reply cannot be used, in the language of the document."""

from __future__ import annotations

from tunesmith.synthesize.prompts.prompts import bundled

PROBLEM = "{problem}"
"""Where a prompt says what is wrong. What is wrong is said in English."""
REPAIRS = {prompt.language: prompt.text for prompt in bundled("repair")}
"""By language code; ``Prompts.repair`` has a user's own in their place."""
