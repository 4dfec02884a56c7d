"""Events as CSV files and back: the same to the last digit."""

import csv
import gzip
import hashlib
import json
from pathlib import Path

import pytest

from tests.conftest import Shell, says_nothing

TRADE = (
    '{"type":"trade","symbol":"SPY","ts_event":"2024-01-02T14:30:00.000000001Z","provider":"x",'
    '"price":470.010000000000000001,"size":0.00000001,"trade_id":"a,\\"b\\"","conditions":["@","I"],'
    '"extra":{"n":1.10,"t":"é\\n"}}'
)
EVENTS = [
    TRADE,
    '{"type":"trade","symbol":"SPY","ts_event":"2024-01-03T14:30:00Z","price":-1,"size":1e3,'
    '"trade_id":""}',
    '{"type":"quote","symbol":"BRK/B","ts_event":"2024-01-02T14:30:01Z","bid_price":1,"bid_size":0}',
    '{"type":"book","symbol":"SPY","ts_event":"2024-01-02T15:00:00Z",'
    '"bids":[{"price":1.5,"size":2,"count":3}],"asks":[]}',
    '{"type":"bar","symbol":"SPY","ts_event":"2024-01-02T00:00:00Z","interval":"1d",'
    '"ts_close":"2024-01-03T00:00:00Z","open":1,"high":2,"low":0.5,"close":1.25,"volume":10,'
    '"is_final":true,"trade_count":7}',
    '{"type":"dividend","symbol":"SPY","ts_event":"2024-01-02T00:00:00Z","ex_date":"2024-01-02",'
    '"amount":0.5}',
    '{"type":"gap","ts_recv":"2024-01-02T14:31:00Z","reason":"disconnect"}',
    '{"type":"status","symbol":"Z"}',
]


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(f"{line}\n" for line in EVENTS))
    return path


def test_one_file_and_back(shell: Shell, events: Path, tmp_path: Path) -> None:
    canonical = (
        shell("mdc convert events.jsonl -o -").lines
        or shell("mdc convert --format jsonl < events.jsonl").lines
    )
    assert len(canonical) == len(EVENTS)
    done = shell("mdc -v export --profile csv -o all.csv events.jsonl")
    assert done.status == 0 and says_nothing(done.out)
    assert "export: 8 in = 8 out + 0 rejected + 0 dropped" in done.err
    back = shell("mdc import --profile csv all.csv | mdc convert --format jsonl")
    assert back.status == 0, back.err
    assert back.lines == canonical


def test_what_is_in_the_file(shell: Shell, events: Path, tmp_path: Path) -> None:
    assert shell("mdc export --profile csv -o t.csv --type trade events.jsonl").status == 0
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert first["ts_event"] == "2024-01-02T14:30:00.000000001Z"
    assert (first["price"], first["size"]) == ("470.010000000000000001", "0.00000001")
    assert (first["trade_id"], first["conditions"]) == ('a,"b"', '["@","I"]')
    assert (second["price"], second["size"], second["seq"]) == ("-1", "1000", "")
    text = (tmp_path / "t.csv").read_text()
    assert text.startswith("type,symbol,ts_event,ts_recv,provider,")
    assert ",,," in text and ',"",' in text  # absent, and an empty text


