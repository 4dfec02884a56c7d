"""What is guessed of a table is shown, kept in a file, taken with --yes; and refused without."""

import json
import shlex
from pathlib import Path

import pytest

from tests.conftest import Shell, says_nothing

# Headers of vendors and tools as they are written, with rows that are made up.
TABLES = {
    "yahoo": "Date,Open,High,Low,Close,Adj Close,Volume\n"
    "2024-01-02,1,3,1,2,2,9\n2024-01-03,1,3,1,2,2,9\n",
    "stooq": "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
    "SPY.US,5m,20240102,153500,1,3,1,2,9,0\nSPY.US,5m,20240102,154000,1,3,1,2,9,0\n",
    "polygon": "ticker,volume,open,close,high,low,window_start,transactions\n"
    "SPY,9,1,2,3,1,1704205800000000000,4\nSPY,9,1,2,3,1,1704205860000000000,4\n",
    "alpaca": '{"t":"2024-01-02T14:30:00Z","o":1,"h":3,"l":1,"c":2,"v":9,"n":4,"vw":1.5}\n'
    '{"t":"2024-01-02T14:31:00Z","o":1,"h":3,"l":1,"c":2,"v":9,"n":4,"vw":1.5}\n',
    "binance klines": "1704205800000,1,3,1,2,9,1704205859999,5,4,3,2,0\n"
    "1704205860000,1,3,1,2,9,1704205919999,5,4,3,2,0\n",
    "dukascopy": "Gmt time,Open,High,Low,Close,Volume\n"
    "02.01.2024 14:30:00.000,1,3,1,2,9\n02.01.2024 14:31:00.000,1,3,1,2,9\n",
    "american": "Date,Time,Open,High,Low,Close,Volume\n"
    "01/31/2024,09:30,1,3,1,2,9\n01/31/2024,09:31,1,3,1,2,9\n",
    "kraken": "1704205800,1,3,1,2,9\n1704205860,1,3,1,2,9\n",
    "pandas": ",open,high,low,close,volume\n"
    "2024-01-02 14:30:00,1,3,1,2,9\n2024-01-02 14:31:00,1,3,1,2,9\n",
    "german": "Datum;open;high;low;close;volume\n"
    "2024-01-02;1,0;3,0;1,0;2,0;9,0\n2024-01-03;1,0;3,0;1,0;2,0;9,0\n",
}
TRADES = {
    "kaiko": "id,exchange,symbol,date,price,amount,sell\n1,cbse,btcusd,1704205800000,2.5,3,true\n",
    "tardis": "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    "bitmex,XBTUSD,1704205800000000,1704205800000001,x,sell,2.5,3\n",
    "databento": "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size,"
    "flags,ts_in_delta,sequence,symbol\n"
    "1704205800000000001,1704205800000000000,0,1,2,T,A,0,2500000000,3,0,1,7,SPY\n",
    "taq": "DATE,TIME_M,EX,SYM_ROOT,SIZE,PRICE\n20240102,14:30:00.000000000,N,SPY,3,2.5\n",
    "taq in the morning": "DATE,TIME_M,SYM_ROOT,SIZE,PRICE\n20240102,9:30:00.000000001,SPY,3,2.5\n",
    "binance": "5,2.5,3,7.5,1704205800000,True,True\n",
    "polygon": "ticker,conditions,exchange,id,participant_timestamp,price,sequence_number,"
    'sip_timestamp,size,tape\nSPY,"12,37",4,1,1704205800000000000,2.5,7,1704205800000000005,3,1\n',
    "short": "timestamp,symbol,px,qty\n2024-01-02 14:30:00,SPY,2.5,3\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_bars_of_many_hands(shell: Shell, tmp_path: Path, name: str) -> None:
    suffix = "jsonl" if TABLES[name][0] == "{" else "csv"
    (tmp_path / f"SPY.{suffix}").write_text(TABLES[name])
    done = shell(f"mdc import SPY.{suffix} --yes")
    assert done.status == 0, done.err
    assert {
        tuple(e[k] for k in ("open", "high", "low", "close", "volume")) for e in done.events
    } == {("1", "3", "1", "2", "9")}
    assert len(done.events) == 2 and done.events[0]["symbol"].startswith("SPY")
    assert done.events[0]["interval"] in ("1d", "5m", "1m")


@pytest.mark.parametrize("name", TRADES)
def test_trades_of_many_hands(shell: Shell, tmp_path: Path, name: str) -> None:
    (tmp_path / "SPY.csv").write_text(TRADES[name])
    done = shell("mdc import SPY.csv --yes")
    assert done.status == 0, done.err
    (event,) = done.events
    assert (event["type"], event["price"], event["size"]) == ("trade", "2.5", "3")
    early = "09:30:00.000000001" if "morning" in name else "14:30:00.000000000"
    assert event["ts_event"] == f"2024-01-02T{early}Z"
    if name in ("kaiko", "tardis", "databento", "binance"):
        assert event["aggressor_side"] == "sell"


def test_the_guess_is_shown_and_imports_nothing(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TRADES["short"] + "2024-01-02 14:30:01,SPY,2.75,4\n")
    done = shell("mdc import t.csv --guess --tz America/New_York")
    assert done.status == 0 and says_nothing(done.out)
    assert "timestamp  ts_event  date and time, America/New_York where" in done.err
    assert '"ts_event":"2024-01-02T19:30:01.000000000Z","price":2.75,"size":4' in done.err
    assert "mdc import --profile csv t.csv --map timestamp=ts_event,px=price,qty=size" in done.err
    again = shell(done.err.strip().splitlines()[-1])
    assert [event["price"] for event in again.events] == ["2.5", "2.75"]
    assert again.events[0]["ts_event"] == "2024-01-02T19:30:00.000000000Z"


@pytest.mark.parametrize("name", ["yahoo", "binance klines", "german", "pandas", "dukascopy"])
def test_a_mapping_file_reads_the_same(shell: Shell, tmp_path: Path, name: str) -> None:
    (tmp_path / "SPY.csv").write_text(TABLES[name])
    assert shell("mdc import SPY.csv --guess -o maps/m.toml").status == 0
    taken, mapped = (
        shell("mdc import SPY.csv --yes"),
        shell("mdc import --mapping maps/m.toml SPY.csv"),
    )
    assert (mapped.status, mapped.events) == (0, taken.events), mapped.err
    assert len(mapped.events) == 2
    assert "exists" in shell("mdc import SPY.csv --guess -o maps/m.toml").err
    (tmp_path / "maps/m.toml").write_text('typ = "bar"\n')
    done = shell("mdc import --profile csv --mapping maps/m.toml SPY.csv")
    assert done.status == 65 and "did you mean type" in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TRADES["short"], "--map timestamp=ts_event,px=price,qty=size --type trade"),
        ("time,symbol,price,size\n01/02/2024,A,1,1\n", "--time-format '%m/%d/%Y'"),
        ("time,price,size\n2024-01-02,1,1\n", "takes 't' from the name of the file"),
        ("time,price,size\n2024-01-02,1,1\n", "--symbol-from name"),
        ("symbol,price,size,at\nA,1,1,x\n", "--map at=ts_event"),
        ("symbol,price,size,the note,time\nA,1,1,x,noon\n", "--map time=ts_event"),
        ("symbol,price,size,the note\nA,1,1,x\n", "--map 'the note=ts_event'"),
        ("a,b\n1,2\n", "--type trade --guess"),
        ("bid,b\n1,2\n", "--type quote --guess"),
    ],
)
def test_refused_with_the_command_that_would_do(
    shell: Shell, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "t.csv").write_text(text)
    done = shell("mdc import t.csv")
    assert done.status == 2 and says_nothing(done.out)
    assert "mdc import --profile csv t.csv --" in done.err and said in done.err
    # The command can be run as it stands, and needs no word of its own to be filled in.
    words = done.err.partition("hint: ")[2].strip()
    assert shell(words).status in (0, 65), words
    # What only its owner knows is no guess: --yes takes none either.
    assert shell("mdc import t.csv --yes").status == (0 if said.endswith("trade") else 2)


