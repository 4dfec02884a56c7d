"""A connection as a pure object: what happens goes in, what is to be done comes out."""
