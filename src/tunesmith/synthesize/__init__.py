"""Synthesize: documents -> blocks -> chunks. No part of it imports torch."""
