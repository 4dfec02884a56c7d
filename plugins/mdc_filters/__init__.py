"""Filters: each turns events into events."""
