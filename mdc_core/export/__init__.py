"""Files of others' formats: read as events, and made of events."""
