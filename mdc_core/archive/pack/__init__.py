"""Packs: a piece of an archive in one file (or several) for someone else to load or import."""
