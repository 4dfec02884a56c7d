"""Spreads wider than Acme promises: so many percent of the bid."""

from typing import Annotated

from msgspec import Meta

from mdc_core.plugin import Check, Finding, Options


class AcmeSpread(Check):
    class Options(Options, frozen=True, kw_only=True):
        percent: Annotated[float, Meta(description="the widest spread")] = 5.0

    def __call__(self, batch):
        if "bid_price" in batch.schema.names:
            columns = (batch[name].cast("double") for name in ("bid_price", "ask_price"))
            bid, ask = (column.to_numpy(zero_copy_only=False) for column in columns)
            for row in (100 * (ask - bid) > self.options.percent * bid).nonzero()[0].tolist():
                yield Finding(row, f"bid {bid[row]:.6g} and ask {ask[row]:.6g} are far apart")
