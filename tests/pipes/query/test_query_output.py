"""What `mdc query` writes, what it refuses, and how it ends."""

import csv
import io
import signal
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from tests.conftest import Shell
from tests.pipes.query.sql_archive import rows, store

pytest.importorskip("duckdb", reason="duckdb is not installed")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

ENDLESS = "SELECT i, i + 1 AS j FROM range(100000000000) AS r(i)"


@pytest.fixture(autouse=True)
def days(shell: Shell, tmp_path: Path) -> Path:
    return store(shell, tmp_path)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("COPY trade TO 'stolen.csv'", "COPY is refused: SQL only reads here"),
        ("DELETE FROM trade", "DELETE is refused"),
        (
            "SELECT * FROM read_csv('/etc/passwd')",
            "SQL reads only the archive, not the file /etc/passwd",
        ),
        ("SELECT 1; SELECT 2", "one statement, not 2"),
        (" -- nothing", "one statement, not 0"),
    ],
)
def test_errors(sql: str, said: str, shell: Shell, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    done = shell('mdc query "$SQL"', SQL=sql)
    assert (done.status, done.out) == (2, "")
    first, *hints = done.err.splitlines()
    assert said in first
    assert all(line.startswith("hint: ") for line in hints)
    assert sorted(tmp_path.rglob("*")) == before


WRONG = [
    ("INSERT INTO trade SELECT * FROM trade", "INSERT is refused"),
    ("CREATE TABLE mine AS SELECT 1", "CREATE is refused"),
    ("ATTACH 'other.db'", "ATTACH is refused"),
    ("INSTALL httpfs", "LOAD is refused"),
    ("SET threads = 1", "SET is refused"),
    ("EXPLAIN ANALYZE COPY (SELECT 1) TO 'stolen.csv'", "SQL reads only the archive, not the file"),
    ("SELECT * FROM glob('*')", "SQL reads only the archive, not the file"),
    ("SELECT * FROM '/etc/passwd'", "does not exist"),
    ("FROM session", "session does not exist"),
    ("SELEC 1", 'syntax error at or near "SELEC" (line 1, at: SELEC 1'),
    ("SELECT symbol\nFROM trade\nWHERE prize > 3", "(line 3, at: prize > 3"),
    ("SELECT '101'::BIT AS b", "column b is a BIT"),
    ("SELECT price / 0 FROM trad", "trad does not exist"),
    ("SELECT CAST('x' AS INTEGER)", "Conversion Error"),
    ("SELECT CAST(symbol AS INTEGER) FROM trade", "Conversion Error"),
]


def test_every_error_is_one_line(shell: Shell, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    done = shell("mdc shell", stdin=";\n".join(sql for sql, _ in WRONG).encode())
    assert (done.status, done.out) == (2, "")
    lines = [line for line in done.err.splitlines() if not line.startswith("hint: ")]
    for (sql, said), line in zip(WRONG, lines, strict=True):
        assert said in line, sql
    new = set(tmp_path.rglob("*")).difference(before)
    assert {path.name for path in new} <= {"readers.lock"}


KINDS = """
SELECT 170141183460469231731687303715884105727::HUGEINT AS huge, NULL AS nothing,
       INTERVAL '1 month 2 days 3 milliseconds' AS span, '\\xAA\\xBB'::BLOB AS bytes,
       DATE '2024-01-02' AS day, TIME '10:00:00.5' AS clock,
       TIMESTAMP '2024-01-02 03:04:05.123456' AS micro, [1.50, NULL] AS list,
       {'a': 0.10, 't': TIMESTAMP_NS '2024-01-02 00:00:00.123456789'} AS struct,
       MAP {'k': 1} AS map, 'x'::ENUM('x', 'y') AS enum, 'NaN'::DOUBLE AS nan, 0.1::DOUBLE AS f,
       true AS yes, 'a,"b"' AS text, uuid() IS NOT NULL AS u, 1e-9::DECIMAL(18, 9) AS small
"""


def test_every_kind_of_value(shell: Shell) -> None:
    times = "2024-01-02T03:04:05.123456000", "2024-01-02T00:00:00.123456789"  # no zone: no Z
    assert rows(shell, KINDS) == [
        {
            "huge": "170141183460469231731687303715884105727",
            "nothing": None,
            "span": "P1M2DT0.003S",
            "bytes": "qrs=",
            "day": "2024-01-02",
            "clock": "10:00:00.500000",
            "micro": times[0],
            "list": ["1.5", None],
            "struct": {"a": "0.1", "t": times[1]},
            "map": {"k": "1"},
            "enum": "x",
            "nan": None,
            "f": "0.1",
            "yes": True,
            "text": 'a,"b"',
            "u": True,
            "small": "0.000000001",
        }
    ]
    done = shell('mdc query --format csv "$SQL"', SQL=KINDS)
    head, line = csv.reader(io.StringIO(done.out, newline=""))
    found = dict(zip(head, line, strict=True))
    assert (found["nothing"], found["nan"], found["text"]) == ("", "NaN", 'a,"b"')
    assert (found["list"], found["struct"]) == ("[1.5,null]", f'{{"a":0.1,"t":"{times[1]}"}}')
    twice = shell("mdc query --format csv \"SELECT 1 AS a, 'x' AS a\"")
    assert twice.out == "a,a\r\n1,x\r\n"
    assert rows(shell, "SELECT 1 AS a, 'x' AS a") == [{"a": "1", "a_1": "x"}]


def test_files(shell: Shell, tmp_path: Path) -> None:
    sql = "SELECT symbol, ts_event, price, price * size AS value FROM trade ORDER BY price"
    folder = tmp_path / "sub"
    for name in ("out.parquet", "out.arrows", "out.csv", "out.jsonl", "out.txt"):
        done = shell(f'mdc query "{sql}" --output sub/{name}')
        assert (done.status, done.out) == (0, ""), done.err
    table = pq.read_table(folder / "out.parquet")
    with pa.ipc.open_stream(folder / "out.arrows") as stream:
        assert stream.read_all().equals(table)
    assert table.schema.field("ts_event").type == pa.timestamp("ns", "UTC")
    assert table.schema.field("value").type == pa.decimal128(36, 18)
    assert table.column("value").to_pylist()[1] == Decimal("186")
    assert table.column("ts_event").cast(pa.int64()).to_pylist()[2] == 1704205800000279014
    text = (folder / "out.txt").read_text().splitlines()
    assert text[0].split() == ["symbol", "ts_event", "price", "value"]
    assert text[1].split() == ["AAPL", "2024-01-02T15:00:00.000000000Z", "185.5", "1298.5"]
    refused = shell(f'mdc query "{sql}" -o sub/out.csv')
    assert (refused.status, "exists already" in refused.err) == (73, True)
    # What fails leaves what was there.
    failed = shell('mdc query "SELECT symbol::INTEGER FROM trade" -o sub/out.csv --force')
    assert failed.status == 2
    assert (folder / "out.csv").read_text().count("\n") == 6
    assert shell(f'mdc query "{sql} LIMIT 1" -o sub/out.csv --force').status == 0
    assert (folder / "out.csv").read_text().count("\n") == 2
    assert len(list(folder.iterdir())) == 5
    assert shell(f'mdc query "{sql}" -o out.what').status == 2


def test_tables(shell: Shell) -> None:
    script = """
        SELECT symbol, price, NULL AS n FROM trade ORDER BY 2;
        SELECT repeat('x', 99) AS x, chr(27) || 'c' AS e;
        SELECT symbol FROM book;
        SELECT i FROM range(1000000) AS r(i) -- not read to its end
        ;
        EXPLAIN SELECT price FROM trade;
    """
    done = shell("mdc shell --format table --limit 5", stdin=script.encode())
    *lines, top, _, _, _, bottom = done.out.splitlines()
    assert (top[:3], bottom[-1:]) == ("╭─ ", "╯")
    assert lines == [
        "symbol   price  n",
        "AAPL     185.5  -",
        "AAPL       186  -",
        "SPY     470.25  -",
        "SPY        471  -",
        "SPY      472.5  -",
        f"x{' ' * 39}  e",
        f"{'x' * 39}…  '\\x1bc'",
        "symbol",
        "i",
        *"01234",
        "... more than 5 rows: .mode csv shows all",
    ]
    some = shell('mdc query --format table --limit 2 "SELECT price FROM trade ORDER BY 1"')
    lines = some.out.splitlines()
    assert lines[:3] == ["price", "185.5", "  186"]
    assert lines[3:] == ["... more than 2 rows: --limit shows more, --format csv all"]


def test_where_the_statement_comes_from(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_text("SELECT count(*) AS n\nFROM trade -- all\n;\n")
    assert shell("mdc query -f q.sql").out == '{"n":5}\n'
    assert shell("mdc query - < q.sql").out == '{"n":5}\n'
    assert shell("mdc query -f - < q.sql").out == '{"n":5}\n'
    assert shell("mdc query").status == 2
    both = shell("mdc query -f q.sql 'SELECT 1'")  # what stands before is an archive
    assert (both.status, "no archive at SELECT 1" in both.err) == (65, True)
    long = shell(f"mdc query 'SELECT 1 AS n -- {'long ' * 60}'")  # longer than a file's name can be
    assert (long.status, long.out) == (0, '{"n":1}\n')
    gone = shell("mdc query -f gone.sql")
    assert (gone.status, "gone.sql" in gone.err) == (65, True)


def test_without_an_archive(shell: Shell) -> None:
    assert shell('mdc query --root gone "SELECT 1"').status == 65
    assert shell('rm -r data; mdc query "SELECT 1"').status == 65
    assert shell('mkdir data; mdc query "SELECT count(*) AS n FROM trade"').out == '{"n":0}\n'


def test_without_duckdb(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "duckdb.py").write_text("raise ModuleNotFoundError('duckdb')")
    for line in ("mdc query 'SELECT 1'", "echo 'SELECT 1;' | mdc shell"):
        done = shell(line, PYTHONPATH=str(tmp_path))
        assert done.status == 78
        assert "pip install 'market-data-collector[duckdb]'" in done.err


@pytest.mark.parametrize("form", ["jsonl", "csv", "arrow", "parquet"])
@pytest.mark.some(2)
def test_the_reader_goes_away(form: str, shell: Shell) -> None:
    done = shell(f'mdc query --format {form} "{ENDLESS}" | head -c 1000 | wc -c')
    assert (done.status, done.out.strip(), done.err) == (141, "1000", "")


def test_ctrl_c_ends_a_query(tmp_path: Path, quiet_env: dict[str, str]) -> None:
    with subprocess.Popen(
        ["mdc", "query", ENDLESS],
        cwd=tmp_path,
        env=quiet_env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == '{"i":0,"j":1}\n'
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert (process.returncode, err) == (130, "")


PEAK = """
import resource, subprocess, sys
line = ["mdc", "query", "--format", "arrow", sys.argv[1]]
subprocess.run(line, stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_a_large_result_streams(shell: Shell, tmp_path: Path) -> None:
    """Thirty million rows in the memory of a few."""
    (tmp_path / "peak.py").write_text(PEAK)
    sizes = []
    for number in (1_000_000, 30_000_000):
        done = shell(f'python peak.py "SELECT i, i + 1 AS j FROM range({number}) AS r(i)"')
        assert done.status == 0, done.err
        sizes.append(int(done.out))
    assert sizes[1] < sizes[0] + 100_000  # KiB; all rows would be 480,000 more


def test_text_that_is_none() -> None:
    """DuckDB can make one, of strftime."""
    from mdc_core.errors import DataError
    from mdc_core.wire.lines.json_values import json_values

    odd = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"\x9c\xff")]
    )
    with pytest.raises(DataError, match="not UTF-8"):
        json_values(odd)
