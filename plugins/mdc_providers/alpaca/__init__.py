"""Stocks and crypto of Alpaca, live."""
