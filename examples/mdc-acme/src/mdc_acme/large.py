"""Keep trades of a size that matters to Acme's customers, and whatever is no trade."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from mdc_core.plugin import Filter, Keep, Options, Trade, rows


class AcmeLarge(Filter):
    class Options(Options, frozen=True, kw_only=True):
        size: Annotated[Decimal, Meta(description="the smallest trade to keep")] = Decimal(100)

    def __call__(self, batch):
        least = self.options.size
        small = (isinstance(row, Trade) and (row.size or 0) < least for row in rows(batch))
        return Keep([number for number, gone in enumerate(small) if not gone])
