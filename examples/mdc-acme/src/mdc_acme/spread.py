"""Spreads wider than Acme promises: so many hundredths of a percent of the bid."""

from typing import Annotated

from msgspec import Meta

from mdc_core.plugin import Check, Finding, Options, number, plain


class AcmeSpread(Check):
    class Options(Options, frozen=True, kw_only=True):
        basis_points: Annotated[int, Meta(description="the widest spread", gt=0)] = 500

    def __call__(self, batch):
        bid, has_bid = number(batch, "bid_price", 6)  # in millionths, no price is finer
        ask, has_ask = number(batch, "ask_price", 6)
        wide = has_bid & has_ask & (10_000 * (ask - bid) > self.options.basis_points * bid)
        for row in wide.nonzero()[0].tolist():
            prices = f"bid {plain(int(bid[row]), 6)} and ask {plain(int(ask[row]), 6)}"
            yield Finding(row, f"{prices} are far apart")
