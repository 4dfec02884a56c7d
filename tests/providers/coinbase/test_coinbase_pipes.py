"""Coinbase by the command line, against its server on this host."""

import base64
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell

Event = dict[str, Any]
FEEDS = ("advanced", "exchange")
CHANNELS = "trade,quote,book"
NAMES = {
    "trade": ("symbol", "ts_event", "price", "size", "aggressor_side", "trade_id"),
    "quote": ("symbol", "ts_event", "bid_price", "bid_size", "ask_price", "ask_size"),
    "delta": ("symbol", "ts_event", "side", "price"),
}


def said(events: list[Event]) -> list[tuple[Any, ...]]:
    """What the protocol carries of trades, quotes and changes of books."""
    rows = []
    for event in events:
        names = NAMES.get(event["type"], ())
        if names and event.get("action") != "clear":
            size = Decimal(event.get("size") or 0) if event["type"] == "delta" else None
            rows.append((event["type"], *(event.get(name) for name in names), size))
    return rows


def of_type(events: list[Event], *names: str) -> list[Event]:
    return [event for event in events if event["type"] in names]


@pytest.fixture
def played(shell: Shell) -> list[Event]:
    """The events of events.jsonl: books from an empty one on, trades with ids without a hole."""
    kinds = "trade,quote,delta"
    done = shell(f"mdc -q stream sim BTC-USD ETH-USD --type {kinds} --seed 4 --limit 900 --plain")
    assert done.status == 0, done.err
    ids: Counter[str] = Counter()
    rows = []
    for event in done.events:
        event.pop("seq", None)
        if event["type"] == "trade":
            ids[event["symbol"]] += 1
            event["trade_id"] = str(ids[event["symbol"]])
        if event.get("action") == "clear":
            head = {name: event[name] for name in ("symbol", "ts_event")}
            event = {"type": "book", **head, "bids": [], "asks": []}
        rows.append(event)
    text = "".join(json.dumps(row, default=str) + "\n" for row in rows)
    done = shell("mdc convert -o events.jsonl -", stdin=text.encode())
    assert done.status == 0, done.err
    return shell("cat events.jsonl").events


def client(feed: str, more: str = "") -> str:
    return (
        f"timeout $DEADLINE mdc stream coinbase BTC-USD ETH-USD --feed {feed} --type {CHANNELS}"
        f" --mock --url $url {more}"
    )


@pytest.mark.parametrize("feed", FEEDS)
def test_what_the_server_plays_is_checked_and_stored(
    feed: str, played: list[Event], shell: Shell
) -> None:
    done = shell(
        f"mdc mock coinbase --once events.jsonl | {{ read url; {client(feed)}; }}"
        " | mdc validate --strict | tee stream.jsonl | mdc store --root data"
    )
    assert done.status == 0, done.err
    assert said(shell("cat stream.jsonl").events) == said(played)
    stored = shell("mdc cat --root data --type trade,quote,delta").events
    assert Counter(map(str, said(stored))) == Counter(map(str, said(played)))


@pytest.mark.parametrize("feed", FEEDS)
def test_a_disconnect_is_a_gap_and_the_book_begins_anew(
    feed: str, played: list[Event], shell: Shell
) -> None:
    fault = "disconnect-after=400,skip=5"
    done = shell(
        f"mdc mock coinbase --once events.jsonl --fault {fault} | {{ read url; {client(feed)}; }}"
    )
    assert done.status == 0, done.err
    states = [e.get("state", e.get("symbol")) for e in of_type(done.events, "connection", "gap")]
    assert states == ["up", "down", "resubscribed", "BTC-USD", "ETH-USD"]
    stay = played[:400] + played[405:]
    assert said(done.events) == said(stay)
    second = [e for e in done.events if e["channel"].startswith("coinbase-2")]
    books = of_type(second, "book")
    assert {book["symbol"] for book in books} == {"BTC-USD", "ETH-USD"}
    assert final(done.events) == final(played)


