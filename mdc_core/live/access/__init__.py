"""Where a vendor's feed is, and what an account may see there."""
