"""Events as CSV, and CSV of others."""
