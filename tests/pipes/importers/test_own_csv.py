"""CSV of one's own: what the columns are, how times and numbers are written, what is set aside."""

import json
from pathlib import Path

import pytest

from tests.conftest import Shell, says_nothing

HEAD = "when,ticker,px,qty\n"
MAPPED = "--type trade --map when=ts_event,ticker=symbol,px=price,qty=size"


def put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("cells", "options", "event"),
    [
        (["2024-01-02 09:30", "A", "1.50", "2"], "", ["2024-01-02T09:30:00", "1.5", "2"]),
        (["20240102 093000123", "A", "+1", "1e2"], "", ["2024-01-02T09:30:00.123", "1", "100"]),
        (["2024.01.02 09:30:00", "A", ".5", "2."], "", ["2024-01-02T09:30:00", "0.5", "2"]),
        (["20240102", "A", "1", "2"], "", ["2024-01-02T00:00:00", "1", "2"]),
        (
            ["2024-01-02 09:30", "A", "1", "2"],
            "--tz America/New_York",
            ["2024-01-02T14:30:00", "1", "2"],
        ),
        (
            ["20240702 09:30:00 US/Eastern", "A", "1", "2"],
            "",
            ["2024-07-02T13:30:00", "1", "2"],
        ),
        (
            ["2024-01-02T09:30:00-03:00", "A", "1", "2"],
            "--tz America/New_York",
            ["2024-01-02T12:30:00", "1", "2"],
        ),
        (["1704205800", "A", "1", "2"], "--time-unit s", ["2024-01-02T14:30:00", "1", "2"]),
        (
            ["1704205800.000000001", "A", "1", "2"],
            "--time-unit s",
            ["2024-01-02T14:30:00.000000001", "1", "2"],
        ),
        (["1704205800123", "A", "1", "2"], "--time-unit ms", ["2024-01-02T14:30:00.123", "1", "2"]),
        (
            ["1704205800123456789", "A", "1", "2"],
            "--time-unit ns",
            ["2024-01-02T14:30:00.123456789", "1", "2"],
        ),
        (
            ["02/01/2024 9:30:00 PM", "A", "1", "2"],
            "--time-format '%d/%m/%Y %I:%M:%S %p'",
            ["2024-01-02T21:30:00", "1", "2"],
        ),
        (
            ["02-Jan-2024", "A", "1", "2"],
            "--time-format %d-%b-%Y",
            ["2024-01-02T00:00:00", "1", "2"],
        ),
        (
            ["2024-01-02", "A", '"1,25"', "2"],
            "--decimal-comma",
            ["2024-01-02T00:00:00", "1.25", "2"],
        ),
        (["2024-01-02", "A", "4700100", "2"], "--scale 4", ["2024-01-02T00:00:00", "470.01", "2"]),
    ],
)
def test_how_it_is_written(
    shell: Shell, tmp_path: Path, cells: list[str], options: str, event: list[str]
) -> None:
    put(tmp_path / "t.csv", HEAD + ",".join(cells) + "\n")
    done = shell(f"mdc import --profile csv t.csv {MAPPED} {options}")
    assert done.status == 0, done.err
    (found,) = done.events
    assert found["ts_event"][: len(event[0])] == event[0]
    assert not found["ts_event"][len(event[0]) :].strip(".0Z")
    assert [found["price"], found["size"]] == event[1:]


