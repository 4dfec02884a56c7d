"""Removing events that are chosen."""
