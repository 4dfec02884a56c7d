"""Acme's history: trades, page by page, over HTTP."""

from decimal import Decimal

import msgspec

from mdc_core.plugin import DataError, History, Page, Request, Trade, utc


class Row(msgspec.Struct):
    time: str
    price: Decimal
    size: Decimal


class Answer(msgspec.Struct):
    trades: list[Row]
    next: str | None = None


class AcmeHistory(History):
    channels = ("trade",)

    def request(self, cursor):
        wanted = self.wanted
        params = {"symbol": wanted.symbol, "from": str(wanted.start), "to": str(wanted.end)}
        page = {} if cursor is None else {"page": cursor}
        return Request("https://api.acme.example/v1/trades", params | page)

    def decode(self, body):
        try:
            answer = msgspec.json.decode(body, type=Answer)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise DataError(f"acme: {error}") from None
        symbol = self.wanted.symbol
        rows = [(utc(row.time), row.price, row.size) for row in answer.trades]
        trades = [Trade(symbol=symbol, ts_event=t, price=p, size=s) for t, p, s in rows]
        return Page(trades, answer.next)
