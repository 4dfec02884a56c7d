"""Input that is odd, but right, is read; what is wrong is set aside or told, and no more."""

import gzip
import json
import os
import zlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import lz4.frame
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from mdc_core.wire.quarantine import Quarantine
from tests.conftest import Shell

TRADE = '{"type":"trade","symbol":"SPY","ts_event":"2024-01-02T15:00:00Z","price":%s,"size":100}'
ZEROS = ["0e37", "0E+40", '"0e40"', "0E-8", "-0.0E99"]


@pytest.mark.parametrize("zero", ZEROS)
def test_a_zero_is_zero_whatever_its_exponent(shell: Shell, tmp_path: Path, zero: str) -> None:
    lines = [TRADE % price for price in ("470.25", zero, "470.26")]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    done = shell("mdc -v cat in.jsonl then store --root d", cwd=tmp_path)
    assert done.status == 0 and "3 in = 3 out + 0 rejected" in done.err
    events = shell("mdc cat --root d", cwd=tmp_path).events
    assert sorted(event["price"] for event in events) == ["0", "470.25", "470.26"]


def test_a_number_under_extra_may_be_of_any_size_in_every_encoding(
    shell: Shell, tmp_path: Path
) -> None:
    numbers = '{"a":1E+400,"b":[{"c":-1E-5000}]}'
    (tmp_path / "in.jsonl").write_text(f'{TRADE[:-1] % 1},"extra":{numbers}}}\n')
    for line in ("cat in.jsonl", "cat in.jsonl --format arrow", "convert in.jsonl -o x.parquet"):
        read = "cat x.parquet" if "-o" in line else "cat"
        done = shell(f"mdc {line} {';' if '-o' in line else '|'} mdc {read}", cwd=tmp_path)
        assert done.status == 0, done.err
        assert sum(f'"extra":{numbers}' in text for text in done.out.splitlines()) == 1, line


@pytest.mark.parametrize("verb", ["cat", "validate", "count", "inspect", "convert --format jsonl"])
def test_csv_is_called_that(shell: Shell, tmp_path: Path, verb: str) -> None:
    for head in ("time,symbol,price", '"time";"a, b";price', "time\tsymbol\tprice\r"):
        (tmp_path / "t.csv").write_text(f"{head}\n2024-01-02,SPY,1.5\n")
        done = shell(f"mdc {verb} t.csv", cwd=tmp_path)
        assert done.status == 65
        assert "t.csv: CSV, not events of mdc" in done.err
        assert "mdc import --profile csv t.csv" in done.err
    (tmp_path / "t.csv").write_text(f"{TRADE[:-1] % 1}\n{TRADE % 1}\n")  # JSON that breaks off
    assert "CSV" not in shell(f"mdc {verb} t.csv", cwd=tmp_path).err


WRONG = {
    "finer than any power of ten that is known": TRADE % "0.1E-999999999",
    "an exponent beyond all reason": TRADE % "0e99999999999999999999",
    "half a character": TRADE.replace("SPY", r"\ud800") % 1,
    "half a character in a name": '{"\\ud800":1,' + TRADE[1:] % 1,
    "a text where an object belongs": '{"extr\\u0061":"nan",' + TRADE[1:] % 1,
    "a count of a level beyond 64 bits": '{"type":"book","symbol":"SPY","bids":'
    '[{"price":1.5,"size":2,"count":99999999999999999999}]}',
    "lists within lists": TRADE[:-1] % 1 + ',"strange":' + "[" * 5000 + "]" * 5000 + "}",
    "objects within objects": TRADE[:-1] % 1 + ',"extra":' + '{"a":' * 5000 + "1" + "}" * 5001,
    "the same key twice, deep down": '{"extra":{"a":1,"a":2},' + TRADE[1:] % 1,
}


