"""Merging the parts of a period."""
