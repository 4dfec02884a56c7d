"""Bytes <-> batches: JSONL and Arrow, plain or compressed."""