def test_a_directory_and_its_manifest(shell: Shell, events: Path, tmp_path: Path) -> None:
    done = shell(
        "mdc store --root data < events.jsonl && mdc export --profile csv --output out --root data"
    )
    assert done.status == 0, done.err
    files = {
        p.relative_to(tmp_path / "out").as_posix(): p for p in (tmp_path / "out").rglob("*.csv")
    }
    assert set(files) == {
        "SPY/trade/2024-01-02.csv",
        "SPY/trade/2024-01-03.csv",
        "SPY/book/2024-01-02.csv",
        "SPY/bar/2024-01-02.csv",
        "SPY/dividend/2024-01-02.csv",
        "BRK%2FB/quote/2024-01-02.csv",
        "_/gap/2024-01-02.csv",
        "Z/status/undated.csv",
    }
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert (manifest["profile"], manifest["rows"]) == ("csv", 8)
    for said in manifest["files"]:
        data = files[said["path"]].read_bytes()
        assert (said["bytes"], said["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert said["rows"] == 1
    back = shell("mdc import --profile csv out | mdc convert --format jsonl")
    whole = shell("mdc cat --root data | mdc convert --format jsonl")
    assert sorted(back.lines) == sorted(whole.lines)
    assert len(back.lines) == 8


def test_nothing_is_replaced_unless_told(shell: Shell, events: Path, tmp_path: Path) -> None:
    assert shell("mdc export --profile csv --output out events.jsonl").status == 0
    before = (tmp_path / "out/manifest.json").read_text()
    for more in ("--output out", "-o out/SPY/trade/2024-01-02.csv"):
        done = shell(f"mdc export --profile csv {more} events.jsonl")
        assert done.status == 73
        assert "exists" in done.err and "--force" in done.err
    (tmp_path / "out/manifest.json").unlink()
    assert shell("mdc export --profile csv --output out events.jsonl").status == 73
    assert not (tmp_path / "out/manifest.json").exists()
    assert shell("mdc export --profile csv --output out --force events.jsonl").status == 0
    assert (tmp_path / "out/manifest.json").read_text() == before
    assert [p for p in (tmp_path / "out").rglob("*") if p.name.startswith(".")] == []


def test_it_says_where_to(shell: Shell, events: Path) -> None:
    for more, told in (("", "no place to write to"), ("-o -", "cannot write to '-'")):
        done = shell(f"mdc export --profile csv {more} events.jsonl")
        assert done.status == 2
        assert told in done.err and "-o " in done.err


def test_a_truncated_input_is_told(shell: Shell, tmp_path: Path) -> None:
    shell("mdc stream sim SPY --limit 50 | head -n 20 > cut.jsonl")
    done = shell("mdc export --profile csv -o cut.csv cut.jsonl")
    assert done.status == 65
    assert "truncated" in done.err
    assert len((tmp_path / "cut.csv").read_text().splitlines()) == 20  # begin is none of them


def test_data_of_ones_own(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "timestamp,ticker,px,size,note\n"
        "2024-01-02 14:30:00,SPY,470.01,100,\n"
        "2024-01-02T09:30:01-05:00,SPY,470.020,1e2,late\n"
    )
    names = "--map timestamp=ts_event --map ticker=symbol --map px=price --type trade"
    done = shell(f"mdc import --profile csv t.csv {names} | mdc validate")
    assert done.status == 0
    first, second = done.events
    assert (first["ts_event"], first["symbol"]) == ("2024-01-02T14:30:00.000000000Z", "SPY")
    assert (first["price"], first["size"]) == ("470.01", "100")
    assert second["ts_event"] == "2024-01-02T14:30:01.000000000Z"
    assert second["extra"] == {"note": "late"} and "extra" not in first


def test_bad_rows_are_set_aside(shell: Shell, tmp_path: Path) -> None:
    good = b"trade,SPY,2024-01-02T14:30:00Z,1,1\n"
    bad = {
        b"trade,SPY,2024-01-02T14:30:00Z,1\n": "4 fields, not 5",
        b"trade,SPY,2024-01-02T14:30:00Z,1,1,1\n": "6 fields, not 5",
        b"trade,SPY,yesterday,1,1\n": "yesterday",
        b"trade,SPY,2024-01-02T14:30:00Z,nan,1\n": "price",
        b"trade,SPY,2024-01-02T14:30:00Z,1.0000000000000000001,1\n": "finer than 18",
        b"trode,SPY,2024-01-02T14:30:00Z,1,1\n": "trode",
        b"trade,\xff,2024-01-02T14:30:00Z,1,1\n": "not UTF-8",
    }
    (tmp_path / "t.csv").write_bytes(
        b"type,symbol,ts_event,price,size\n" + good + good.join(bad) + good
    )
    done = shell("mdc import --profile csv t.csv --quarantine bad.jsonl --strict")
    assert done.status == 1
    assert len(done.events) == len(bad) + 1
    lines = [json.loads(line) for line in (tmp_path / "bad.jsonl").read_text().splitlines()]
    assert len(lines) == len(bad)
    rows = {int(line["where"].removeprefix("t.csv row ")) for line in lines}
    assert rows == set(range(3, 3 + 2 * len(bad), 2))
    for reason in bad.values():
        assert any(reason in line["reason"] for line in lines), (reason, lines)
    assert f"import: {2 * len(bad) + 1} in = {len(bad) + 1} out + {len(bad)} rejected" in done.err


@pytest.mark.parametrize(
    ("options", "status", "text"),
    [
        ("", 2, "no column 'type'"),
        ("--type trode", 2, "did you mean trade"),
        ("--type trade --map px=prise", 2, "did you mean price"),
        ("--type trade --map price=size", 65, "more than one column is 'size'"),
        ("--type trade --map p=price", 65, "no column 'p'"),
    ],
)
def test_columns_that_are_not_there(
    shell: Shell, tmp_path: Path, options: str, status: int, text: str
) -> None:
    (tmp_path / "t.csv").write_text("ts_event,px,price,size\n2024-01-02T14:30:00Z,1,2,3\n")
    done = shell(f"mdc import --profile csv t.csv {options}")
    assert (done.status, done.events) == (status, [])
    assert text in done.err


def test_symbols_and_times_are_chosen(shell: Shell, events: Path) -> None:
    shell("mdc -v export --profile csv -o all.csv events.jsonl")
    done = shell("mdc import --profile csv all.csv --symbol SPY --from 2024-01-03")
    assert [e["ts_event"][:10] for e in done.events] == ["2024-01-03"]
    assert len(shell("mdc import --profile csv all.csv --symbol BRK/B").events) == 1


def test_bytes_that_are_not_utf8_cost_their_own_rows(shell: Shell, tmp_path: Path) -> None:
    row = b"trade,SPY,2024-01-02T14:30:0%d.000000000Z,475.25,100,%s,7\n"
    (tmp_path / "bad.csv").write_bytes(
        "type,symbol,ts_event,price,size,trade_id,größe\n".encode()
        + row % (0, "é".encode())
        + b"\xff\xfe,x\n"  # of another width, where Arrow's reader gives up the file
        + row % (1, b"\xff")
        + row % (2, b"b")
    )
    done = shell("mdc import --profile csv bad.csv --quarantine aside")
    assert done.status == 0, done.err
    assert [event["trade_id"] for event in done.events] == ["é", "b"]
    assert done.events[0]["extra"] == {"größe": "7"}
    assert "import: 4 in = 2 out + 2 rejected + 0 dropped" in done.err
    aside = [json.loads(line) for line in (tmp_path / "aside").read_text().splitlines()]
    assert {record["where"] for record in aside} == {"bad.csv row 3", "bad.csv row 4"}
    (tmp_path / "header.csv").write_bytes(b"type,sym\x96bol\ntrade,SPY\n")
    assert shell("mdc import --profile csv header.csv").status == 65


def test_what_is_computed_is_exported(shell: Shell) -> None:
    line = b'{"type":"indicator","symbol":"A","ts_event":"2024-01-02T14:30:00Z","name":"n"}\n'
    done = shell("mdc export --profile csv -o out.csv; cat out.csv", stdin=line)
    assert done.status == 0, done.err
    assert len(done.out.splitlines()) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--type trade --map px=prise", "no such field to map to: 'prise'; did you mean price"),
        ("--type trade --map price", "--map price: no name of a column"),
        ("--type trad", "no such event type: 'trad'; did you mean trade?"),
    ],
)
def test_a_wrong_mapping_is_told_before_anything_is_read(
    shell: Shell, options: str, said: str
) -> None:
    done = shell(f"mdc import --profile csv nowhere.csv {options}")
    assert done.status == 2 and says_nothing(done.out)
    assert said in done.err and "nowhere" not in done.err


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("trade,A,2024-01-02T14:3", 1),
        ('trade,A,2024-01-02T14:31:00Z,1,1,"x', 1),
        ("trade,A,2024-01-02T14:31:00Z,1,1,x", 2),
        ("\0\0\0\0", 1),
        ("gzip", 1),
    ],
)
def test_a_file_that_breaks_off(shell: Shell, tmp_path: Path, text: str, rows: int) -> None:
    whole = "type,symbol,ts_event,price,size,trade_id\ntrade,A,2024-01-02T14:30:00Z,1,1,a\n"
    data = (whole + text).encode()
    (tmp_path / "t.csv").write_bytes(gzip.compress(data)[:-9] if text == "gzip" else data)
    done = shell("mdc import --profile csv t.csv --quarantine q | mdc store --root data")
    broken = rows == 1
    assert done.status == (65 if broken else 0), done.err
    assert ("truncated input: t.csv row 3" in done.err) == broken
    kept = shell("mdc cat --root data").events
    assert sorted(e["type"] for e in kept) == ["gap"] * broken + ["trade"] * rows
    assert shell("mdc import --profile csv t.csv --partial").status == 0


