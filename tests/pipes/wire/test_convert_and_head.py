"""Encodings and back, by files and by pipes: the same events, byte for byte."""

import gzip
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import lz4.frame
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from mdc_core.batch import from_rows
from mdc_core.events import CONTROL_TYPES, EVENT_TYPES, Event, Level
from mdc_core.schema import fields_of
from mdc_core.wire.lines.jsonl import encode_batch
from tests.conftest import Done, Shell, says_nothing

MARKET = "mdc stream sim SPY AAPL --seed 9 --limit 500"
FRAMES = ('{"type":"begin"', '{"type":"end"')
NAMES = (
    "a.jsonl",
    "a.ndjson",
    "a.json",
    "a.arrows",
    "a.arrow",
    "a.parquet",
    "a.jsonl.gz",
    "a.jsonl.zst",
    "a.jsonl.lz4",
    "a.arrows.gz",
    "a.arrows.zst",
    "a.arrows.lz4",
)
ARROW = b"\xff\xff\xff\xff"
MAGIC = {
    "gz": b"\x1f\x8b",
    "zst": b"\x28\xb5\x2f\xfd",
    "lz4": b"\x04\x22\x4d\x18",
    "parquet": b"PAR1",
    "arrows": ARROW,
    "arrow": ARROW,
}

NUMBERS = ("type", "symbol", "seq", "price", "size", "bid_price", "ask_price")

VALUES: dict[str, tuple[Any, Any]] = {
    "text": ('é "quoted" \\ \u2028 😀\t', ""),
    "number": (Decimal("-123456789012345678.123456789012345678"), Decimal("0.000000123456")),
    "whole": (-(2**63), 2**63 - 1),
    "float": (0.1, -1e300),
    "flag": (True, False),
    "time": ("1677-09-21T00:12:43.145224193Z", "2024-02-29T23:59:59.000000001Z"),
    "date": ("2024-02-29", "1999-12-31"),
    "list": (["@", "", "é"], []),
    "levels": ([Level(Decimal("1.5"), Decimal("2E-9"), 3), Level(Decimal(1), Decimal(2))], []),
    "json": ({"a": {"b": [1, None, True, "x"]}, "": Decimal("0.1")}, {}),
}


def every_type() -> list[Event]:
    """Three events of every type: two with all of its fields, one with none."""
    rows: list[Event] = []
    for name, kind in EVENT_TYPES.items():
        if name not in ("begin", "end"):
            fields = [(field, VALUES[of]) for field, of, _ in fields_of(kind)]
            rows += [kind(**{field: values[i] for field, values in fields}) for i in (0, 1)]
            rows.append(kind())
    return rows


def texts(done: Done) -> list[str]:
    """The lines of all events but `begin` and `end`."""
    return [line for line in done.out.split("\n")[:-1] if not line.startswith(FRAMES)]


@pytest.fixture
def vocabulary(tmp_path: Path) -> list[str]:
    """The lines of all.jsonl: every type of event, canonical."""
    text = encode_batch(from_rows(every_type()))
    (tmp_path / "all.jsonl").write_bytes(text)
    return text.decode().split("\n")[:-1]


@pytest.fixture
def events(shell: Shell) -> list[str]:
    """The lines of market.jsonl."""
    done = shell(f"{MARKET} | mdc convert | tee market.jsonl")
    assert done.status == 0, done.err
    return done.lines


def test_every_type_by_every_encoding(vocabulary: list[str], shell: Shell) -> None:
    assert len(vocabulary) == 3 * 23
    done = shell(
        "mdc convert all.jsonl -o 1.arrows && mdc convert 1.arrows -o 2.parquet &&"
        " mdc convert 1.arrows --format arrow > 3.arrows && mdc convert 3.arrows -o 4.jsonl.zst &&"
        " mdc convert 2.parquet --format arrow | mdc convert -o 5.parquet &&"
        " mdc convert 4.jsonl.zst --format arrow | mdc convert"
    )
    assert done.status == 0, done.err
    assert texts(done) == vocabulary
    counts = {name: 3 for name in EVENT_TYPES if name not in ("begin", "end")}
    assert json.loads(done.out.split("\n")[-2])["counts"] == counts
    for name in ("1.arrows", "3.arrows", "4.jsonl.zst"):
        assert texts(shell(f"mdc convert {name}")) == vocabulary, name
    control = tuple(f'{{"type":"{name}"' for name in CONTROL_TYPES)
    plain = [line for line in vocabulary if not line.startswith(control)]
    assert len(plain) == len(vocabulary) - 6
    for name in ("2.parquet", "5.parquet"):
        assert texts(shell(f"mdc convert {name}")) == plain, name


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.some(4)
def test_the_suffix_says_the_encoding(
    name: str, events: list[str], shell: Shell, tmp_path: Path
) -> None:
    done = shell(f"mdc -v convert market.jsonl -o deep/er/{name}")
    assert done.status == 0 and says_nothing(done.out), done.err
    count = len(events)
    assert f"convert: {count} in = {count} out + 0 rejected + 0 dropped" in done.err
    suffix = name.rpartition(".")[2]
    data = (tmp_path / "deep" / "er" / name).read_bytes()
    assert data.startswith(MAGIC.get(suffix, b'{"type":"begin"'))
    assert [path.name for path in (tmp_path / "deep" / "er").iterdir()] == [name]
    # The name is for writing only: a reader looks at the bytes.
    piped = suffix != "parquet"
    back = shell(f"mv deep/er/{name} x; " + ("cat x | mdc convert" if piped else "mdc convert x"))
    assert (back.status, back.lines) == (0, events)


