"""Lean's own sample data by the command line: every file, row for row, or refused by name."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.conftest import Done, Shell
from tests.pipes.importers.lean_zips import LeanZip, readable

PARTS = [
    ("equity", "usa", "tick"),
    ("equity", "usa", "second"),
    ("equity", "usa", "minute"),
    ("equity", "usa", "hour"),
    ("equity", "usa", "daily"),
    ("equity", "india", "minute"),
    ("crypto", "coinbase", "second"),
    ("crypto", "coinbase", "minute"),
    ("crypto", "coinbase", "daily"),
    ("crypto", "bitfinex", "hour"),
    ("cryptofuture", "binance", "minute"),
    ("cryptofuture", "binance", "hour"),
    ("cryptofuture", "binance", "daily"),
    ("forex", "fxcm", "tick"),
    ("forex", "oanda", "tick"),
    ("index", "usa", "minute"),
]
COMPARED = 300  # rows of each file, evenly spread


@pytest.fixture(scope="module")
def lean(shared: Path) -> Path:
    return shared / "data" / "lean"


def refused(done: Done) -> int:
    """The status of a command that gave no event, and said in its end that it failed."""
    assert done.events == []
    assert done.all_events[-1]["reason"] == "error"
    return done.status


def test_no_file_is_left_out_below(lean: Path) -> None:
    files = readable(lean)
    assert {file.parts[:3] for file in files} == set(PARTS)
    assert len(files) == 54


@pytest.mark.parametrize("part", PARTS, ids="/".join)
@pytest.mark.some(5)
def test_every_file_row_for_row(
    part: tuple[str, str, str], lean: Path, shell: Shell, tmp_path: Path
) -> None:
    files = [file for file in readable(lean) if file.parts[:3] == part]
    options = "--security-type {} --market {} --resolution {}".format(*part)
    done = shell(
        f"mdc -v import --profile lean {lean} {options} --skip quote-bar --format arrow"
        " | mdc convert -o all.parquet"
    )
    assert done.status == 0, done.err
    rows = {file: file.lines() for file in files}
    total = sum(map(len, rows.values()))
    assert f"mdc import: {total} in = {total} out + 0 rejected + 0 dropped\n" in done.err
    table = pq.read_table(tmp_path / "all.parquet")
    assert table.num_rows == total
    for file in files:
        found = of_file(table, file)
        said = rows[file]
        assert found.num_rows == len(said), file.path
        step = max(1, len(said) // COMPARED)
        places = [*range(0, len(said), step), len(said) - 1]
        assert values(found.take(places)) == [file.event(said[place]) for place in places]


def of_file(table: pa.Table, file: LeanZip) -> pa.Table:
    """The rows of one file, in their order: its symbol, its kind, its day."""
    start, end = (pa.scalar(moment, pa.timestamp("ns", "UTC")) for moment in file.span())
    times = table["ts_event"]
    mine = pc.and_(pc.equal(table["symbol"], file.symbol), pc.equal(table["type"], file.kind))
    within = pc.and_(pc.greater_equal(times, start), pc.less(times, end))
    return table.filter(pc.and_(mine, within))


def values(table: pa.Table) -> list[dict[str, Any]]:
    """What `LeanZip.event` says of rows too: fields that are there, but for the common ones."""
    times = {
        name: pc.strftime(table[name], "%Y-%m-%dT%H:%M:%SZ").to_pylist()
        for name in ("ts_event", "ts_close")
        if name in table.schema.names
    }
    left_out = {"v", "provider", "channel", "adjustment", "is_final"}
    rows = table.drop_columns(list(times)).to_pylist()
    for index, row in enumerate(rows):
        row |= {name: column[index] for name, column in times.items()}
        if row.get("extra") is not None:
            row["extra"] = json.loads(row["extra"])
    return [
        {name: value for name, value in row.items() if value is not None and name not in left_out}
        for row in rows
    ]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("equity/usa/minute/ibm/20131007_quote.zip", "quote-bar"),
        ("equity/usa/second/spy/20131007_quote.zip", "quote-bar"),
        ("crypto/coinbase/minute/btcusd/20170903_quote.zip", "quote-bar"),
        ("cryptofuture/binance/hour/adausdt_quote.zip", "quote-bar"),
        ("forex/fxcm/minute/eurusd/20140501_quote.zip", "quote-bar"),
        ("forex/oanda/daily/eurusd.zip", "quote-bar"),
        ("option/usa/minute/twx/20140605_trade_american.zip", "option"),
        ("option/usa/daily/twx_2014_quote_american.zip", "option"),
        ("future/cme/minute/es/20131007_trade.zip", "future"),
        ("future/comex/tick/gc/20131007_trade.zip", "future"),
        ("future/cme/daily/es_openinterest.zip", "future"),
        ("option/usa/minute/twx/20140605_openinterest_american.zip", "option"),
    ],
)
def test_what_has_no_event_is_refused_by_name(
    name: str, word: str, lean: Path, shell: Shell
) -> None:
    done = shell(f"mdc import --profile lean {lean / name}")
    assert refused(done) == 65
    assert done.err == (
        f"mdc import: no event type for {word} ({lean / name}); leave them out with --skip {word}\n"
    )
    done = shell(f"mdc -v import --profile lean {lean / name} --skip {word}")
    assert (done.status, done.events) == (0, [])
    assert "import: 0 in = 0 out" in done.err


def test_a_folder_names_all_that_it_holds(lean: Path, shell: Shell) -> None:
    done = shell(f"mdc import --profile lean {lean}")
    assert refused(done) == 65
    zips = {path.relative_to(lean).parts[0]: 0 for path in lean.rglob("*.zip")}
    for path in lean.rglob("*.zip"):
        zips[path.relative_to(lean).parts[0]] += 1
    bars = sum(zips.values()) - len(readable(lean)) - zips["future"] - zips["option"]
    for word, count in (
        ("future", zips["future"]),
        ("option", zips["option"]),
        ("quote-bar", bars),
    ):
        assert f"{word} (" in done.err
        assert f" and {count - 1} more)" in done.err
    assert done.err.endswith("leave them out with --skip future --skip option --skip quote-bar\n")
    two = shell(f"mdc import --profile lean {lean} --skip future --skip option")
    assert refused(two) == 65
    assert "for quote-bar (" in two.err and "future" not in two.err


def test_a_skipped_kind_leaves_the_others(lean: Path, shell: Shell) -> None:
    folder = lean / "equity/usa/minute/nwsa"
    assert shell(f"mdc import --profile lean {folder}").status == 65
    done = shell(f"mdc import --profile lean {folder} --skip quote-bar")
    file = LeanZip.at(lean, "equity/usa/minute/nwsa/20130627_trade.zip")
    names = ("open", "high", "low", "close", "volume")
    got = [
        {
            **{name: e[name] for name in ("type", "symbol", "ts_event", "interval", "ts_close")},
            **{name: Decimal(e[name]) for name in names},
        }
        for e in done.events
    ]
    assert got == list(file.events()) != []


def test_a_word_that_skips_nothing(lean: Path, shell: Shell) -> None:
    done = shell(f"mdc import --profile lean {lean} --skip quote-bars")
    assert refused(done) == 2
    assert "'quote-bars'; did you mean quote-bar" in done.err


def test_the_range_is_utc(lean: Path, shell: Shell) -> None:
    """`--to DAY` reaches to the day's end; a moment is where it ends."""
    file = LeanZip.at(lean, "forex/fxcm/tick/eurusd/20140501_quote.zip")
    said = [str(event["ts_event"]) for event in file.events()]
    command = f"mdc import --profile lean {lean} --symbol EURUSD --market fxcm --resolution tick"
    done = shell(f"{command} --from 2014-05-01 --to 2014-05-01")
    assert [e["ts_event"] for e in done.events] == [t for t in said if t < "2014-05-02"]
    done = shell(f"{command} --from 2014-05-01T05:00:10Z --to 2014-05-01T05:01Z")
    assert [e["ts_event"] for e in done.events] == [
        t for t in said if "2014-05-01T05:00:10" <= t < "2014-05-01T05:01"
    ]
    assert done.events