@pytest.mark.parametrize("line", WRONG.values(), ids=WRONG)
def test_a_wrong_line_is_set_aside(shell: Shell, tmp_path: Path, line: str) -> None:
    (tmp_path / "in.jsonl").write_text(f"{TRADE % 1}\n{line}\n{TRADE % 2}\n")
    done = shell("mdc cat in.jsonl --quarantine aside.jsonl", cwd=tmp_path)
    assert done.status == 0, done.err
    assert [event["price"] for event in done.events] == ["1", "2"]
    assert "3 in = 2 out + 1 rejected" in done.err and "in.jsonl: line 2: " in done.err
    assert (tmp_path / "aside.jsonl").exists()


def test_what_is_set_aside_has_a_limit_and_is_counted_beyond_it(
    shell: Shell, tmp_path: Path
) -> None:
    wrong = "".join(f"line {number} is none\n" for number in range(1000))
    (tmp_path / "in.jsonl").write_text(f"{TRADE % 1}\n{wrong}{TRADE % 2}\n")
    words = "--quarantine aside.jsonl --quarantine-size 5kB"
    for _ in range(2):  # the file is the same, and no larger for the second
        done = shell(f"mdc cat in.jsonl {words}", cwd=tmp_path)
        assert done.status == 0, done.err
        assert [event["price"] for event in done.events] == ["1", "2"]
        assert "1002 in = 2 out + 1000 rejected" in done.err
        assert "aside.jsonl has reached its limit of 5KB: what is set aside from here" in done.err
        assert done.err.count("its limit") == 1
        text = (tmp_path / "aside.jsonl").read_text()
        assert 4500 < len(text) < 5200
    kept = [json.loads(line) for line in text.splitlines()]
    assert [row.get("text") for row in kept[:2]] == ["line 0 is none", "line 1 is none"]
    assert kept[-1] == {"reason": "the rest is counted, not kept"} and "text" in kept[-3]
    unkept = 1000 - sum("text" in row for row in kept)
    assert f"and 999 more: rejected into aside.jsonl ({1000} of them only counted)" in done.err
    done = shell(f"mdc cat in.jsonl {words.replace('aside', 'other')} --strict", cwd=tmp_path)
    assert done.status == 1 and f"({unkept} of them only counted)" in done.err


def test_all_that_nobody_named_has_a_limit_as_well(shell: Shell, tmp_path: Path) -> None:
    wrong = "".join(f"line {number:03} is none, nope\n" for number in range(100))
    (tmp_path / "in.jsonl").write_text(f"{TRADE % 1}\n{wrong}{TRADE % 2}\n")
    place = tmp_path / "state" / "mdc" / "quarantine"
    line = f"XDG_STATE_HOME={tmp_path / 'state'} mdc validate --quarantine-size 5kB < in.jsonl"
    for number in range(14):
        done = shell(line, cwd=tmp_path)
        assert done.status == 0 and "102 in = 2 out + 100 rejected" in done.err
        told = f"{place} has reached its limit of 50KB (remove what you need no longer)"
        assert (told in done.err) is (number >= 9), (number, done.err)
        assert ("100 rejected" in done.err) and ("counted" in done.err)
        assert ("rejected, only counted" in done.err) is (number >= 10)
    files = sorted(place.iterdir())
    assert len(files) == 10 and sum(file.stat().st_size for file in files) < 51_000
    assert max(file.read_text().count('"text"') for file in files) > 40


def test_those_that_grow_together_keep_to_the_limit_of_their_folder(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "other").symlink_to("/bin/sh")  # is as small as its name
    every = [
        Quarantine(tmp_path / f"{number}.jsonl", must=False, limit=10_000, full=told.append)
        for number in range(40)
    ]
    for _ in range(100):
        for one in every:
            one.add(b"x" * 80, "no event")
    for one in every:
        one.close()
    size = sum(file.stat().st_size for file in tmp_path.glob("*.jsonl"))
    assert 95_000 < size < 106_000
    assert len(told) == 40 and sum(one.count for one in every) == 4_000


