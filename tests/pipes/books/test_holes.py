"""What a feed has lost of a symbol is with the symbol: whoever reads it alone is told as well.

A disconnect is a gap of each symbol that was asked for, an overflow one of each channel of it; a
gap without a symbol goes along with those that it is about.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mdc_core.plugin import from_ns
from tests.conftest import Shell
from tests.pipes.books.rows import OPEN, change, event, lines, snapshot

Row = dict[str, Any]
# Event times are those of now, as of a venue: an archive is in their order. What is dropped does
# not depend on how fast it is read, for each list waits until the one before is through.
FEED = '''"""A library that gives more at once than finds room, and then loses its connection."""
import time
from decimal import Decimal
from pathlib import Path
from mdc_core.plugin import *

class Shaky(Source):
    channels = ("trade", "book")

    def events(self):
        again = Path("down").exists()
        yield [self.book(symbol) for symbol in "ABC"]
        self.wait("book", 6 if again else 3)
        if again:
            yield [self.change(symbol, 12) for symbol in "ABC"]
            return
        first = [self.change("A", 2), self.trade("A"), self.trade("B"), self.change("C", 2)]
        yield [*first, *(self.change(symbol, 3) for symbol in "BA" * 8)]
        self.wait("delta", 16)
        yield [self.book("A")]
        self.wait("book", 4)
        yield [self.change(symbol, 4) for symbol in "AB"]
        self.wait("delta", 18)
        Path("down").touch()
        raise UnavailableError("the line is dead")

    def wait(self, kind, count):
        mark = b'"type":"%s"' % kind.encode()
        while Path("live.jsonl").read_bytes().count(mark) < count:
            time.sleep(0.005)

    def head(self, symbol, channel):
        time.sleep(1e-6)
        return {"symbol": symbol, "ts_event": from_ns(time.time_ns()), "channel": channel}

    def book(self, symbol):
        bids, asks = ([Level(Decimal(price), Decimal(1))] for price in (10, 11))
        return Book(**self.head(symbol, "depth"), bids=bids, asks=asks)

    def change(self, symbol, size):
        what = {"action": "modify", "side": "bid", "price": Decimal(10), "size": Decimal(size)}
        return Delta(**self.head(symbol, "depth"), **what)

    def trade(self, symbol):
        return Trade(**self.head(symbol, "tape"), price=Decimal(10), size=Decimal(1))
'''
STREAM = (
    "mdc --plugin shaky.py stream shaky {} --type trade,book --buffer 16 --overflow drop-oldest"
    " --backoff 10ms..10ms > live.jsonl"
)


def told(done: Any) -> list[str]:
    """What `mdc book` says of each book."""
    return [row["message"].split(": ")[-1] for row in done.events if row["type"] == "integrity"]


def sizes(done: Any, symbol: str) -> list[str]:
    """The size of the best bid behind each update."""
    books = [row for row in done.events if row["type"] == "book" and row["symbol"] == symbol]
    return [row["bids"][0]["size"] for row in books]


@pytest.fixture
def collected(shell: Shell, tmp_path: Path, request: pytest.FixtureRequest) -> list[Row]:
    """The events of the feed, which are stored as well."""
    (tmp_path / "shaky.py").write_text(FEED)
    done = shell(f"timeout $DEADLINE {STREAM.format(request.param)}")
    assert done.status == 0, done.err
    assert shell("mdc store live.jsonl --root data").status == 0
    return shell("mdc cat live.jsonl").events


@pytest.mark.parametrize(
    ("collected", "wide"), [("A B C", False), ("'*'", True)], indirect=["collected"]
)
def test_the_books_of_a_symbol_know_of_what_was_lost_of_it(
    shell: Shell, collected: list[Row], wide: bool
) -> None:
    gaps = [row for row in collected if row["type"] == "gap"]
    names = ("symbol", "channel", "count", "reason")
    overflown = [("A", "depth", "1"), ("A", "tape", "1"), ("B", "tape", "1"), ("C", "depth", "1")]
    assert gaps[-1].get("extra") == ({"symbols": ["*"]} if wide else None)
    lost = [(symbol, "shaky-2", None, "disconnect") for symbol in ([None] if wide else "ABC")]
    assert [tuple(gap.get(name) for name in names) for gap in gaps] == [
        *((*one, "overflow") for one in overflown),
        *lost,
    ]
    again = "known from here on; {} passed over before".format
    for source in ("live.jsonl", "data"):
        of = {s: shell(f"mdc cat {source} --symbol {s} | mdc book --levels 1") for s in "ABC"}
        assert sizes(of["A"], "A") == ["1", "1", "4", "1", "12"], source
        assert sizes(of["B"], "B") == ["1", *"33333333", "1", "12"], source
        assert sizes(of["C"], "C") == ["1", "1", "12"], source
        overflow = ["gap (overflow)", again("8 changes"), "gap (disconnect)", again("0 changes")]
        assert told(of["A"]) == overflow, source
        assert told(of["B"]) == ["gap (disconnect)", again("1 change")], source
        assert told(of["C"]) == ["gap (overflow)", again("0 changes")], source
    found = shell(
        'mdc query --format jsonl "select symbol, reason, start < \\"end\\" as longer from gap'
        " where symbol = 'B' or symbol is null order by ts_event\""
    )
    assert [json.loads(line) for line in found.lines] == [
        {"symbol": "B", "reason": "overflow", "longer": False},
        {"symbol": None if wide else "B", "reason": "disconnect", "longer": True},
    ]


def test_a_lost_connection_to_a_vendor_is_a_hole_of_each_symbol(shell: Shell) -> None:
    """Of its own connection each: the books of the next one begin with their snapshots."""
    symbols = ("PF_XBTUSD", "PF_ETHUSD")
    rows = [snapshot(0, "10x1", "11x1", symbol) for symbol in symbols]
    rows += [change(n, f"bid 10x{n}", symbol) for n in range(2, 12) for symbol in symbols]
    now = time.time_ns()
    tape = [row | {"ts_event": from_ns(now + n * 10**6)} for n, row in enumerate(rows)]
    done = shell(
        "cat > tape.jsonl; mdc mock kraken_futures --once tape.jsonl"
        " --fault disconnect-after=12,skip=2 | { read url; timeout $DEADLINE mdc stream"
        f" kraken_futures {' '.join(symbols)} --type book --mock --backoff 10ms..10ms --url $url;}}"
        " | mdc store --root data",
        stdin=lines(tape),
    )
    assert done.status == 0, done.err
    for symbol in symbols:
        book = shell(f"mdc cat data --symbol {symbol} | mdc book --levels 1")
        (gap,) = (row for row in book.events if row["type"] == "gap")
        assert (gap["symbol"], gap["reason"]) == (symbol, "disconnect")
        assert gap["start"] <= gap["end"]
        found = [(b["channel"][:16], b["bids"][0]["size"]) for b in book.events if "bids" in b]
        first, second = (
            [size for channel, size in found if channel == f"kraken_futures-{n}"] for n in (1, 2)
        )
        assert first == ["1", "2", "3", "4", "5", "6"]  # two snapshots, five changes of each
        assert second == ["7", "8", "9", "10", "11"]  # what was left out is in the snapshot
        query = f"select count(*) as n from gap where symbol = '{symbol}' and reason = 'disconnect'"
        assert json.loads(shell(f'mdc query --format jsonl "{query}"').out) == {"n": 1}


def test_a_feed_of_symbols_in_another_case_tells_gaps_of_the_symbols_that_come(
    shell: Shell,
) -> None:
    """Binance takes symbols in any case and sends them in capitals."""
    row = {"type": "trade", "symbol": "BTCUSDT", "aggressor_side": "buy", "price": 1, "size": 1}
    tape = [row | {"ts_event": f"{OPEN}{n:02d}Z", "trade_id": str(n)} for n in range(40)]
    done = shell(
        "cat > tape.jsonl; mdc mock binance --once tape.jsonl --fault disconnect-after=20,skip=5"
        " | { read url; timeout $DEADLINE mdc stream binance btcusdt --type trade --mock"
        " --no-check-symbols --backoff 10ms..10ms --url $url; } | mdc store --root data",
        stdin=lines(tape),
    )
    assert done.status == 0, done.err
    stored = shell("mdc cat data --symbol BTCUSDT").events
    kinds = [row["type"] for row in stored]
    assert (kinds.count("trade"), kinds.count("gap")) == (35, 1)
    assert shell("mdc cat data --symbol btcusdt").status == 1


MS = 1_700_000_000_000
Frames = list[dict[str, Any]]


def kraken_futures() -> Frames:
    """Changes by number, of which 13 is missing; two behind it are of the same moment."""
    head = {"product_id": "PF_XBTUSD"}
    sides = {"bids": [{"price": 10, "qty": 1}], "asks": [{"price": 11, "qty": 1}]}
    changes = [
        head
        | {"feed": "book", "seq": seq, "timestamp": MS + at, "side": "buy"}
        | {"price": 10, "qty": qty}
        for seq, at, qty in ((11, 10, 2), (12, 20, 3), (14, 30, 5), (15, 30, 6), (17, 50, 8))
    ]
    first, second = (
        head | {"feed": "book_snapshot", "seq": seq, "timestamp": MS + at, "tickSize": None} | sides
        for seq, at in ((10, 0), (16, 45))
    )
    return [first, *changes[:4], second, changes[4]]


def coinbase() -> Frames:
    """Messages that are dated later than what is in them, of which number 4 is missing."""

    def message(number: int, at: int, channel: str, *parts: Any) -> Any:
        head = {"channel": channel, "client_id": "", "sequence_num": number}
        return head | {"timestamp": f"2024-01-02T14:30:00.{at + 200:03d}Z", "events": parts}

    def book(number: int, at: int, kind: str, size: int) -> Any:
        rows = [("bid", "10", size)] + [("offer", "11", 1)] * (kind == "snapshot")
        updates = [
            {"side": side, "event_time": f"2024-01-02T14:30:00.{at:03d}Z"}
            | {"price_level": price, "new_quantity": str(quantity)}
            for side, price, quantity in rows
        ]
        part = {"type": kind, "product_id": "BTC-USD", "updates": updates}
        return message(number, at, "l2_data", part)

    state = {"subscriptions": {"level2": ["BTC-USD"], "heartbeats": ["heartbeats"]}}
    return [
        book(0, 0, "snapshot", 1),
        message(1, 5, "subscriptions", state),
        book(2, 10, "update", 2),
        book(3, 20, "update", 3),
        book(5, 30, "update", 5),
        book(6, 40, "update", 6),
        book(7, 45, "snapshot", 1),
        book(8, 50, "update", 8),
    ]


@pytest.mark.parametrize("made", [kraken_futures, coinbase])
def test_what_came_behind_a_hole_changes_no_book_of_the_archive(
    made: Callable[[], Frames], shell: Shell, tmp_path: Path
) -> None:
    text = (f"1700000000.{n:03d}: {json.dumps(frame)}\n" for n, frame in enumerate(made()))
    (tmp_path / "c.txt").write_text("".join(text))
    symbol = "PF_XBTUSD" if made is kraken_futures else "BTC-USD"
    words = f"c.txt {symbol} --provider {made.__name__} --type book"
    done = shell(f"mdc frames decode {words} > live.jsonl")
    assert done.status == 0, done.err
    assert shell("mdc store live.jsonl --root data").status == 0
    (gap,) = (row for row in shell("mdc cat live.jsonl").events if row["type"] == "gap")
    assert (gap["reason"], gap["count"]) == ("sequence", "1")
    assert gap["start"].endswith("0.020000000Z")  # the moment of the last that came before it
    for source in ("live.jsonl", "data", f"data --symbol {symbol}"):
        book = shell(f"mdc cat {source} | mdc book --levels 1")
        assert sizes(book, symbol) == ["1", "2", "3", "1", "8"], source
        again = "known from here on; {} changes passed over before"
        assert told(book) == ["gap (sequence)", again.format(2)], source


WIDE: list[tuple[str | None, list[str] | None, str]] = [
    (None, None, "all"),
    (None, ["*"], "any"),
    (None, ["B*"], "pattern"),
    (None, ["A", "C"], "names"),
    ("B", None, "own"),
]
OF = {"A": ["all", "any", "names"], "B": ["all", "any", "pattern", "own"], "[AB]": None}


def wide_rows() -> list[Row]:
    """Trades of two symbols, and gaps that are about one, some or all of them."""
    rows = [event("trade", n, "AB"[n % 2], price=n + 1, size=1) for n in range(6)]
    for second, (symbol, names, reason) in enumerate(WIDE, start=10):
        extra = {} if names is None else {"extra": {"symbols": names}}
        rows.append(event("gap", second, reason=reason, **extra) | {"symbol": symbol})
    return rows


def test_who_reads_a_symbol_gets_the_gaps_that_are_about_it_and_who_removes_does_not(
    shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "e.jsonl").write_bytes(lines(wide_rows()))
    made = shell("mdc store e.jsonl --root data && cp -r data plain && rm -r plain/_mdc")
    assert made.status == 0, made.err
    for symbol, reasons in OF.items():
        wanted = [reason for _, _, reason in WIDE] if reasons is None else reasons
        events = 3 + 3 * (reasons is None) + len(wanted)
        readers = [
            *(
                f"mdc {verb} --symbol '{symbol}'"
                for verb in ("cat data", "cat plain", "cat e.jsonl")
            ),
            f"mdc head -n 50 data --symbol '{symbol}'",
            f"mdc tail -n 50 data --symbol '{symbol}'",
            f"mdc replay data --speed max --symbol '{symbol}'",
        ]
        for line in readers if symbol != "B" else readers[:3]:
            done = shell(line)
            assert [r["reason"] for r in done.events if r["type"] == "gap"] == wanted, line
            assert len(done.events) == events, line
        counted = json.loads(shell(f"mdc count data --json --symbol '{symbol}'").out)["counts"]
        assert counted == {"gap": len(wanted), "trade": events - len(wanted)}
    exported = shell("mdc export --profile csv -o a.csv data --symbol A --type gap; cat a.csv")
    assert len(exported.lines) == 1 + len(OF["A"] or ()), exported.err
    missing = shell("mdc cat data --symbol X")
    assert missing.status == 1 and "no such symbol in data: 'X'" in missing.err
    assert shell("mdc rm --root data --symbol A --yes").status == 0
    left = [r["reason"] for r in shell("mdc cat data --type gap").events]
    assert left == [reason for _, _, reason in WIDE], "none of them is of A alone"
    assert shell("mdc retain --root data --symbol B --by event --keep 1d --yes").status == 0
    assert [r["reason"] for r in shell("mdc cat data --type gap").events] == [*left[:-1]]
