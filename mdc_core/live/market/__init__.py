"""When markets are open."""
