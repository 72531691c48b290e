"""Makes the starter corpus: support dialogues with summaries, and plain short stories.

Everything is composed from phrases written for this package, so the result carries no
third-party text, and everything is a pure function of a seed.
"""
