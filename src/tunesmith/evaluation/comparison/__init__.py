"""Comparison: the page of models that answered the same examples, as one file without network."""
