"""US stocks of IEX, crypto and foreign exchange of Tiingo, live."""
