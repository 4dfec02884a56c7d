"""The simulator: the same for the same seed, defects in stated numbers, books that add up."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from itertools import chain, islice, pairwise

import msgspec
import pytest

from mdc_core.plugin import Delta, Event, Quote, Subscription, Trade, UsageError, to_ns
from mdc_core.testing import SourceSuite
from mdc_providers.sim.source import Sim

ALL = ("trade", "quote", "delta")


class TestSim(SourceSuite):
    source = Sim
    channels = ALL


def run(
    count: int, *symbols: str, channels: tuple[str, ...] = (), **options: object
) -> list[Event]:
    wanted = Subscription(symbols or ("SPY", "IBM"), channels)
    lists = Sim(wanted, Sim.Options(**options), {}).events()
    return list(islice(chain.from_iterable(lists), count))


def digest(events: Iterable[Event]) -> str:
    encode = msgspec.json.Encoder(decimal_format="number").encode
    return hashlib.sha256(b"\n".join(map(encode, events))).hexdigest()


def sequence_jumps(events: list[Event]) -> Counter[str]:
    last: dict[str | None, int] = {}
    found: Counter[str] = Counter()
    for event in events:
        assert event.seq is not None
        step = event.seq - last.get(event.symbol, event.seq - 1)
        found["gap" if step > 1 else "repeat" if step == 0 else "next"] += 1
        last[event.symbol] = event.seq
    return found


def test_the_seed_decides_everything() -> None:
    first = digest(run(10_000, channels=ALL, seed=7))
    assert digest(run(10_000, channels=ALL, seed=7)) == first
    assert digest(run(10_000, channels=ALL, seed=8)) != first


def test_lists_are_small() -> None:
    lists = Sim(Subscription(("SPY",)), Sim.Options(), {}).events()
    assert [len(events) for events in islice(lists, 3)] == [256, 256, 256]


def test_without_defects_the_market_is_sound() -> None:
    events = run(20_000, channels=ALL)
    assert sequence_jumps(events) == {"next": 20_000}
    times = [to_ns(event.ts_event or "") for event in events]
    assert times == sorted(times)
    trades = [event for event in events if isinstance(event, Trade)]
    assert len({trade.trade_id for trade in trades}) == len(trades)
    for event in events:
        if isinstance(event, Quote):
            assert event.bid_price and event.ask_price and event.bid_size and event.ask_size
            assert event.bid_price < event.ask_price
        elif isinstance(event, Trade):
            assert event.price and event.size and event.price > 0 and event.size > 0


def test_trades_are_made_at_the_quote() -> None:
    quotes: dict[str | None, Quote] = {}
    for event in run(20_000):
        if isinstance(event, Quote):
            quotes[event.symbol] = event
        elif isinstance(event, Trade) and event.symbol in quotes:
            quote = quotes[event.symbol]
            at = quote.ask_price if event.aggressor_side == "buy" else quote.bid_price
            assert event.price == at


def test_a_quote_is_the_best_level_of_the_book_and_the_book_never_crosses() -> None:
    books: dict[str | None, dict[str | None, dict[Decimal, Decimal]]] = {}
    compared = 0
    for event in run(20_000, channels=ALL):
        book = books.setdefault(event.symbol, {"bid": {}, "ask": {}})
        if isinstance(event, Delta) and event.action == "clear":
            book["bid"].clear()
            book["ask"].clear()
        elif isinstance(event, Delta):
            assert event.price is not None and event.size is not None
            side = book[event.side]
            assert (event.price in side) == (event.action != "add")
            if event.action == "cancel":
                del side[event.price]
            else:
                side[event.price] = event.size
            if book["bid"] and book["ask"]:
                assert max(book["bid"]) < min(book["ask"])
        elif isinstance(event, Quote):
            best_bid, best_ask = max(book["bid"]), min(book["ask"])
            assert (event.bid_price, event.bid_size) == (best_bid, book["bid"][best_bid])
            assert (event.ask_price, event.ask_size) == (best_ask, book["ask"][best_ask])
            compared += 1
    assert compared > 1000


def test_volume_is_heaviest_at_the_open_and_the_close() -> None:
    events = run(30_000, rate=1.0)
    assert events[0].ts_event and events[0].ts_event.startswith("2024-01-02T14:30:0")
    by_hour = Counter((event.ts_event or "")[:13] for event in events)
    assert by_hour["2024-01-02T20"] > 2 * by_hour["2024-01-02T17"]
    assert 22_000 < sum(n for hour, n in by_hour.items() if "01-02T" in hour) < 25_000


def test_sessions_are_on_weekdays() -> None:
    events = run(4_000, rate=0.02, start=to_ns("2024-01-04T14:30:00Z"))
    days = list(dict.fromkeys((event.ts_event or "")[:10] for event in events))
    assert days[:4] == ["2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09"]
    hours = {(event.ts_event or "")[11:13] for event in events}
    assert hours == {"14", "15", "16", "17", "18", "19", "20"}


def test_symbols_move_together() -> None:
    last: dict[str | None, Decimal] = {}
    minutes: dict[str | None, dict[str, Decimal]] = {"SPY": {}, "IBM": {}}
    for event in run(23_000, rate=1.0):
        if isinstance(event, Quote) and event.bid_price:
            last[event.symbol] = event.bid_price
            minutes[event.symbol][(event.ts_event or "")[:15]] = event.bid_price
    keys = sorted(minutes["SPY"].keys() & minutes["IBM"].keys())
    steps = [
        [float(by[b] / by[a]) - 1 for a, b in pairwise(keys)]
        for by in (minutes["SPY"], minutes["IBM"])
    ]
    together = sum(x * y for x, y in zip(*steps, strict=True))
    alone = [sum(x * x for x in series) for series in steps]
    assert together / (alone[0] * alone[1]) ** 0.5 > 0.2


def test_defects_come_in_the_stated_numbers() -> None:
    stated = "gap=3,duplicate=2,crossed=5,late=4,bad=6"
    clean, events = run(10_000), run(10_000, defects=stated)
    assert len(events) == 10_000
    assert sequence_jumps(events) == {"gap": 3, "repeat": 2, "next": 9_995}
    assert sum(1 for a, b in pairwise(events) if a == b) == 2
    quotes = [event for event in events if isinstance(event, Quote)]
    assert sum(1 for q in quotes if (q.bid_price or 0) > (q.ask_price or 0)) == 5
    times = [to_ns(event.ts_event or "") for event in events]
    assert sum(1 for a, b in pairwise(times) if b < a) == 4
    trades = [event for event in events if isinstance(event, Trade)]
    assert sum(1 for trade in trades if trade.price == 0) == 3
    assert sum(1 for trade in trades if (trade.price or 0) > 10_000) == 3
    # And nothing else is different.
    identity = {(e.symbol, e.ts_event, type(e)) for e in clean}
    assert len({(e.symbol, e.ts_event, type(e)) for e in events} - identity) == 4


def test_late_events_are_behind_their_own_stream() -> None:
    last: dict[tuple[str | None, type], int] = {}
    late = 0
    for event in run(3_000, defects="late=50", defect_window=2_000):
        key, now = (event.symbol, type(event)), to_ns(event.ts_event or "")
        late += now < last.get(key, now)
        last[key] = now
    assert late == 50


@pytest.mark.parametrize("channel", ["trade", "quote", "delta"])
def test_defects_find_room_in_any_channel(channel: str) -> None:
    defects = "gap=20,duplicate=20,late=20,bad=20"
    events = run(1_000, channels=(channel,), defects=defects, defect_window=1_000)
    jumps = sequence_jumps(events)
    assert (jumps["gap"], jumps["repeat"]) == (20, 20)


def test_star_is_ten_symbols() -> None:
    assert len({event.symbol for event in run(2_000, "*")}) == 10


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"defects": "gaps=3"}, "not a defect: 'gaps=3'"),
        ({"defects": "gap"}, "not a defect: 'gap'"),
        ({"defects": "gap=-1"}, "not a defect: 'gap=-1'"),
        ({"defects": "gap=2000"}, "2000 defects are too many for 10000 events"),
        ({"defects": "crossed=1", "channels": ("trade",)}, "need the channel quote"),
        ({"channels": ("book",)}, "no channel 'book'"),
    ],
)
def test_nonsense_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        run(1, **options)  # type: ignore[arg-type]


def test_no_symbols() -> None:
    with pytest.raises(UsageError, match="no symbols"):
        Sim(Subscription(()), Sim.Options(), {})
