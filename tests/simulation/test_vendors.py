"""Every vendor's feed in virtual time: what its server sent arrives once, or stands in a gap."""

from collections.abc import Iterator

import pytest

from mdc_core.plugin import Items, Subscription, Trade
from tests.simulation.served import check
from tests.simulation.vendors import VENDORS, Vendor

SEEDS = 2_000  # of all vendors together
AT_ONCE = 25
_EACH = -(-SEEDS // len(VENDORS))


@pytest.mark.parametrize("first", range(0, _EACH, AT_ONCE))
@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_whatever_the_network_does_is_told(vendor: Vendor, first: int) -> None:
    trades = gaps = 0
    seeds = range(first, min(first + AT_ONCE, _EACH))
    for seed in seeds:
        try:
            found = check(vendor, seed)
        except Exception as error:
            again = f"--vendor {vendor.name} --first {seed} --seeds 1"
            error.add_note(f"python -m tests.simulation {again}")
            raise
        trades, gaps = trades + found[0], gaps + found[1]
    assert trades > 20 * len(seeds) and 5 * gaps > len(seeds), "the simulation has something to say"


class Careless(Vendor):
    """A vendor whose codec loses a trade now and then, and says nothing."""

    def connect(self, wanted: Subscription):  # type: ignore[no-untyped-def]
        stream = super().connect(wanted)
        receive = stream.receive

        def careless(frame: str | bytes, now: int) -> Items:
            def kept() -> Iterator[object]:
                for item in receive(frame, now):
                    if not (isinstance(item, Trade) and int(item.size or 0) % 40 == 7):
                        yield item

            return kept()  # type: ignore[return-value]

        stream.receive = careless  # type: ignore[method-assign]
        return stream


def test_a_trade_that_is_lost_in_silence_is_found() -> None:
    careless = Careless(*VENDORS[0])
    with pytest.raises(AssertionError, match="is missing, and in no gap"):
        for seed in range(AT_ONCE):
            check(careless, seed)
