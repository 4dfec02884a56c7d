"""A feed for many minutes: memory and descriptors stay flat, and the account balances."""
