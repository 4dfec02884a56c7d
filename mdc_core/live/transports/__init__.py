"""What carries frames: one file for each way."""
