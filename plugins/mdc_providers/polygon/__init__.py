"""Stocks, crypto, forex and indices of Polygon.io (today Massive), live."""
