"""Order books of Binance."""
