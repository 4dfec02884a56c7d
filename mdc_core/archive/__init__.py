"""Files of events: writing parts, finding them, reading them back."""
