"""A vendor's server that fails in every way, and the account of what it has said."""
