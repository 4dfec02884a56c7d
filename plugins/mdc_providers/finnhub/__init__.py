"""Trades and news of Finnhub, live."""
