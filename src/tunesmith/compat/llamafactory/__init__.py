"""LLaMA-Factory: its training files and data set descriptions -> the fields of a recipe."""
