"""Grounding: whether what an answer says stands in its source, told without a language model."""
