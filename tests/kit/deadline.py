"""How long a test may wait for what must come."""

DEADLINE = 600.0  # seconds: to end what hangs, on the slowest machine