def test_no_column_is_left(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("symbol,price,size\nA,1,1\n")
    done = shell("mdc import t.csv --guess")
    assert "no column is left for ts_event (there are: symbol, price, size)" in done.err
    for verb in ("import", "cat"):
        done = shell(f"mdc {verb} t.csv")
        assert "hint: add a column to the file, or --set ts_event=VALUE" in done.err
    done = shell("mdc import t.csv --type trade --set ts_event=2024-01-02")
    assert [event["ts_event"][:10] for event in done.events] == ["2024-01-02"]


# One value of three that cannot be read, in each column that a guess looks at.
ONE_BAD = [
    ("time,symbol,price,size", "2024-01-02,A,1,1", "bad,A,1,1", "ts_event"),
    ("time,symbol,price,size", "20240102,A,1,1", "0,A,1,1", "ts_event"),
    ("time,symbol,price,size", "1704205800000,A,1,1", "0,A,1,1", None),
    ("time,symbol,price,size", "1704205800000,A,1,1", "soon,A,1,1", "ts_event"),
    ("time,symbol,price,size", "13/02/2024,A,1,1", "bad,A,1,1", "ts_event"),
    ("time,symbol,price,size", "13-Feb-2024,A,1,1", "bad,A,1,1", "ts_event"),
    ("time,symbol,px,size", "2024-01-02,A,1,1", "2024-01-02,A,bad,1", "price"),
    ("time;symbol;px;size", "2024-01-02;A;1,5;1", "2024-01-02;A;bad;1", "price"),
    ("date,clock,symbol,price,size", "2024-01-02,09:30,A,1,1", "2024-01-02,bad,A,1,1", "ts_event"),
    ("date,clock,symbol,price,size", "20240102,09:30,A,1,1", "bad,09:30,A,1,1", "ts_event"),
    ("time,symbol,price,size,sell", "2024-01-02,A,1,1,true", "2024-01-02,A,1,1,bad", "aggressor"),
    (
        "time,symbol,per,open,high,low,close",
        "2024-01-02,A,1m,1,3,1,2",
        "2024-01-02,A,1m,1,bad,1,2",
        "high",
    ),
]


@pytest.mark.parametrize(("head", "good", "bad", "field"), ONE_BAD)
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.some(12)
def test_one_bad_value_does_not_hide_what_a_column_is(
    shell: Shell, tmp_path: Path, head: str, good: str, bad: str, field: str | None, place: int
) -> None:
    rows = [good, good]
    rows.insert(place, bad)
    (tmp_path / "t.csv").write_text("\n".join([head, *rows, ""]))
    refused = shell("mdc import t.csv")
    assert refused.status == 2 and "hint: mdc import --profile csv t.csv" in refused.err
    done = shell(refused.err.partition("hint: ")[2].strip())
    assert done.status == 0, done.err
    assert len(done.events) == (3 if field is None else 2)
    if field is not None:
        assert f"t.csv row {place + 2}: {field}" in done.err


def test_one_bad_value_in_a_table_without_a_header(shell: Shell, tmp_path: Path) -> None:
    rows = ["1704205800,1,3,1,2,9", "1704205860,1,bad,1,2,9", "1704205920,1,3,1,2,9"]
    (tmp_path / "SPY.csv").write_text("\n".join([*rows, ""]))
    done = shell("mdc import SPY.csv --yes")
    assert [event["high"] for event in done.events] == ["3", "3"], done.err
    assert "SPY.csv row 2: high: 'bad' is not a number" in done.err


@pytest.mark.parametrize(
    ("row", "field"),
    [(",A,1,2", "ts_event"), ("2024-01-02,,1,2", "symbol"), ("2024-01-02,A,,2", "price")],
)
def test_a_value_that_an_event_must_have(
    shell: Shell, tmp_path: Path, row: str, field: str
) -> None:
    """A trade without a time, a symbol, a price is none: rejected by its line."""
    head, good = "ts_event,symbol,price,size", "2024-01-02,A,1,1"
    (tmp_path / "t.csv").write_text("\n".join([head, good, row, good, ""]))
    names = head.split(",")
    lines = [dict(zip(names, line.split(","), strict=True)) for line in (good, row, good)]
    texts = [json.dumps({k: v for k, v in line.items() if v}) for line in lines]
    (tmp_path / "t.jsonl").write_text("\n".join([*texts, ""]))
    (tmp_path / "typed.csv").write_text(
        "\n".join([f"type,{head}", *(f"trade,{line}" for line in (good, row, good)), ""])
    )
    for name, where in (("t.csv", "row 3"), ("t.jsonl", "line 2"), ("typed.csv", "row 3")):
        done = shell(f"mdc import {name} --type trade --strict")
        assert (done.status, len(done.events)) == (1, 2), done.err
        assert f"{name} {where}: {field} is missing" in done.err


def test_a_day_that_tells_itself(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("time,symbol,price,size\n01/02/2024,A,1,1\n13/02/2024,A,1,1\n")
    done = shell("mdc import t.csv")
    assert done.status == 2
    command = done.err.strip().splitlines()[-1].partition("hint: ")[2]
    assert shlex.split(command)[-2:] == ["--time-format", "%d/%m/%Y"]
    events = shell(command).events
    assert [event["ts_event"][:10] for event in events] == ["2024-02-01", "2024-02-13"]


def test_from_a_pipe(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TRADES["short"])
    done = shell("cat t.csv | mdc import --profile csv - --yes")
    assert [event["price"] for event in done.events] == ["2.5"]
    done = shell("cat t.csv | mdc import --profile csv -")
    assert "mdc import --profile csv - --map timestamp=ts_event" in done.err
    (tmp_path / "t.csv").write_text("time,price,size\n2024-01-02,1,1\n")
    assert "--symbol SYMBOL" in shell("cat t.csv | mdc import --profile csv - --yes").err
