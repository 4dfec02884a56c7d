"""Conformance suites for the authors of plugins."""
