"""Stocks, crypto, perpetual futures and news of Alpaca, live."""
