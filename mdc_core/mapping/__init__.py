"""Tables of others, and how their columns become events."""
