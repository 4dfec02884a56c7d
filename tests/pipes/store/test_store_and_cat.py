"""What is stored comes back: every event, every digit, in time order."""

import json
import re
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.conftest import Shell, only_says_error, parts_of

EVENTS = "mdc stream sim SPY AAPL 'BTC/USD' --type trade,quote,delta --limit 3000 --seed 7"


def sorted_lines(lines: list[str]) -> list[str]:
    return sorted(lines, key=lambda line: json.loads(line)["ts_event"])


@pytest.fixture
def events(shell: Shell, tmp_path: Path) -> list[str]:
    """The canonical lines of some events, in events.jsonl as well."""
    done = shell(f"{EVENTS} | mdc convert | tee events.jsonl")
    assert done.status == 0, done.err
    return done.lines


def paths_below(root: Path) -> set[str]:
    """Where the parts are, the names of runs left out."""
    found = set()
    for path in parts_of(root):
        pieces = path.relative_to(root).as_posix().split(".")
        run = next(i for i, piece in enumerate(pieces) if piece.endswith("-0001"))
        folder, slash, _ = pieces[run].rpartition("/")
        pieces[run] = f"{folder}{slash}RUN"
        found.add(".".join(pieces))
    return found


LAYOUTS = {
    "by-symbol": "AAPL/trade/2024-01-02.RUN.parquet",
    "by-date": "2024-01-02/AAPL/trade.RUN.parquet",
    "by-type": "trade/AAPL/2024-01-02.RUN.parquet",
    "flat": "AAPL_trade_2024-01-02.RUN.parquet",
    "hive": "symbol=AAPL/type=trade/date=2024-01-02/RUN.parquet",
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("form", ["parquet", "jsonl"])
@pytest.mark.some(3)
def test_every_layout_gives_back_what_was_stored(
    layout: str, form: str, events: list[str], shell: Shell, tmp_path: Path
) -> None:
    done = shell(f"mdc store --root data --layout {layout} --format {form} < events.jsonl")
    assert done.status == 0, done.err
    found = paths_below(tmp_path / "data")
    assert LAYOUTS[layout].replace(".parquet", f".{form}") in found
    assert any("BTC%2FUSD" in path for path in found)
    back = shell("mdc cat --root data")
    assert back.status == 0
    assert sorted(back.lines) == sorted(events)
    times = [json.loads(line)["ts_event"] for line in back.lines]
    assert times == sorted(times)
    # Within one symbol and type, equal times keep the order in which they came.
    for kind in ("trade", "quote", "delta"):
        for symbol in ("SPY", "AAPL", "BTC/USD"):
            key = f'{{"type":"{kind}","v":"1.0.0","symbol":"{symbol}"'
            mine = [line for line in sorted_lines(events) if line.startswith(key)]
            assert [line for line in back.lines if line.startswith(key)] == mine


@pytest.mark.parametrize(
    ("partition", "name"),
    [
        ("none", "all"),
        ("hourly", "2024-01-02T14"),
        ("daily", "2024-01-02"),
        ("monthly", "2024-01"),
    ],
)
@pytest.mark.some(2)
def test_partitions(
    partition: str, name: str, events: list[str], shell: Shell, tmp_path: Path
) -> None:
    assert shell(f"mdc store --root data --partition {partition} < events.jsonl").status == 0
    assert f"SPY/trade/{name}.RUN.parquet" in paths_below(tmp_path / "data")
    assert sorted(shell("mdc cat --root data").lines) == sorted(events)


def test_a_part_for_each_hour(shell: Shell, tmp_path: Path) -> None:
    lines = "".join(
        f'{{"type":"trade","symbol":"A","ts_event":"2024-01-{day}T{hour}:30:00Z","price":1,"size":1}}\n'
        for day in ("01", "02")
        for hour in ("09", "10")
    )
    done = shell("mdc store --root data --partition hourly", stdin=lines.encode())
    assert done.status == 0
    assert paths_below(tmp_path / "data") == {
        f"A/trade/2024-01-{day}T{hour}.RUN.parquet" for day in ("01", "02") for hour in ("09", "10")
    }
    assert len(shell("mdc cat --root data --from 2024-01-01T10 --to 2024-01-02").lines) == 3


def test_filters_of_cat(events: list[str], shell: Shell) -> None:
    shell("mdc store --root data < events.jsonl")
    got = shell("mdc cat --root data --symbol SPY --symbol AAPL --type trade").lines
    wanted = [
        line
        for line in events
        if json.loads(line)["type"] == "trade" and json.loads(line)["symbol"] != "BTC/USD"
    ]
    assert sorted(got) == sorted(wanted) and got
    times = sorted(json.loads(line)["ts_event"] for line in events)
    start, end = times[100], times[900]
    got = shell(f"mdc cat --root data --from {start} --to {end}").lines
    wanted = [line for line in events if start <= json.loads(line)["ts_event"] < end]
    assert sorted(got) == sorted(wanted) and got


def test_cat_merges_files_and_archives_and_pipes(events: list[str], shell: Shell) -> None:
    for name, symbol in (("a", "SPY"), ("b", "AAPL")):
        shell(f"mdc cat events.jsonl --symbol {symbol} > {name}.jsonl")
    shell("mdc cat events.jsonl --symbol BTC/USD | mdc store --root data")
    shell("mdc convert b.jsonl -o b.parquet && gzip a.jsonl")
    got = shell("mdc cat a.jsonl.gz b.parquet data")
    assert got.status == 0
    assert sorted(got.lines) == sorted(events)
    times = [json.loads(line)["ts_event"] for line in got.lines]
    assert times == sorted(times)
    piped = shell("cat events.jsonl | mdc cat")
    assert piped.lines == events


def test_a_file_out_of_order_is_sorted(events: list[str], shell: Shell, tmp_path: Path) -> None:
    backwards = events[::-1]
    (tmp_path / "r.jsonl").write_text("".join(line + "\n" for line in backwards))
    assert shell("mdc cat r.jsonl").lines == sorted_lines(backwards)


def test_equal_times_keep_the_order_of_files_and_rows(shell: Shell, tmp_path: Path) -> None:
    for file in "ab":
        lines = [
            f'{{"type":"trade","v":"1.0.0","symbol":"{file}","ts_event":"2024-01-02T00:00:0{s}.000000000Z",'
            f'"trade_id":"{n}"}}\n'
            for s in (1, 2)
            for n in range(40_000)
        ]
        (tmp_path / f"{file}.jsonl").write_text("".join(lines))
    got = [
        (e["ts_event"][18], e["symbol"], int(e["trade_id"]))
        for e in shell("mdc cat a.jsonl b.jsonl").events
    ]
    assert got == [(s, f, n) for s in "12" for f in "ab" for n in range(40_000)]


def test_many_overlapping_parts(shell: Shell, tmp_path: Path) -> None:
    """More parts at once than cat holds open."""
    symbols = " ".join(f"S{n:03d}" for n in range(150))
    source = f"mdc stream sim {symbols} --limit 6000"
    stored = shell(f"{source} | tee e.jsonl | mdc store --root data")
    assert stored.status == 0
    assert len(list((tmp_path / "data").rglob("*.parquet"))) > 200
    got = shell("mdc cat --root data")
    times = [event["ts_event"] for event in got.events]
    assert times == sorted(times)
    assert sorted(got.lines) == sorted(shell("mdc convert e.jsonl").lines)


def test_parquet_is_exact_for_sql_engines(shell: Shell, tmp_path: Path) -> None:
    lines = (
        b'{"type":"trade","symbol":"A","ts_event":"2024-01-02T00:00:00.000000001Z","price":187.2,"size":0.000000001}\n'
        b'{"type":"trade","symbol":"B","ts_event":"2024-01-02T00:00:00Z","price":0.000000123456,"size":3}\n'
        b'{"type":"trade","symbol":"C","ts_event":"2024-01-02T00:00:00Z","price":12345678.123456789,"size":-999999999.999999999}\n'
        b'{"type":"trade","symbol":"D","ts_event":"2024-01-02T00:00:00Z","price":1234567890.5,"size":1}\n'
    )
    assert shell("mdc store --root data", stdin=lines).status == 0
    kinds = {}
    for symbol in "ABCD":
        (part,) = (tmp_path / "data" / symbol / "trade").iterdir()
        schema = pq.read_schema(part)
        kinds[symbol] = (str(schema.field("price").type), str(schema.field("size").type))
        assert schema.metadata[b"mdc.versions"] == b'{"trade": "1.0.0"}'
    wide = "decimal128(36, 18)"
    assert kinds == dict.fromkeys("ABCD", (wide, wide))  # one width for all of a type
    assert shell("mdc store --root narrow", stdin=lines.splitlines()[0]).status == 0
    glob = f"{tmp_path}/narrow/A/**/*.parquet"
    query = f"select price, size, price * size, epoch_ns(ts_event) from read_parquet('{glob}')"
    assert duckdb.sql(query).fetchall() == [
        (Decimal("187.2"), Decimal("1E-9"), Decimal("1.872E-7"), 1704153600000000001)
    ]
    back = {e["symbol"]: (e["price"], e["size"]) for e in shell("mdc cat --root data").events}
    assert back["B"] == ("0.000000123456", "3")
    assert back["C"] == ("12345678.123456789", "-999999999.999999999")


def test_symbols_never_leave_the_root(shell: Shell, tmp_path: Path) -> None:
    symbols = [
        "../../etc/x",
        "..",
        ".",
        "CON",
        "BTC/USD",
        "A B",
        "",
        "é",
        "😀",
        "_",
        "a\\b",
        ".hidden",
        "x" * 10_000,
        "%2E",
        "a.parquet",
    ]
    rest = {"type": "trade", "ts_event": "2024-01-02T00:00:00Z", "price": 1, "size": 1}
    lines = "".join(json.dumps({**rest, "symbol": symbol}) + "\n" for symbol in symbols)
    before = set(tmp_path.iterdir())
    assert shell("mdc store --root deep/data", stdin=lines.encode()).status == 0
    assert set(tmp_path.iterdir()) - before == {tmp_path / "deep"}
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["data"]
    stored = shell("mdc cat --root deep/data").events
    assert sorted(event["symbol"] for event in stored) == sorted(symbols)
    one = shell("mdc cat --root deep/data --symbol ../../etc/x").events
    assert [e["symbol"] for e in one] == ["../../etc/x"]


@pytest.mark.parametrize("run_id", ["../../x", "/etc/x", "a/b", "", "x" * 5000, "a\\nb"])
def test_ids_of_strangers_never_leave_the_root(run_id: str, shell: Shell, tmp_path: Path) -> None:
    """The id of a run becomes part of the names of files, unless it is no such name."""
    begin = json.dumps({"type": "begin", "run_id": run_id, "stage": "x"})
    end = json.dumps(
        {"type": "end", "run_id": run_id, "stage": "x", "counts": {"trade": 1}, "reason": "eof"}
    )
    trade = '{"type":"trade","symbol":"A","ts_event":"2024-01-02T00:00:00Z","price":1}'
    done = shell("mdc store --root a/b/data", stdin=f"{begin}\n{trade}\n{end}\n".encode())
    assert done.status == 0, done.err
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    (part,) = parts_of(tmp_path / "a" / "b" / "data")
    assert re.fullmatch(r"2024-01-02\.[0-9a-f]{12}-[0-9a-f]{6}-0001\.parquet", part.name)
    assert len(shell("mdc cat --root a/b/data").lines) == 1


def test_readers_see_whole_files_only(events: list[str], shell: Shell, tmp_path: Path) -> None:
    shell("mdc store --root data < events.jsonl")
    (tmp_path / "data" / "_tmp").mkdir(exist_ok=True)
    (tmp_path / "data" / "_tmp" / "0.part").write_bytes(b"half a file")
    assert sorted(shell("mdc cat --root data").lines) == sorted(events)
    parts = f"read_parquet('{tmp_path}/data/**/*.parquet', union_by_name=true)"
    assert duckdb.sql(f"select count(*) from {parts}").fetchall() == [(len(events),)]


def test_what_is_stored_again_on_purpose_adds_up(events: list[str], shell: Shell) -> None:
    for again in ("", "--again"):
        assert shell(f"mdc store --root data {again} < events.jsonl").status == 0
    assert sorted(shell("mdc cat --root data").lines) == sorted(events * 2)


def test_dry_run_writes_nothing(events: list[str], shell: Shell, tmp_path: Path) -> None:
    done = shell("mdc -v store --root data --dry-run < events.jsonl")
    assert (done.status, (tmp_path / "data").exists()) == (0, False)
    assert f"store: {len(events)} in = {len(events)} out" in done.err


def test_a_place_that_refuses(events: list[str], shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = shell("mdc store --root file/data < events.jsonl")
    assert done.status in (2, 73)
    assert "file/data" in done.err


def test_follow_shows_what_is_stored_later(shell: Shell, tmp_path: Path) -> None:
    time = "2024-01-02T00:00:00Z"
    line = f'{{"type":"trade","symbol":"%s","ts_event":"{time}","price":1,"size":1}}'
    script = f"""
    echo '{line % "A"}' | mdc -q store --root data
    coproc mdc -q cat --root data --follow
    exec 5<&"${{COPROC[0]}}"
    pid=$COPROC_PID
    read -u 5 begin; read -u 5 first
    echo '{line % "B"}' | mdc -q store --root data
    read -u 5 second
    kill -INT $pid; read -u 5 end; wait $pid; status=$?
    echo "$first"; echo "$second"; echo "$end"; exit $status
    """
    done = shell(script)
    assert done.status == 0, done.err
    first, second, end = done.all_events
    assert (first["symbol"], second["symbol"], end["reason"]) == ("A", "B", "signal")


@pytest.mark.parametrize("wire", ["jsonl", "arrow"])
def test_a_feed_that_goes_silent_is_sealed_all_the_same(wire: str, shell: Shell) -> None:
    done = shell(
        f"""
        mkfifo feed
        mdc store --root data --seal-every 100ms --seal-after 0s < feed &
        exec 5> feed
        mdc -q stream sim SPY --limit 20 --format {wire} >&5
        until find data -name '*.parquet' 2> /dev/null | grep -q trade; do sleep .02; done
        mdc -q cat --root data
        exec 5>&-
        wait $!
        """
    )
    assert done.status == 0, done.err
    assert len(done.events) == 20


def test_nothing_to_read(shell: Shell) -> None:
    done = shell("mdc cat < /dev/null")
    assert done.status == 65
    assert only_says_error(done.out)
    assert "no archive at data" in done.err
    done = shell("mdc cat --root nowhere")
    assert done.status == 65
    assert "no archive at nowhere" in done.err
    assert shell("mdc cat missing.jsonl").status == 65
    done = shell("mdc cat --type trad events.jsonl")
    assert done.status == 2
    assert "trade" in done.err
