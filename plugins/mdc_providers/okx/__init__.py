"""OKX: public market data by WebSocket v5."""
