"""When changes were received makes no difference: the books are those of their event times."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell
from tests.pipes.books.rows import Event, change, lines, sides, snapshot, states

MARKET = "mdc stream sim BTC-USD --type delta --seed 7 --limit 600"


def books(rows: list[Event]) -> list[tuple[Any, ...]]:
    """The books among these events: event time and levels."""
    return [(row["ts_event"], *sides(row)) for row in rows if row["type"] == "book"]


def of_rows(rows: list[Event], digits: int) -> list[tuple[Any, ...]]:
    """The last state of each event time, cut behind so many characters."""
    last = {row["ts_event"][:digits]: (row["ts_event"], *top) for row, top in states(rows, 3)}
    return list(last.values())


@pytest.mark.parametrize("feed", ["advanced", "exchange"])
@pytest.mark.some(1)
def test_books_are_the_same_at_any_speed(shell: Shell, tmp_path: Path, feed: str) -> None:
    shell(f"{MARKET} > deltas.jsonl")
    text = (tmp_path / "deltas.jsonl").read_text()
    text = text.replace('"type":"delta"', '"type":"book"', 1)
    text = text.replace('"action":"clear"', '"bids":[],"asks":[]', 1)
    (tmp_path / "market.jsonl").write_text(text)
    client = f"mdc stream coinbase --feed {feed} BTC-USD --type book --mock --url $url"
    received = []
    for speed in ("1x", "max"):
        server = f"mdc mock coinbase --feed {feed} market.jsonl --once --speed {speed}"
        done = shell(
            f"{server} | {{ read url; timeout $DEADLINE {client} | tee live.jsonl | "
            "mdc book --levels 3; }"
        )
        assert done.status == 0, done.err
        text = (tmp_path / "live.jsonl").read_text()
        found = [json.loads(line, parse_float=str, parse_int=str) for line in text.splitlines()]
        rows = [row for row in found if row["type"] in ("book", "delta")]
        assert len(rows) > 500
        received.append(len({row["ts_recv"] for row in rows}))
        assert len({row["ts_event"] for row in rows}) > max(received)
        assert books(done.events) == of_rows(rows, 30)
        every = books(shell("mdc book --levels 3 --every 100ms live.jsonl").events)
        assert every == of_rows(rows, 21)
        assert len(every) > 3
    assert shell("mdc store live.jsonl --root data").status == 0
    assert books(shell("mdc cat --root data | mdc book --levels 3").events) == of_rows(rows, 30)


def test_what_ends_an_update(shell: Shell) -> None:
    one = {"ts_recv": "2024-01-02T14:31:00.000000000Z"}
    other = {"ts_recv": "2024-01-02T14:31:01.000000000Z"}
    rows = [
        snapshot(1, "10x1", "20x1", **one),
        change(2, "bid 11x1", **one),
        change(2, "bid 11x2", **other),  # the same moment, read later
        change(3, "bid 11x3", **other),  # another moment, read with the one before
        change(3, "bid 11x4", seq=1, **other),
        change(3, "bid 11x5", seq=2, **other),
        change(1, "bid 1x1", "B", **other),  # of another book, and older: the update goes on
        change(3, "bid 11x6", seq=2, **one),
        change(4, "bid 11x7", "B", **one),
        change(3, "bid 11x8", seq=2, **one),  # late
    ]
    done = shell("mdc book --levels 1", stdin=lines(rows))
    found = [row["bids"][0]["size"] for row in done.events if row["type"] == "book"]
    assert found == ["1", "2", "3", "4", "6", "8"]


def test_an_update_of_several_times_goes_up_to_its_checksum(shell: Shell) -> None:
    rows = [
        snapshot(1, "10x1", "20x1"),
        change(2, "bid 21x1"),  # crossed, were it all of the message
        change(3, "ask 20x0"),
        change(2.5, "ask 22x1", checksum="1"),
        change(4, "bid 21x2"),
        change(5, "bid 21x3", checksum="2"),
    ]
    done = shell("mdc book --levels 1", stdin=lines(rows))
    found = [row["bids"][0]["size"] for row in done.events if row["type"] == "book"]
    assert found == ["1", "1", "3"]
