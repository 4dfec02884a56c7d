"""The core of mdc: composable commands that collect market data."""

__version__ = "0.1.0"