TIME = pa.scalar(1704205800123456789, pa.timestamp("ns", "UTC"))
INT = pa.int64()
NUMBERS = {
    "64-bit integers": (pa.array([100, None, 10**18 - 1], INT), ["100", str(10**18 - 1)]),
    "unsigned ones": (pa.array([7, 2**59], pa.uint64()), ["7", str(2**59)]),
    "texts": (pa.array(["1.50", "1e-18"]), ["1.5", "0.000000000000000001"]),
    "zeros with exponents": (
        pa.array(["0E+40", "7", "-0.00e-99", "0E-999999999"]).dictionary_encode(),
        ["0", "7", "0", "0"],
    ),
    "other decimals": (pa.array([Decimal("1.25")], pa.decimal256(60, 30)), ["1.25"]),
}
LARGE = (pa.array([1, 2**62, 2], INT), "row 2: 4611686018427387904: ")
NO_NUMBERS = {
    "beyond 18 digits": LARGE,
    "unsigned and beyond": (pa.array([2**64 - 1], pa.uint64()), "row 1: 18446744073709551615: "),
    "a text that is none": (pa.array(["1", "x"]), "row 2: x: "),
    "a text that kills pyarrow": (pa.array(["1", "1E-999999999"]), "row 2: 1E-999999999: finer"),
    "too many decimal places": (pa.array([Decimal("1e-19")], pa.decimal256(60, 30)), "row 1: "),
}


def _table(path: Path, sizes: Any) -> None:
    rows = len(sizes)
    columns = {"type": ["trade"] * rows, "ts_event": pa.array([TIME] * rows), "size": sizes}
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
    else:
        with pa.ipc.new_stream(path, pa.table(columns).schema) as stream:
            stream.write_table(pa.table(columns))


@pytest.mark.parametrize("name", ["in.parquet", "in.arrows"])
@pytest.mark.parametrize(("sizes", "right"), NUMBERS.values(), ids=NUMBERS)
def test_numbers_of_strangers(
    shell: Shell, tmp_path: Path, name: str, sizes: Any, right: list[str]
) -> None:
    """As DuckDB, pandas and polars write them."""
    _table(tmp_path / name, sizes)
    done = shell(f"mdc -v cat {name}", cwd=tmp_path)
    assert done.status == 0, done.err
    assert [event["size"] for event in done.events if "size" in event] == right


@pytest.mark.parametrize("name", ["in.parquet", "in.arrows"])
@pytest.mark.parametrize(("sizes", "said"), NO_NUMBERS.values(), ids=NO_NUMBERS)
def test_a_number_that_does_not_fit_is_named(
    shell: Shell, tmp_path: Path, name: str, sizes: Any, said: str
) -> None:
    _table(tmp_path / name, sizes)
    done = shell(f"mdc -v cat {name}", cwd=tmp_path)
    assert done.status == 65 and f"{name}: size: {said}" in done.err


def test_levels_of_integers(shell: Shell, tmp_path: Path) -> None:
    bids = [[], [{"price": 3, "size": 2**40, "count": 1}], [{"price": 1, "size": 2**61}]]
    for name, rows in (("in.parquet", bids[:2]), ("large.parquet", bids)):
        columns = {"type": ["book"] * len(rows), "bids": rows}
        pq.write_table(pa.table(columns), tmp_path / name)
    done = shell("mdc cat in.parquet", cwd=tmp_path)
    assert done.events[1]["bids"] == [{"price": "3", "size": str(2**40), "count": "1"}]
    done = shell("mdc cat large.parquet", cwd=tmp_path)
    assert done.status == 65 and "bids: row 3: " in done.err


DECIMAL = pa.decimal128(36, 18)
LEVEL = [("price", DECIMAL), ("size", DECIMAL)]
KINDS = {
    "levels of floats": ("bids", pa.list_(pa.struct([("price", pa.float64())])), "not exact"),
    "floats in a dictionary": ("price", pa.dictionary(pa.int8(), pa.float32()), "not exact"),
    "a view of a list": ("bids", pa.list_view(pa.struct(LEVEL)), "is list_view<"),
    "an object as a struct": ("extra", pa.struct([("a", pa.int64())]), "is struct<"),
    "an object as a map": ("extra", pa.map_(pa.string(), pa.int64()), "is map<"),
    "a list as a text": ("conditions", pa.string(), "is string where list<"),
    "a text as a list": ("symbol", pa.list_(pa.string()), "is list<"),
    "a type as a struct": ("type", pa.struct([("a", pa.int64())]), "is struct<"),
}


