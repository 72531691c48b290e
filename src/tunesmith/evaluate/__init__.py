"""Answers -> scores -> a report."""
