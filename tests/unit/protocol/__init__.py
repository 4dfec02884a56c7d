"""Helpers for codecs."""
