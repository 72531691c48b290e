"""Synthesize: documents -> blocks -> chunks; exports of dialogues -> conversations.

No part of it imports torch.
"""
