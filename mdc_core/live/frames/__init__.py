"""The archive of raw frames: how its files are written, found and read."""
