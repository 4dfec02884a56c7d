"""Sinks: each knows a place or a file format of the archive."""