@pytest.mark.parametrize(("column", "kind", "said"), KINDS.values(), ids=KINDS)
def test_a_column_that_cannot_be_ours_is_named(
    shell: Shell, tmp_path: Path, column: str, kind: pa.DataType, said: str
) -> None:
    """Nothing of it is rounded or left out, however deep it is."""
    columns = {"type": pa.array(["book"]), column: pa.nulls(1, kind)}
    with pa.ipc.new_stream(tmp_path / "in", pa.table(columns).schema) as stream:
        stream.write_table(pa.table(columns))
    done = shell("mdc cat in", cwd=tmp_path)
    assert done.status == 65 and not done.events
    assert f"mdc cat: in: {column} " in done.err and said in done.err, done.err


def test_lists_and_texts_of_other_kinds_are_ours(shell: Shell, tmp_path: Path) -> None:
    level = [{"price": Decimal("1.5"), "size": Decimal(2)}]
    for kind in (pa.large_list(pa.struct(LEVEL)), pa.list_(pa.struct(LEVEL), 1)):
        table = pa.table({"type": ["book"], "bids": pa.array([level], kind)})
        table = table.append_column("symbol", pa.array(["A"], pa.string_view()))
        with pa.ipc.new_stream(tmp_path / "in", table.schema) as stream:
            stream.write_table(table)
        (event,) = shell("mdc cat in", cwd=tmp_path).events
        assert (event["symbol"], event["bids"]) == ("A", [{"price": "1.5", "size": "2"}])


