"""One file for each way examples are written down; the table is in ``tunesmith.data``."""
