"""Acme's market data for mdc."""