LINES = "".join(f"{TRADE % price}\n" for price in range(1, 1001)).encode()
PACK = {"gzip": gzip.compress, "zstd": zstandard.compress, "lz4": lz4.frame.compress}


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("packed", PACK.values(), ids=PACK)
def test_what_follows_a_member(shell: Shell, tmp_path: Path, packed: Any) -> None:
    """All events before the damage come out, then it is told."""
    checked = packed if packed is gzip.compress else _with_checksum(packed)
    whole = checked(LINES)
    half = checked(LINES[: len(LINES) // 2 + 40]), checked(LINES[len(LINES) // 2 + 40 :])
    files = {
        "whole": (half[0] + half[1], 0),
        "junk": (whole + b"some junk", 65),
        "flip": (half[0] + _flipped(half[1], len(half[1]) - 2), 65),
        "alone": (_flipped(whole, len(whole) - 2), 65),
        "short": (whole[:-2], 65),
    }
    for name, (data, status) in files.items():
        (tmp_path / name).write_bytes(data)
        done = shell(f"mdc -v cat {name}", cwd=tmp_path)
        trades = [event for event in done.events if event["type"] == "trade"]
        assert (name, done.status, len(trades)) == (name, status, 1000)
        assert (status == 65) == ("truncated input" in done.err)


def _with_checksum(packed: Any) -> Any:
    if packed is zstandard.compress:
        return zstandard.ZstdCompressor(write_checksum=True).compress
    return lambda data: lz4.frame.compress(data, content_checksum=True)


def test_zeros_after_a_gzip_member_are_no_damage(shell: Shell, tmp_path: Path) -> None:
    whole = gzip.compress(LINES)
    (tmp_path / "zeros.gz").write_bytes(whole + bytes(3_000_000) + whole + bytes(512))
    done = shell("mdc -v count zeros.gz", cwd=tmp_path)
    assert done.status == 0 and "2000 in = 2000 out" in done.err


def test_names_that_are_no_unicode(shell: Shell, tmp_path: Path) -> None:
    """Files and archives have any name; a symbol is a text."""
    (tmp_path / "in.jsonl").write_bytes(LINES)
    script = r"x=$(printf '\377'); cp in.jsonl $x; mdc cat $x then store --root d$x && "
    more = " && mdc verify --root d$x && mdc advise --root d$x && mdc compact --root d$x"
    more += """ && mdc query --root d$x 'SELECT 7 FROM trade'"""
    done = shell(f"{script}mdc cat --root d$x > out{more}", cwd=tmp_path)
    assert done.status == 0, done.err
    assert (tmp_path / "out").read_text().count('"type":"trade"') == 1000
    assert done.out.count('{"7":7}') == 1000
    for words in ("stream sim", "cat in.jsonl --symbol"):
        done = shell(rf"mdc {words} $(printf '\377')", cwd=tmp_path)
        assert done.status == 2 and r"'\udcff' is not Unicode text" in done.err


def test_a_pipe_by_its_name_is_read_once(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(LINES)
    done = shell("bash -c 'mdc cat <(head -3 in.jsonl)'", cwd=tmp_path)
    assert done.status == 0 and len(done.events) == 3
    done = shell("bash -c 'mdc cat <(head -3 in.jsonl) <(tail -2 in.jsonl)'", cwd=tmp_path)
    assert done.status == 0 and len(done.events) == 5
    os.mkfifo(tmp_path / "pipe")
    done = shell("head -2 in.jsonl > pipe & mdc cat pipe", cwd=tmp_path)
    assert done.status == 0 and [event["price"] for event in done.events] == ["1", "2"]


def test_a_table_in_a_pipe_is_refused(shell: Shell, tmp_path: Path) -> None:
    """It has to be read from its end."""
    _table(tmp_path / "in.parquet", pa.array([1], INT))
    done = shell("bash -c 'mdc cat <(cat in.parquet)'", cwd=tmp_path)
    assert done.status == 65 and "cannot be read from a pipe" in done.err


@pytest.mark.parametrize("options", ["--symbol B", "--type quote", "--from 2025-01-01"])
def test_nothing_is_wanted_of_a_file_that_is_not_in_order(
    options: str, shell: Shell, tmp_path: Path
) -> None:
    """By itself, beside another, and as a stage in a chain; that there is none is status 1."""
    line = '{"type":"trade","symbol":"A","ts_event":"2024-01-0%dT00:00:00Z"}\n'
    (tmp_path / "x.jsonl").write_text(line % 3 + line % 2)
    (tmp_path / "y.jsonl").write_text((line % 5).replace('"A"', '"B"') + line % 4)
    done = shell(f"mdc -v cat x.jsonl {options}")
    assert (done.status, done.events) == (1, []), done.err
    assert "2 in = 0 out + 0 rejected + 0 dropped + 2 skipped" in done.err
    both = shell(f"mdc cat x.jsonl y.jsonl {options}")
    found = options == "--symbol B"
    assert (both.status, len(both.events)) == (0 if found else 1, found), both.err
    assert shell(f"mdc cat x.jsonl {options} then count --json").status == 1
    assert shell(f"mdc cat x.jsonl {options} --allow-empty then count --json").status == 0
    replayed = shell(f"mdc replay x.jsonl --speed max {options.replace('--type quote', '')}")
    assert replayed.status == (0 if "quote" in options else 1), replayed.err


_SKIPPED = b"\x5a\x2a\x4d\x18" + (70_000).to_bytes(4, "little") + b"\x1f\x8b" * 35_000
_NOTHING_SKIPPED = b"\x50\x2a\x4d\x18" + bytes(4)
_ZEROS = bytes(9_000)


def _trades(done: Any) -> list[str]:
    return [line for line in done.lines if line.startswith('{"type":"trade"')]


@pytest.mark.parametrize("packed", PACK.values(), ids=PACK)
@pytest.mark.some(1)
def test_what_may_stand_between_members(shell: Shell, tmp_path: Path, packed: Any) -> None:
    """Zeros, frames to be skipped and further members are legal, in a file and byte by byte."""
    half = packed(LINES[: len(LINES) // 2 + 40]), packed(LINES[len(LINES) // 2 + 40 :])
    files = {
        "skipped": _SKIPPED + half[0] + _NOTHING_SKIPPED + _SKIPPED + half[1] + _SKIPPED,
        "zeros": _ZEROS + half[0] + _ZEROS + half[1] + _ZEROS,
        "both": b"\0" + _SKIPPED + _ZEROS + half[0] + _ZEROS + _NOTHING_SKIPPED + half[1] + b"\0",
        "many": packed(b"").join(packed(line) for line in LINES.splitlines(keepends=True)),
    }
    trickle = "import os,sys; [os.write(1, bytes([b])) for b in open(sys.argv[1], 'rb').read()]"
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        done = shell(f"mdc -v cat {name}", cwd=tmp_path)
        assert (name, done.status, done.err.count("1000 in")) == (name, 0, 1), done.err
        assert _trades(done) == LINES.decode().splitlines()
        piped = shell(f'python -c "{trickle}" {name} | mdc cat -', cwd=tmp_path)
        assert (name, piped.status, _trades(piped)) == (name, 0, _trades(done)), piped.err
        told = json.loads(shell(f"mdc inspect {name} --json", cwd=tmp_path).out)
        codec = next(codec for codec, pack in PACK.items() if pack is packed)
        assert (told["compression"], told["events"]) == (codec, 1000)


def test_frames_to_be_skipped_that_break_off(shell: Shell, tmp_path: Path) -> None:
    whole = zstandard.compress(LINES)
    for name, tail in (("skip", _SKIPPED[:-1]), ("length", _SKIPPED[:6]), ("magic", b"\x50\x2a")):
        (tmp_path / name).write_bytes(whole + tail)
        done = shell(f"mdc -v cat {name}", cwd=tmp_path)
        assert (name, done.status, len(_trades(done))) == (name, 65, 1000)
        assert "the zstd data breaks off" in done.err
    (tmp_path / "alone").write_bytes(_SKIPPED)
    done = shell("mdc convert alone", cwd=tmp_path)
    assert (done.status, _trades(done)) == (0, [])


def test_gzip_gives_each_byte_before_the_damage(shell: Shell, tmp_path: Path) -> None:
    """Also in a long member, as Python's zlib does when it is fed byte by byte."""
    text = shell("mdc stream sim SPY --limit 9000").out.encode()
    data = gzip.compress(text)
    at = len(data) * 3 // 4
    data = data[:at] + bytes(4096) + data[at + 4096 :]
    one, plain = zlib.decompressobj(wbits=31), b""
    with pytest.raises(zlib.error):
        for byte in data:
            plain += one.decompress(bytes([byte]))
    (tmp_path / "x.gz").write_bytes(data)
    differ = next(at for at in range(len(plain)) if plain[at] != text[at])
    before = plain[:differ].decode().splitlines()[:-1]
    assert 5000 < len(before) < 9000
    done = shell("mdc convert x.gz", cwd=tmp_path)
    assert (done.status, "damaged gzip data" in done.err) == (65, True)
    assert done.lines[: len(before) - 1] == before[1:]  # behind `begin`


@pytest.mark.parametrize("kind", ["stream", "file"])
def test_names_of_columns_that_are_no_unicode(kind: str, shell: Shell, tmp_path: Path) -> None:
    """A flipped bit in the schema; of a stream what came before it is read."""
    out = pa.BufferOutputStream()
    table = pa.table({"type": ["trade"], "symbol": ["A"]})
    make = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
    with make(out, table.schema) as writer:
        writer.write_table(table)
    whole = out.getvalue().to_pybytes()
    before = whole if kind == "stream" else b""
    (tmp_path / "x").write_bytes(before + whole.replace(b"symbol", b"sy\x80bol"))
    for line in ("mdc cat x", "mdc count x", "mdc inspect x", "mdc convert x"):
        done = shell(line, cwd=tmp_path)
        assert (done.status, "Traceback" in done.err) == (65, False), done.err
    assert len(_trades(shell("mdc cat x", cwd=tmp_path))) == len(before[:1])
