"""What an archive knows of its parts: the catalog, layouts, paths, queries."""
