"""Exporters and importers: each knows a format of others."""
