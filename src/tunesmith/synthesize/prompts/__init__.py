"""Prompts: texts that teachers are asked with, one file per purpose and language."""

from tunesmith.synthesize.prompts.prompts import Prompts

__all__ = ["Prompts"]
