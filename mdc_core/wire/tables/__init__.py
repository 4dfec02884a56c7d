"""Tables of others in our schema; files that are read from their end."""
