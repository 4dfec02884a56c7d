"""Lean's data folder."""
