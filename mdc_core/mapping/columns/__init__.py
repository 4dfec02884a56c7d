"""Columns of others as columns of ours."""
