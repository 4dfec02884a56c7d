"""LOBSTER's files of limit order books."""
