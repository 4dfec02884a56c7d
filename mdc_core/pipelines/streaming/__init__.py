"""What the stage `stream` is made of: what it is asked for, and the feed that it drives."""
