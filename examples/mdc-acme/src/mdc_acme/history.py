"""Acme's history: trades, page by page, over HTTP."""

from decimal import Decimal

import msgspec

from mdc_acme.provider import AcmeProvider
from mdc_core.plugin import DataError, History, Page, Request, Trade, utc


class Row(msgspec.Struct):
    time: str
    price: Decimal
    size: Decimal


class Answer(msgspec.Struct):
    trades: list[Row]
    next: str | None = None


class AcmeHistory(AcmeProvider, History):
    channels = ("trade",)

    def first(self):
        wanted, token = self.wanted, f"Bearer {self.credentials['ACME_TOKEN']}"
        params = {"symbol": wanted.symbol, "from": str(wanted.start), "to": str(wanted.end)}
        return Request("https://api.acme.example/v1/trades", params, {"Authorization": token})

    def read(self, response):
        response.check()
        try:
            answer = msgspec.json.decode(response.body, type=Answer)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise DataError(f"acme: {error}") from None
        symbol = self.wanted.symbol
        rows = [(utc(row.time), row.price, row.size) for row in answer.trades]
        trades = [Trade(symbol=symbol, ts_event=t, price=p, size=s) for t, p, s in rows]
        again = {**response.request.params, "page": answer.next}
        return Page(trades, answer.next and msgspec.structs.replace(response.request, params=again))