def test_others_read_what_is_written(events: list[str], shell: Shell, tmp_path: Path) -> None:
    for name in ("x.jsonl.gz", "x.jsonl.zst", "x.jsonl.lz4", "x.arrows", "x.parquet"):
        assert shell(f"mdc convert market.jsonl -o {name}").status == 0
    text = "".join(f"{line}\n" for line in events).encode()
    for data in (
        gzip.decompress((tmp_path / "x.jsonl.gz").read_bytes()),
        zstandard.ZstdDecompressor().stream_reader((tmp_path / "x.jsonl.zst").read_bytes()).read(),
        lz4.frame.decompress((tmp_path / "x.jsonl.lz4").read_bytes()),
    ):
        first, *between, last = data.splitlines(keepends=True)
        assert b"".join(between) == text
        assert first.startswith(b'{"type":"begin"') and last.startswith(b'{"type":"end"')
    said = [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in events]
    parquet = pq.read_table(tmp_path / "x.parquet")
    rows = [row for row in arrow_rows(tmp_path / "x.arrows", *NUMBERS) if row["type"] != "end"]
    for name in NUMBERS:
        expected = [event.get(name) for event in said]
        assert parquet[name].to_pylist() == expected
        assert [row[name] for row in rows] == expected


def arrow_rows(path: Path, *names: str) -> list[dict[str, Any]]:
    """The rows of the streams in a file that have these columns."""
    rows: list[dict[str, Any]] = []
    with path.open("rb") as file:
        while file.tell() < path.stat().st_size:
            table = pa.ipc.open_stream(file).read_all()
            if set(names) <= set(table.schema.names):
                rows += table.select(names).to_pylist()
    return rows


def test_a_file_is_not_overwritten_unasked(events: list[str], shell: Shell, tmp_path: Path) -> None:
    for name in ("kept.jsonl", "kept.parquet"):
        (tmp_path / name).write_text("precious")
        done = shell(f"mdc convert market.jsonl -o {name}")
        assert done.status == 73 and says_nothing(done.out)
        assert f"{name} exists" in done.err and "--force" in done.err
        assert (tmp_path / name).read_text() == "precious"
        assert shell(f"mdc convert market.jsonl -o {name} --force").status == 0
        assert shell(f"mdc convert {name}").lines == events


def test_a_file_is_converted_in_place(events: list[str], shell: Shell) -> None:
    assert shell("mdc convert market.jsonl -o market.jsonl --force").status == 0
    assert shell("mdc convert market.jsonl").lines == events


def test_a_failure_leaves_the_old_file(events: list[str], shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "old.parquet").write_text("precious")
    (tmp_path / "bad.arrows").write_bytes(b"\xff\xff\xff\xff but no more of Arrow than this")
    done = shell("mdc convert missing.jsonl -o old.parquet --force")
    assert done.status == 65
    assert "missing.jsonl" in done.err
    assert (tmp_path / "old.parquet").read_text() == "precious"
    assert {path.name for path in tmp_path.iterdir()} == {
        "old.parquet",
        "bad.arrows",
        "market.jsonl",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("market.jsonl -o x.dat", "cannot tell the format of x.dat"),
        ("market.jsonl -o x", "--format"),
        ("market.jsonl -o x.gz", "cannot tell the format of x.gz"),
        ("market.jsonl -o x.parquet.zst", "Parquet is compressed inside"),
        ("market.jsonl --format cvs", "csv"),
        ("market.jsonl --floats", "--floats is for Parquet and Arrow files"),
        ("market.jsonl --portable -o x.arrows", "--portable is for Parquet"),
        ("market.jsonl -o .", "directory"),
    ],
)
def test_what_cannot_be_asked_for(
    arguments: str, words: str, events: list[str], shell: Shell, tmp_path: Path
) -> None:
    done = shell(f"mdc convert {arguments}")
    assert done.status == 2
    assert says_nothing(done.out)
    assert words in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["market.jsonl"]


