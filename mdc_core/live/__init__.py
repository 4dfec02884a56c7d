"""Driving a live feed: sockets, reconnecting, gaps, overflow, capture."""
