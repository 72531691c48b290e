"""How sure a score is, and whether two of them differ; needs numpy alone."""