def final(events: list[Event]) -> dict[str, dict[str, dict[Decimal, Decimal]]]:
    """The book of each symbol in the end."""
    found: dict[str, dict[str, dict[Decimal, Decimal]]] = {}
    for event in of_type(events, "book", "delta"):
        if event["type"] == "book":
            both = {"bid": event["bids"], "ask": event["asks"]}
            found[event["symbol"]] = {
                side: {Decimal(at["price"]): Decimal(at["size"]) for at in levels}
                for side, levels in both.items()
            }
            continue
        levels = found[event["symbol"]][event["side"]]
        levels.pop(Decimal(event["price"]), None)
        if event["action"] != "cancel" and Decimal(event.get("size") or 0):
            levels[Decimal(event["price"])] = Decimal(event["size"])
    return found


def test_a_number_that_is_missing_is_a_gap_and_the_book_comes_again(
    played: list[Event], shell: Shell
) -> None:
    done = shell(
        f"mdc mock coinbase --once events.jsonl --drop 150 | {{ read url; {client('advanced')}; }}"
    )
    assert done.status == 0, done.err
    gaps = of_type(done.events, "gap")
    assert gaps and all((gap["reason"], gap["count"]) == ("sequence", "1") for gap in gaps)
    missing = Counter(map(str, said(played))) - Counter(map(str, said(done.events)))
    assert missing.total() > 0 and len(gaps) <= missing.total()
    assert not Counter(map(str, said(done.events))) - Counter(map(str, said(played)))
    place = done.events.index(gaps[0])
    again = of_type(done.events[place:], "book")
    assert {book["symbol"] for book in again} == {"BTC-USD", "ETH-USD"}


def test_lost_trades_of_exchange_are_told_by_their_ids(shell: Shell, played: list[Event]) -> None:
    done = shell(
        "mdc mock coinbase --once events.jsonl --drop 7 | { read url;"
        " timeout $DEADLINE mdc stream coinbase BTC-USD ETH-USD --feed exchange --type trade"
        " --mock --url $url; }"
    )
    assert done.status == 0, done.err
    trades = of_type(played, "trade")
    lost = len(trades) - len(of_type(done.events, "trade"))
    told = sum(int(gap["count"]) for gap in of_type(done.events, "gap"))
    last = trades[6::7][-1]
    behind = [t for t in trades[trades.index(last) :] if t["symbol"] == last["symbol"]]
    assert 0 < lost == told + (len(behind) == 1)  # nothing tells of a last one but a heartbeat


def test_a_snapshot_of_five_megabytes_comes_in_one_frame(shell: Shell, tmp_path: Path) -> None:
    levels = '"bids":[{"price":42000.00,"size":0.5}],"asks":[{"price":42000.01,"size":1.25}]}'
    head = '{"type":"book","symbol":"BTC-USD","ts_event":"2024-01-02T14:30:00.000000000Z",'
    (tmp_path / "book.jsonl").write_text(f"{head}{levels}\n")
    done = shell(
        "mdc mock coinbase --once book.jsonl --depth 24000 | { read url;"
        " timeout $DEADLINE mdc stream coinbase BTC-USD --type book --mock --url $url"
        " --capture frames.jsonl; }"
    )
    assert done.status == 0, done.err
    (book,) = of_type(done.events, "book")
    assert len(book["bids"]) == len(book["asks"]) == 24_000
    assert [book["bids"][0], book["asks"][0]] == [
        {"price": "42000", "size": "0.5"},
        {"price": "42000.01", "size": "1.25"},
    ]
    deepest = Decimal("42000.00") - 23_999 * Decimal("0.01")
    assert Decimal(book["bids"][-1]["price"]) == deepest
    assert max(map(len, (tmp_path / "frames.jsonl").read_bytes().splitlines())) > 5_000_000


@pytest.mark.parametrize("feed", FEEDS)
def test_an_unknown_product_is_told_and_the_others_come(
    feed: str, played: list[Event], shell: Shell
) -> None:
    done = shell(
        "mdc mock coinbase --once events.jsonl | { read url;"
        f" timeout $DEADLINE mdc stream coinbase BTC-USD NOSUCH-USD --feed {feed} --mock"
        " --url $url; }"
    )
    assert done.status == 0, done.err
    assert "NOSUCH-USD" in done.err
    (told,) = of_type(done.events, "integrity")
    assert (told["check"], told["extra"]) == ("subscription", {"symbols": ["NOSUCH-USD"]})
    wanted = [e for e in played if e["symbol"] == "BTC-USD" and e["type"] in ("trade", "quote")]
    assert said(done.events) == said(wanted)


