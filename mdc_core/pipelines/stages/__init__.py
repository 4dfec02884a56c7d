"""The verbs as stages, one file each."""