def test_what_is_not_there(lean: Path, shell: Shell) -> None:
    for arguments, text in (
        (f"{lean}/nowhere", "nowhere"),
        (f"{lean} --symbol IBN --resolution tick", "did you mean IBM?"),
        (f"{lean} --market nasdaq", "no file of what was asked for"),
    ):
        done = shell(f"mdc import --profile lean {arguments}")
        assert refused(done) == (1 if "IBN" in arguments else 65)
        assert text in done.err
    done = shell(f"mdc import --profile leen {lean}")
    assert done.status == 2
    assert "did you mean lean?" in done.err


def test_the_clocks_of_the_folder(lean: Path, shell: Shell) -> None:
    """The first bar of a session, by the clock of its market."""
    for name, clock, zone in (
        ("index/usa/minute/spx/20210104_trade.zip", "08:30", "America/Chicago"),
        ("equity/india/minute/juniorbees/20190101_trade.zip", "09:15", "Asia/Kolkata"),
    ):
        done = shell(f"mdc import --profile lean {lean / name} | mdc head -n 1")
        file = LeanZip.at(lean, name)
        assert file.zone == ZoneInfo(zone)
        local = pc.cast(pa.array([done.events[0]["ts_event"]]), pa.timestamp("ns", zone))
        assert pc.strftime(local, "%H:%M").to_pylist() == [clock]