def test_a_packed_file(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "t.csv.gz").write_bytes(
        gzip.compress(b"ts_event,symbol,price,size\n2024-01-02,A,1,1\n")
    )
    done = shell("mdc import --profile csv t.csv.gz --type trade")
    assert (done.status, [e["symbol"] for e in done.events]) == (0, ["A"])
    (tmp_path / "t.csv.xz").write_bytes(b"\xfd7zXZ\x00")
    done = shell("mdc import --profile csv t.csv.xz --type trade")
    assert done.status == 65
    assert "it is packed: xz -dc t.csv.xz > t.csv, and import that" in done.err


@pytest.mark.parametrize(
    ("head", "options", "said"),
    [
        ("ts_event,symbol,px,qty", "--type trade", "trade needs price and size"),
        ("ts_event,ticker,price,size", "--type trade", "trade needs symbol"),
        ("ts_event,symbol,open,high,low,close", "--type bar", "bar needs interval"),
        ("type,ts_event,ticker,price,size", "--symbol A", "--symbol needs symbol"),
        ("type,symbol,time,price,size", "--from 2024-01-01", "--from needs ts_event"),
    ],
)
def test_no_column_for_what_is_needed(
    shell: Shell, tmp_path: Path, head: str, options: str, said: str
) -> None:
    row = ",".join("1" for _ in head.split(","))
    for name in ("t.csv", "d/a.csv", "d/b.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{head}\n{row.replace('1', 'trade', 'type' in head)}\n")
    done = shell(f"mdc import --profile csv t.csv {options}")
    assert (done.status, done.events) == (2, [])
    columns = head.replace(",", ", ")
    assert f"t.csv: {said}: no such column (there are: {columns})" in done.err
    assert "hint: mdc import --profile csv t.csv --" in done.err
    done = shell(f"mdc import --profile csv d {options}")
    assert (done.status, done.events) == (65 if "--type" in options else 2, [])
    assert said in done.err


def test_one_file_of_many_has_no_symbols(shell: Shell, events: Path) -> None:
    shell("mdc export --profile csv --output out events.jsonl")
    done = shell("mdc import --profile csv out --symbol SPY --date 2024-01-02")
    assert done.status == 0, done.err  # though the file of gaps has no column of symbols
    kinds = sorted(event["type"] for event in done.events)
    assert kinds == ["bar", "book", "dividend", "trade"]


@pytest.mark.parametrize("number", ["1e-9999999", "1e-57", "34102.313e16", "1" + "0" * 30])
def test_a_number_that_no_column_holds_is_set_aside(number: str, shell: Shell) -> None:
    """Arrow takes some for others, and ends the process by one."""
    table = f"type,symbol,ts_event,price,size\\ntrade,A,2024-01-02,{number},1\\n"
    more = "trade,A,2024-01-02,1.5e1,2\\n"
    done = shell(f"printf '{table}{more}' > n.csv; mdc import --profile csv n.csv --strict")
    assert done.status == 1 and "1 rejected" in done.err
    assert [(e["price"], e["size"]) for e in done.events if e["type"] == "trade"] == [("15", "2")]
