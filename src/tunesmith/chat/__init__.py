"""Whatever answers a conversation."""
