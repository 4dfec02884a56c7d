"""A server on loopback that speaks a vendor's protocol."""
