"""Captures: frames as they came, and their replay."""
