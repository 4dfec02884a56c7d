"""From events to files: journal, sorting, sealing, replacing."""
