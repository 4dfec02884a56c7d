"""What the columns of a table may be."""
