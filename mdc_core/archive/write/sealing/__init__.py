"""Sorting events into partitions, and making parts of them."""
