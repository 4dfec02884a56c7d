"""Crypto of Binance, live: spot, USD-M and COIN-M futures."""
