"""Dialogues: exports of chats and tickets -> cleaned conversations."""
