"""What answers look like: tables, their words, times and widths."""
