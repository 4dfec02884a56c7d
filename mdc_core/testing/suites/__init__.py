"""What each other kind of plugin is held to."""
