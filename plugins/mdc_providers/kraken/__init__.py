"""Kraken: WebSocket v2, and captures of v1."""
