"""Parquet, Arrow and lines of JSON of others."""
