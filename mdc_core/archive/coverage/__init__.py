"""Which days of an archive are complete."""