@pytest.mark.parametrize(
    ("cells", "options", "reason"),
    [
        ("2024-03-10 02:30,A,1,2", "--tz America/New_York", "is never shown by the clocks of"),
        ("2024-11-03 01:30,A,1,2", "--tz America/New_York", "is shown twice by the clocks of"),
        ("01/02/2024,A,1,2", "", "say --time-format"),
        ("1704205800,A,1,2", "", "needs --time-unit"),
        ("2024-02-30,A,1,2", "", "not a time"),
        ("2024-01-02,A,1.5,2", "--scale 4", "'1.5' is not a whole number"),
        ('2024-01-02,A,"1,5",2', "", "'1,5' is not a number"),
        ('2024-01-02,A,"1.234,5",2', "--decimal-comma", "'1.234,5' is not a number"),
        ("2024-01-02,A,0.30000000000000004,2", "--digits price=2", "more than 2 digits"),
        ("2024-01-02,A,0x10,2", "", "'0x10' is not a number"),
        ("2024-01-02,A,1e-19,2", "", "finer than 18"),
    ],
)
def test_what_is_set_aside(
    shell: Shell, tmp_path: Path, cells: str, options: str, reason: str
) -> None:
    good = '"1,5"' if "comma" in options else "15"
    when = "%m/%d/%Y" if "format" in options else "2024-01-02"
    put(tmp_path / "t.csv", f"{HEAD}{when},A,{good},1\n{cells}\n{when},A,{good},3\n")
    done = shell(f"mdc import --profile csv t.csv {MAPPED} {options} --strict --quarantine bad")
    assert done.status == 1, done.err
    assert [event["size"] for event in done.events] == ["1", "3"]
    (bad,) = [json.loads(line) for line in (tmp_path / "bad").read_text().splitlines()]
    assert bad["where"] == "t.csv row 3" and reason in bad["reason"]
    assert json.loads(bad["text"])["ticker"] == "A"


@pytest.mark.parametrize("sign", [";", "|", "\t"])
def test_signs_between_columns(shell: Shell, tmp_path: Path, sign: str) -> None:
    rows = [
        "time,symbol,price,size",
        '2024-01-02,A,"1\n",1',
        "2024-01-03,A,2,x",
        '2024-01-04,"A,B",3,4',
    ]
    put(tmp_path / "t.txt", "\n".join(row.replace(",", sign) for row in rows) + "\n")
    done = shell("mdc import --profile csv t.txt --type trade --map time=ts_event")
    assert done.status == 0, done.err
    assert [event["symbol"] for event in done.events] == ["A,B".replace(",", sign)]
    assert "2 rejected" in done.err


def test_a_sign_that_is_named(shell: Shell, tmp_path: Path) -> None:
    put(tmp_path / "t.csv", "ts_event~symbol~price~size\n2024-01-02~A~1~2\n")
    done = shell("mdc import --profile csv t.csv --type trade --delimiter '~'")
    assert [event["price"] for event in done.events] == ["1"]
    assert shell("mdc import --profile csv t.csv --delimiter ab").status == 2


def test_no_header(shell: Shell, tmp_path: Path) -> None:
    put(tmp_path / "t.csv", "2024-01-02,1,2,x\n2024-01-03,3,4\n2024-01-04,5,6,y\n")
    names = "--columns ts_event,price,size,note --type trade --symbol A"
    done = shell(f"mdc import --profile csv t.csv {names}")
    assert [(e["symbol"], e["price"], e["extra"]["note"]) for e in done.events] == [
        ("A", "1", "x"),
        ("A", "5", "y"),
    ]
    assert "t.csv row 2: 3 fields, not 4" in done.err


def test_two_columns_are_one_time(shell: Shell, tmp_path: Path) -> None:
    head = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
    rows = "2024.01.02\t00:0{0}:00\t1.1\t1.3\t1.0\t1.2\t7\t0\t3\n"
    put(tmp_path / "EURUSD_M1.csv", head + "".join(rows.format(n) for n in (1, 2)))
    done = shell("mdc import EURUSD_M1.csv --yes")
    assert done.status == 0, done.err
    first, second = done.events
    assert (first["symbol"], first["interval"], first["volume"]) == ("EURUSD", "1m", "0")
    assert (first["ts_event"], first["high"]) == ("2024-01-02T00:01:00.000000000Z", "1.3")
    assert second["extra"] == {"<TICKVOL>": "7", "<SPREAD>": "3"}


