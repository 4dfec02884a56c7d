"""Acme's history: trades, page by page, over HTTP."""

from decimal import Decimal

import msgspec

from mdc_acme.provider import AcmeProvider
from mdc_core.plugin import DataError, History, Messages, Page, Request, Trade, utc


class Row(msgspec.Struct, forbid_unknown_fields=True):
    time: str
    price: Decimal
    size: Decimal


class Answer(msgspec.Struct):
    trades: list[msgspec.Raw]
    next: str | None = None


class AcmeHistory(AcmeProvider, History):
    channels = ("trade",)
    rows = Messages(Row)

    def first(self):
        wanted, token = self.wanted, f"Bearer {self.credentials['ACME_TOKEN']}"
        params = {"symbol": wanted.symbol, "from": str(wanted.start), "to": str(wanted.end)}
        return Request("https://api.acme.example/v1/trades", params, {"Authorization": token})

    def read(self, response):
        response.check()
        try:
            answer = msgspec.json.decode(response.body, type=Answer)
            trades = [self.trade(*self.rows.read(raw)) for raw in answer.trades]
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise DataError(f"acme: {error}") from None
        again = {**response.request.params, "page": answer.next}
        return Page(trades, answer.next and msgspec.structs.replace(response.request, params=again))

    def trade(self, row, extra):
        head = {"symbol": self.wanted.symbol, "ts_event": utc(row.time)}
        return Trade(**head, price=row.price, size=row.size, extra=extra)
