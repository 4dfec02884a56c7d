"""The map of `mdc coverage`: cells, and their HTML, image and text."""