@pytest.mark.parametrize(
    ("options", "extra"),
    [
        ("", {"a": "x", "b": "1"}),
        ("--drop-column a", {"b": "1"}),
        ("--only-mapped", None),
        ("--map b=venue", {"a": "x"}),
    ],
)
def test_columns_that_are_no_fields(
    shell: Shell, tmp_path: Path, options: str, extra: dict[str, str] | None
) -> None:
    put(tmp_path / "t.csv", "ts_event,symbol,price,size,a,b\n2024-01-02,A,1,2,x,1\n")
    (event,) = shell(f"mdc import --profile csv t.csv --type trade {options}").events
    assert event.get("extra") == extra


def test_several_files_one_mapping(shell: Shell, tmp_path: Path) -> None:
    for name, price in (("SPY", 1), ("BRK.B-trades-2024-01", 2)):
        put(tmp_path / f"{name}.csv", f"ts_event,price,size\n2024-01-02,{price},1\n")
    line = "mdc import --profile csv SPY.csv BRK.B-trades-2024-01.csv --type trade"
    done = shell(f"{line} --symbol-from name")
    assert [(e["symbol"], e["price"]) for e in done.events] == [("SPY", "1"), ("BRK.B", "2")]
    assert [file["name"] for file in done.all_events[0]["request"]["files"]] == [
        "SPY.csv",
        "BRK.B-trades-2024-01.csv",
    ]
    done = shell(f"{line} --symbol-from '([A-Z]+)'")
    assert [event["symbol"] for event in done.events] == ["SPY", "BRK"]
    done = shell(f"{line} nowhere.csv")
    assert (done.status, done.events) == (65, [])


def test_a_symbol_that_a_column_tells_is_never_given_to_all(shell: Shell, tmp_path: Path) -> None:
    put(tmp_path / "t.csv", "ts_event,ticker,price,size\n2024-01-02,A,1,1\n2024-01-02,B,2,1\n")
    done = shell("mdc import --profile csv t.csv --type trade --symbol A")
    assert (done.status, done.events) == (2, [])
    assert "mdc import --profile csv t.csv --map ticker=symbol --type trade --symbol A" in done.err
    done = shell("mdc import --profile csv t.csv --type trade --map ticker=symbol --symbol '[B-C]'")
    assert [event["price"] for event in done.events] == ["2"]


def test_sides_in_the_words_of_others(shell: Shell, tmp_path: Path) -> None:
    sides = {"BUY": "buy", "b": "buy", "Sell": "sell", "A": "sell", "N": "none", "odd": "odd"}
    rows = "".join(f"2024-01-02,A,1,1,{side}\n" for side in sides)
    put(tmp_path / "t.csv", f"ts_event,symbol,price,size,side\n{rows}")
    done = shell("mdc import --profile csv t.csv --type trade --map side=aggressor_side")
    assert [event["aggressor_side"] for event in done.events] == list(sides.values())
    put(
        tmp_path / "m.csv",
        "ts_event,symbol,price,size,m\n2024-01-02,A,1,1,true\n2024-01-02,A,1,1,False\n",
    )
    done = shell("mdc import --profile csv m.csv --type trade --map m=seller_took")
    assert [event["aggressor_side"] for event in done.events] == ["sell", "buy"]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--set interval", "FIELD=VALUE"),
        ("--digits price=x", "FIELD=NUMBER"),
        ("--scale 19", "0<=x<=18"),
        ("--time-unit h", "'s', 'ms', 'us', 'ns'"),
        ("--time-format %H:%M", "it names no day"),
        ("--time-format %Q", "no such directive: %Q"),
        ("--tz Mars/Base", "no such time zone: 'Mars/Base'"),
        ("--mapping nowhere.toml", "no such file or directory: nowhere.toml"),
    ],
)
def test_options_that_say_nothing(shell: Shell, tmp_path: Path, option: str, said: str) -> None:
    put(tmp_path / "t.csv", "ts_event,symbol,price,size\n1,A,1,1\n")
    done = shell(f"mdc import --profile csv t.csv --type trade {option}")
    assert done.status in (2, 65) and says_nothing(done.out)
    assert said in done.err and "Traceback" not in done.err
