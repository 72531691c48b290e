"""Tuned models in the forms other programs take."""
