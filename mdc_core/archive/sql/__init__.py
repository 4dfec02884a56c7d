"""SQL over an archive, by DuckDB."""
