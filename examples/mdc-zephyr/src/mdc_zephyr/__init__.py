"""Market data of Zephyr, a vendor who does not exist."""
