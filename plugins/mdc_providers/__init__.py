"""Providers: each knows a vendor."""
