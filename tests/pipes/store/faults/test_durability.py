"""What `store` has acknowledged is there, whatever becomes of it."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import lz4.frame
import pytest
import zstandard

from mdc_core.events import EVENT_TYPES
from tests.conftest import Shell, parts_of
from tests.pipes.store.storing import Storing, storing, trade, trades

Start = Callable[..., Storing]
# An event of each of these types, with what it needs.
FIRST = {
    "trade": ',"price":1',
    "quote": ',"bid_price":1',
    "book": ',"bids":[{"price":1,"size":1}]',
    "bar": ',"interval":"1m","open":1,"high":1,"low":1,"close":1',
    "auction": ',"price":1',
    "dividend": "",
    "split": "",
    "news": ',"headline":"x"',
    "funding": ',"mark_price":1',
    "liquidation": ',"price":1,"size":1',
    "open_interest": ',"open_interest":1',
    "flow": "",
    "indicator": ',"name":"x","value":1.5',
    "gap": ',"reason":"x"',
}


@pytest.fixture
def start(tmp_path: Path, quiet_env: dict[str, str]) -> Iterator[Start]:
    """Start a store into `data`."""
    with ExitStack() as stack:
        yield lambda *how: stack.enter_context(storing(how[0], tmp_path, quiet_env, *how[1:]))


def journals(root: Path) -> list[Path]:
    return sorted((root / "_mdc" / "journal").iterdir())


@pytest.mark.parametrize("fsync", ["always", "batch", "none"])
@pytest.mark.some(1)
def test_acks_while_the_input_stays_open(fsync: str, start: Start, shell: Shell) -> None:
    store = start(f"-v --fsync {fsync}")
    lines = trades(0, 3)
    gap = '{"type":"gap","v":"1.0.0","ts_event":"2024-01-02T15:00:00.000000000Z","reason":"x"}'
    store.write([*lines, '{"type":"heartbeat","v":"1.0.0"}'])
    store.wait_for(3)
    assert store.acknowledged == Counter(trade=3)
    store.write([gap, trade(3), '{"type":"ack","run_id":"a","stage":"b","counts":{}}'])
    store.wait_for(5)
    assert store.acknowledged == Counter(trade=4, gap=1)
    # Everybody sees what is only in the journal: events, and nothing about the stream.
    wanted = [*lines, trade(3), gap]
    assert shell("mdc cat --root data").lines == wanted
    counted = json.loads(shell("mdc count --root data --json").out)
    assert counted == {"counts": {"gap": 1, "trade": 4}, "total": 5}
    assert shell("mdc tail -n 2 --root data").lines == wanted[-2:]
    assert shell("mdc replay --speed max --root data").lines == wanted
    store.write([trade(4)])
    status, err = store.end()
    assert status == 0, err
    assert store.acknowledged == Counter(trade=5, gap=1)
    assert "8 in = 6 out + 0 rejected + 0 dropped + 2 skipped\n" in err
    assert shell("mdc cat --root data").lines == [*trades(0, 5), gap]


def test_types_that_came_before_make_later_events_no_larger(
    start: Start, shell: Shell, tmp_path: Path
) -> None:
    """In the journal, and for those who read it."""
    head = '{"type":"%s","v":"%s","symbol":"A","ts_event":"2024-01-02T12:00:%02d.000000000Z"%s}'
    each = [
        head % (name, EVENT_TYPES[name]().v, at, more)
        for at, (name, more) in enumerate(FIRST.items())
    ]
    grown = []
    for root, before in (("none", each[:1]), ("all", each)):
        store = start(f"--root {root}")
        store.write(before)
        store.wait_for(len(before))
        (journal,) = journals(tmp_path / root)
        size = journal.stat().st_size
        store.write(trades(0, 1000))
        store.wait_for(len(before) + 1000)
        grown.append(journal.stat().st_size - size)
        assert shell(f"mdc cat --root {root}").lines == [*before, *trades(0, 1000)]
        by_receipt = shell(
            f"mdc replay --clock receive --speed max --type trade --root {root}"
        ).lines
        assert by_receipt[-1000:] == trades(0, 1000)
        store.kill()
        assert shell(f"mdc recover --root {root}").status == 0
        assert shell(f"mdc cat --root {root}").lines == [*before, *trades(0, 1000)]
    assert grown[1] < 1.05 * grown[0] < 100_000


def test_a_thousand_are_synced_at_once(start: Start) -> None:
    store = start("")
    store.write(trades(0, 2500))
    store.wait_for(2500)
    assert store.end()[0] == 0
    last = json.loads(store.out[-1])
    acks = sum(line.startswith(b'{"type":"ack"') for line in store.out)
    assert (last["type"], last["counts"]) == ("end", {"ack": acks})


@pytest.mark.parametrize("pack", [zstandard.compress, gzip.compress, lz4.frame.compress])
@pytest.mark.parametrize("fsync", ["batch", "always"])
@pytest.mark.some(2)
def test_acks_of_compressed_events_while_the_input_stays_open(
    pack: Callable[[bytes], bytes], fsync: str, start: Start
) -> None:
    """What is unpacked does not wait for the bytes behind it: more than a block, then one event."""
    store = start(f"--fsync {fsync}")
    assert store.process.stdin is not None
    for first, stop in ((0, 3), (3, 20_000), (20_000, 20_001)):
        text = "".join(f"{line}\n" for line in trades(first, stop))
        store.process.stdin.write(pack(text.encode()))
        store.process.stdin.flush()
        store.wait_for(stop)
    assert store.acknowledged == Counter(trade=20_001)


@pytest.mark.parametrize("options", ["", "--seal-size 1B", "--format jsonl", "--dry-run"])
@pytest.mark.some(1)
def test_tee_passes_on_the_same_bytes(options: str, shell: Shell, tmp_path: Path) -> None:
    odd = '{ "symbol": "A", "type":"trade", "price": 1.50, "ts_event":"2024-01-02T00:00:00Z" }'
    lines = [odd, '{"type":"heartbeat"}', trade(1), odd, trade(2)]
    (tmp_path / "in").write_text("".join(line + "\n" for line in lines))
    done = shell(f"mdc -q store --tee {options} < in")
    assert done.status == 0, done.err
    begin, *passed, end = done.out.splitlines()
    assert passed == lines
    assert json.loads(begin)["stage"] == "store"
    assert json.loads(end)["counts"] == {"trade": 4, "heartbeat": 1}
    counted = shell("mdc -q store --root other --tee --ack < in | mdc count --json")
    assert json.loads(counted.out) == {"counts": {"trade": 4}, "total": 4}
    arrow = shell(
        f"mdc -q store --root third --tee --tee-format arrow {options} < in | mdc convert"
    )
    assert arrow.lines == shell("mdc convert in").lines


@pytest.mark.parametrize("form", ["parquet", "jsonl", "jsonl --compression zstd"])
@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.some(2)
def test_a_kill_after_an_ack(
    form: str, sealed: bool, start: Start, shell: Shell, tmp_path: Path
) -> None:
    """With some parts sealed before: each event is there once, in journal or part."""
    first = trades(0, 4) + trades(0, 4, "B")
    if sealed:
        assert shell(f"mdc store --format {form}", stdin="\n".join(first).encode()).status == 0
    store = start(f"--format {form}")
    later = trades(4, 9)
    store.write(later)
    store.wait_for(5)
    store.kill()
    wanted = (first if sealed else []) + later
    wanted.sort(key=lambda line: str(json.loads(line)["ts_event"]))
    before = shell("mdc cat --root data")
    assert before.status == 0, before.err
    assert before.lines == wanted
    (left,) = journals(tmp_path / "data")
    would = shell("mdc recover --dry-run")
    assert would.out == f"would recover {left.stem}: 5 events\n"
    assert json.loads(shell("mdc recover --dry-run --json").out) == [
        {"segment": left.stem, "events": 5, "files": 0, "torn": 0, "damages": [], "warning": None}
    ]
    assert journals(tmp_path / "data") == [left]
    done = shell("mdc recover")
    assert (done.status, done.out) == (0, f"recovered {left.stem}: 5 events\n")
    assert journals(tmp_path / "data") == []
    assert shell("mdc cat --root data").lines == wanted
    parts = parts_of(tmp_path / "data")
    assert sum(left.stem in path.name for path in parts) == 1
    for again in ("mdc recover", "mdc recover --dry-run"):
        done = shell(again)
        assert (done.status, done.out) == (0, "")
        assert "nothing was left behind" in done.err
    assert parts_of(tmp_path / "data") == parts


def test_the_next_store_recovers(start: Start, shell: Shell, tmp_path: Path) -> None:
    for number in range(2):
        store = start("")
        store.write([trade(number)])
        store.wait_for(1)
        store.kill()
    done = shell("mdc store", stdin=trade(2).encode())
    assert done.status == 0
    assert done.err.count("recovered ") == 1  # the second store recovered the first
    assert shell("mdc cat --root data").lines == trades(0, 3)
    assert journals(tmp_path / "data") == []


def test_a_store_that_runs_is_left_alone(start: Start, shell: Shell, tmp_path: Path) -> None:
    store = start("")
    store.write([trade(0)])
    store.wait_for(1)
    (live,) = journals(tmp_path / "data")
    assert shell("mdc recover").out == ""
    assert shell("mdc store", stdin=trade(1).encode()).status == 0
    assert journals(tmp_path / "data") == [live]
    store.write([trade(2)])
    assert store.end()[0] == 0
    assert shell("mdc cat --root data").lines == trades(0, 3)


def test_a_record_that_was_not_finished(start: Start, shell: Shell, tmp_path: Path) -> None:
    store = start("--fsync always")
    for number in range(2):
        store.write([trade(number)])
        store.wait_for(number + 1)
    store.kill()
    (left,) = journals(tmp_path / "data")
    left.write_bytes(left.read_bytes()[:-5])
    assert shell("mdc cat --root data").lines == [trade(0)]
    done = shell("mdc recover")
    assert done.status == 0, done.err
    assert f"recovered {left.stem}: 1 event, " in done.out
    assert "bytes of an unfinished record cut off" in done.out
    assert shell("mdc cat --root data").lines == [trade(0)]


def test_a_damaged_journal(start: Start, shell: Shell, tmp_path: Path) -> None:
    store = start("--fsync always")
    for number in range(3):
        store.write([trade(number)])
        store.wait_for(number + 1)
    store.kill()
    (left,) = journals(tmp_path / "data")
    data = bytearray(left.read_bytes())
    data[data.index(b"mdcJ", data.index(b"mdcJ", 10) + 10) + 50] ^= 1
    left.write_bytes(data)
    for verb in ("cat", "tail", "count", "replay --speed max"):
        done = shell(f"mdc {verb} --root data")
        assert (done.status, done.events if verb != "count" else done.out) in (
            (65, []),
            (65, ""),
        )
        assert f"{left.name}: record 2: its checksum differs" in done.err
        assert "hint: keep what can be read: mdc recover --root" in done.err
    done = shell("mdc recover")
    assert done.status == 1
    assert done.out == f"recovered {left.stem}: 2 events\n"
    assert left.name in done.err and "its checksum differs" in done.err
    gap, *lines = shell("mdc cat --root data").events
    assert (gap["type"], gap["reason"]) == ("gap", "journal-damage")
    assert [event["price"] for event in lines] == ["0", "2"]
    assert (tmp_path / "data" / "_mdc" / "damaged" / left.name).read_bytes() == data
    assert shell("mdc recover").out == ""


@pytest.mark.parametrize("room", ["99%", "100000TB"])
def test_too_little_room(room: str, shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc store", stdin=trade(0).encode()).status == 0
    done = shell(f"mdc store --ack --min-free {room}", stdin=trade(1).encode())
    assert done.status == 73
    assert '"type":"ack"' not in done.out
    (line,) = [line for line in done.err.splitlines() if "nearly full" in line]
    assert line.startswith("mdc store: data: the disk is nearly full, ")
    assert "--min-free" in done.err
    assert shell("mdc cat --root data").lines == [trade(0)]
    assert journals(tmp_path / "data") == []


@pytest.mark.parametrize(("limit", "at_once"), [(256, 100), (16, 1)])
def test_a_disk_that_refuses(
    limit: int, at_once: int, start: Start, shell: Shell, tmp_path: Path
) -> None:
    """No file may grow beyond so many KiB: the journal, then perhaps the catalog as well."""
    assert shell("mdc store", stdin=trade(0).encode()).status == 0
    store = start("--fsync always", f"ulimit -f {limit};")
    sent = 1
    while store.reach(sent - 1):
        store.write(trades(sent, sent + at_once))
        sent += at_once
    status, err = store.end()
    assert status == 73, err
    assert "File too large" in err
    kept = sent - at_once
    assert store.acknowledged == Counter(trade=kept - 1) and kept > at_once
    catalog_is_larger = (tmp_path / "data/_mdc/catalog.sqlite").stat().st_size > limit * 1024
    assert f" = {kept - 1} out + 0 rejected + {at_once} dropped" in err
    assert (f"{kept - 1} events stay in the journal" in err) == catalog_is_larger
    assert len(journals(tmp_path / "data")) == catalog_is_larger == (limit == 16)
    assert shell("mdc cat --root data").lines == trades(0, kept)
    assert shell("mdc store", stdin=trade(kept).encode()).status == 0
    assert shell("mdc cat --root data").lines == trades(0, kept + 1)
    assert journals(tmp_path / "data") == []


@pytest.mark.parametrize("form", ["parquet", "jsonl --compression gzip"])
def test_four_at_once_into_a_new_root(
    form: str, start: Start, shell: Shell, tmp_path: Path
) -> None:
    stores = [start(f"--format {form} --seal-size 1B") for _ in range(4)]
    for turn in range(5):
        for number, store in enumerate(stores):
            first = (turn * 4 + number) * 20
            store.write(trades(first, first + 20, "AB"[number % 2]))
        if turn == 2:
            assert all(store.reach(60) for store in stores)
    for store in stores:
        status, err = store.end()
        assert status == 0, err
        assert store.acknowledged == Counter(trade=100)
    found = shell("mdc cat --root data")
    assert found.status == 0, found.err
    assert found.lines == [trade(n, "AB"[n // 20 % 2]) for n in range(400)]
    assert journals(tmp_path / "data") == []
    listed = json.loads(shell("mdc ls --json").out)
    assert [(row["symbol"], row["events"]) for row in listed] == [("A", 200), ("B", 200)]
    held = sum(row["bytes"] for row in listed)
    assert held == sum(path.stat().st_size for path in parts_of(tmp_path / "data"))
