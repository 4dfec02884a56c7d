"""JSONL: lines to columns, and columns to lines."""