def test_to_wins_over_the_suffix(events: list[str], shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc convert market.jsonl --format arrow -o x.bin").status == 0
    assert (tmp_path / "x.bin").read_bytes().startswith(b"\xff\xff\xff\xff")
    assert shell("mdc convert x.bin").lines == events


def test_a_place_that_refuses(events: list[str], shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = shell("mdc convert market.jsonl -o file/x.jsonl")
    assert done.status == 73
    assert "cannot write file/x.jsonl" in done.err


def test_parquet_needs_a_name(events: list[str], shell: Shell) -> None:
    assert shell("mdc convert market.jsonl -o x.parquet").status == 0
    done = shell("cat x.parquet | mdc convert")
    assert (done.status, done.lines) == (65, [])
    assert "name the file" in done.err


@pytest.mark.parametrize(
    "name", ["x.jsonl", "x.jsonl.gz", "x.jsonl.zst", "x.jsonl.lz4", "x.arrows", "x.arrows.zst"]
)
@pytest.mark.some(2)
def test_a_file_that_breaks_off(name: str, shell: Shell, tmp_path: Path) -> None:
    """What is whole is kept, the break is told by a gap, the status and the `end`."""
    assert shell(f"mdc stream sim SPY --limit 50000 | mdc convert -o {name}").status == 0
    lines = shell(f"mdc convert {name}").lines
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) * 2 // 3])
    done = shell(f"mdc convert {name} --quarantine aside")
    assert done.status == 65
    assert f"truncated input: {name}" in done.err
    *kept, gap = done.lines
    assert 0 < len(kept) < 50_000
    assert kept == lines[: len(kept)]
    assert json.loads(gap)["reason"] == "truncated"
    assert json.loads(gap)["start"] == json.loads(kept[-1])["ts_event"]
    assert done.all_events[-1]["reason"] == "truncated"
    partial = shell(f"mdc convert {name} --quarantine aside --partial")
    assert (partial.status, partial.lines[:-1]) == (0, kept)


def test_a_parquet_file_that_breaks_off(events: list[str], shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc convert market.jsonl -o x.parquet").status == 0
    data = (tmp_path / "x.parquet").read_bytes()
    (tmp_path / "x.parquet").write_bytes(data[:-100])
    done = shell("mdc convert x.parquet")
    assert (done.status, done.lines) == (65, [])
    assert "x.parquet: not a whole Parquet file" in done.err


def test_several_files_are_one_stream(events: list[str], shell: Shell) -> None:
    assert shell("mdc convert market.jsonl -o x.parquet").status == 0
    assert shell("mdc convert market.jsonl -o y.arrows.lz4").status == 0
    done = shell("cat market.jsonl | mdc convert y.arrows.lz4 - x.parquet")
    assert (done.status, done.lines) == (0, events * 3)
    assert [e["type"] for e in done.all_events if e["type"] in ("begin", "end")] == [
        "begin",
        "end",
    ]


def test_what_a_line_says_otherwise_is_made_canonical(shell: Shell) -> None:
    line = (
        '{"size" : "1.50", "ts_event":"2024-01-02T01:00:00.5+01:00", "symbol":"\\u00e9",'
        ' "price": 1.20e1, "venue": null, "type":"trade"}\n'
    )
    done = shell("mdc convert", stdin=line.encode())
    assert done.lines == [
        '{"type":"trade","v":"1.0.0","symbol":"é","ts_event":"2024-01-02T00:00:00.500000000Z",'
        '"price":12,"size":1.5}'
    ]


@pytest.mark.parametrize("wire", ["jsonl", "arrow"])
@pytest.mark.parametrize("count", [0, 1, 10, 499, 500, 1000])
@pytest.mark.some(4)
def test_head(count: int, wire: str, events: list[str], shell: Shell) -> None:
    done = shell(
        f"mdc convert market.jsonl --format {wire} |"
        f" mdc -v head -n {count} --format {wire} | mdc convert"
    )
    assert done.lines == events[:count]
    kept = min(count, len(events))
    # What was read and not shown is counted, too; how much was read depends on the pipe.
    pattern = r"head: (\d+) in = (\d+) out \+ 0 rejected \+ 0 dropped(?: \+ (\d+) skipped)?\n"
    (said,) = re.findall(pattern, done.err)
    read, out, skipped = (int(number or 0) for number in said)
    assert (out, out + skipped) == (kept, read)
    by_name = shell(f"mdc head -n {count} market.jsonl")
    assert by_name.lines == events[:count]
    end = by_name.all_events[-1]
    assert (end["type"], end["reason"]) == ("end", "limit" if kept == count else "eof")
    assert sum(map(int, end["counts"].values())) == kept


def test_head_says_ten_unless_told(events: list[str], shell: Shell) -> None:
    assert shell("mdc head market.jsonl").lines == events[:10]
    assert shell("mdc head < market.jsonl").lines == events[:10]
    assert shell("mdc head -n -1 market.jsonl").status == 2


def test_head_ends_a_market_without_end(shell: Shell) -> None:
    for count in (0, 100):
        done = shell(f"mdc stream sim SPY --seed 1 | mdc head -n {count}; echo ${{PIPESTATUS[@]}}")
        *lines, statuses = done.out.splitlines()
        assert statuses == "141 0"
        assert len(lines) == count + 2
        seqs = [event["seq"] for event in map(json.loads, lines) if "seq" in event]
        assert seqs == list(range(1, len(seqs) + 1))


def test_jq_between(events: list[str], shell: Shell) -> None:
    """jq understands every line, and what it passes on unchanged is understood again."""
    done = shell("mdc convert market.jsonl | jq -c . | mdc convert")
    assert (done.status, done.lines) == (0, events)
    assert "other counts" not in done.err
    big = 'select(.type == "trade" and .size >= 500)'
    done = shell(f"jq -c '{big}' market.jsonl | mdc convert")
    assert done.lines == [
        line
        for line in events
        if (event := json.loads(line))["type"] == "trade" and event["size"] >= 500
    ]
    assert done.lines
    prices = shell("mdc head -n 100 market.jsonl | jq -r 'select(.type == \"trade\").price'").out
    said = [json.loads(line, parse_float=str, parse_int=str) for line in events[:100]]
    assert prices.split() == [e["price"] for e in said if e["type"] == "trade"]


def test_jq_leaves_frames_whose_counts_no_longer_hold(events: list[str], shell: Shell) -> None:
    cut = "mdc convert market.jsonl | jq -c 'select(.type != \"quote\")'"
    done = shell(f"{cut} | mdc convert")
    assert done.status == 0
    stay = [line for line in events if '"type":"quote"' not in line]
    message = f"convert wrote other counts than arrived: quote 0 of {len(events) - len(stay)}"
    assert message in done.err
    *kept, _ = done.lines
    assert kept == stay
    finding = done.events[-1]
    assert (finding["check"], finding["message"]) == ("accounting", message)
    assert shell(f"{cut} | mdc convert --strict > out").status == 65


def test_a_truncated_input_leaves_its_gap_in_parquet_too(shell: Shell) -> None:
    shell("mdc stream sim SPY --limit 50 | head -n 20 > cut.jsonl")
    assert shell("mdc convert cut.jsonl -o cut.parquet").status == 65
    events = shell("mdc convert cut.parquet").events
    assert len(events) == 20
    assert (events[-1]["type"], events[-1]["reason"]) == ("gap", "truncated")


def test_parquet_from_standard_input_that_is_a_file(shell: Shell) -> None:
    shell("mdc stream sim SPY --limit 50 | mdc convert -o x.parquet")
    assert len(shell("mdc convert < x.parquet").events) == 50
    assert shell("cat x.parquet | mdc convert").status == 65


def test_a_file_whose_name_is_not_text(shell: Shell) -> None:
    shell("mdc stream sim SPY --limit 5 | mdc convert -o x.parquet; mv x.parquet $'\\xff.parquet'")
    done = shell("mdc head *.parquet")
    assert (done.status, len(done.events)) == (0, 5), done.err


def test_a_strangers_parquet_is_looked_at_closely(shell: Shell, tmp_path: Path) -> None:
    pq.write_table(pa.table({"type": ["tirade"]}), tmp_path / "x.parquet")
    done = shell("mdc head x.parquet")
    assert done.status == 65
    assert "x.parquet: unknown event type 'tirade'" in done.err
