"""Verbs as values: sources, filters and sinks, and what runs a chain of them."""
