"""Containers: a file of any kind -> records with their place, and back."""
