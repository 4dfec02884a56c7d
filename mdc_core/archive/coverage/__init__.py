"""Which days of an archive are whole."""
