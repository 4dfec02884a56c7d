"""Arrow IPC streams: read however they are cut, and written."""