@pytest.mark.parametrize("feed", FEEDS)
def test_only_unknown_products_are_a_refusal(feed: str, shell: Shell) -> None:
    done = shell(f"mdc stream coinbase NOSUCH-USD --feed {feed} --mock --limit 5")
    assert done.status == 77
    assert "NOSUCH-USD" in done.err and "Traceback" not in done.err


def test_a_channel_that_the_feed_has_not(shell: Shell) -> None:
    done = shell("mdc stream coinbase BTC-USD --feed exchange --type bar --url ws://127.0.0.1:9")
    assert done.status == 2
    assert "coinbase's feed exchange has no channel 'bar'" in done.err


def test_messages_are_signed_where_there_is_a_key(
    shell: Shell, tmp_path: Path, played: list[Event]
) -> None:
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    secret = base64.b64encode(ed25519.Ed25519PrivateKey.generate().private_bytes_raw()).decode()
    done = shell(
        "mdc mock coinbase --once events.jsonl | { read url;"
        " timeout $DEADLINE mdc stream coinbase BTC-USD --url $url --limit 5 --capture c.jsonl; }",
        COINBASE_API_KEY="organizations/1/apiKeys/2",
        COINBASE_API_SECRET=secret,
    )
    assert done.status == 0, done.err
    assert len(of_type(done.events, "trade", "quote")) == 5
    rows = map(json.loads, (tmp_path / "c.jsonl").read_text().splitlines())
    asked = [row["frame"] for row in rows if row["dir"] == "out"]
    assert len({m["jwt"] for m in asked}) == len(asked) == 3
    assert secret not in (tmp_path / "c.jsonl").read_text()


TICKER = (
    '{"type":"ticker","sequence":%d,"product_id":"BTC-USD","best_bid":"100.50",'
    '"best_bid_size":"1","best_ask":"0.000000000000000001","best_ask_size":"2",'
    '"time":"2024-01-02T14:30:00.%06dZ"}'
)
BAD = {
    190: ('"100.50"', '"NaN"'),  # where not each event is looked at any more
    220: ('"100.50"', '"1e999999999"'),
    230: ('"100.50"', '"text"'),
    240: ('"100.50"', "[]"),
    250: ('"product_id":"BTC-USD",', ""),
    260: ('"ticker"', '"novelty"'),
    270: ('"BTC-USD"', "7"),
    280: ('"time"', '"tune"'),
    290: ("{", "["),
}


def test_what_cannot_be_read_is_named_and_counted_and_all_else_arrives(
    shell: Shell, tmp_path: Path
) -> None:
    frames = [TICKER % (n, n) for n in range(300)]
    for n, change in BAD.items():
        frames[n] = frames[n].replace(*change)
    lines = [
        {"dir": "in", "recv_ns": 1_704_205_800_000_000_000 + n, "frame": frame, "encoding": "text"}
        for n, frame in enumerate(frames)
    ]
    # Bytes that are no text, and 5 MB of it.
    binary = base64.b64encode(b'{"type":"ticker\xff').decode()
    lines.insert(200, {**lines[0], "frame": binary, "encoding": "base64"})
    lines.insert(200, {**lines[0], "frame": '{"type":"' + "x" * 5_000_000 + '"}'})
    (tmp_path / "capture.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = "mdc stream coinbase BTC-USD --feed exchange --type quote --replay capture.jsonl"
    done = shell(command)
    assert done.status == 0, done.err
    good = [n for n in range(300) if n not in BAD or n == 280]  # whose time is that of receipt
    quotes = of_type(done.events, "quote")
    assert [int(event["extra"]["sequence"]) for event in quotes] == good
    assert {str(event["bid_price"]) for event in quotes} == {"100.50"}
    assert {f"{Decimal(event['ask_price']):f}" for event in quotes} == {"0.000000000000000001"}
    found = of_type(done.events, "integrity")
    assert len(found) == len(BAD) - 1 + 2 and {e["check"] for e in found} == {"frame"}
    assert "bid_price is NaN" in found[0]["message"]
    assert f"302 in = {len(good)} out + {len(found)} rejected" in done.err
