"""Keeping a line up: what a loss means, how long to wait, and when not to try at all."""
