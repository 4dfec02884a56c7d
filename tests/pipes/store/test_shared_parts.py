"""Parts that many symbols share: whatever reads or rewrites them answers as with own parts."""

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pandas
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import astuple
from pyarrow import dataset

from mdc_core.archive.catalog.part_row import SymbolShare
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.write.archive import Archive
from tests.conftest import Shell, parts_of
from tests.kit import forks
from tests.pipes.store.sharing import (
    DAYS,
    FEWER,
    SYMBOLS,
    UNTIMED,
    events,
    sharing_soon,
    symbol_of,
    text,
)

ROOTS = ("mixed", "own", "merged")


@pytest.fixture
def shell(shell: Shell) -> Shell:
    """Any shell, where fewer symbols share a part."""
    return sharing_soon(shell)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, forked_env: dict[str, str]) -> Path:
    """A folder with archives of the same events: in shared parts, in own ones, and compacted."""
    folder, env = tmp_path_factory.mktemp("made"), forked_env | FEWER
    every = events()
    half = len(every) // 2
    for root, lines in (
        ("mixed", every),
        ("own", events(range(15))),
        ("own", events(range(15, SYMBOLS))),
        ("merged", every[half:]),
        ("merged", every[:half]),
    ):
        command = ["mdc", "-q", "store", "--root", root]
        subprocess.run(command, input=text(lines), cwd=folder, env=env, check=True)
    command = ["mdc", "-q", "compact", "--root", "merged"]
    subprocess.run(command, cwd=folder, env=env, check=True)
    return folder


@pytest.fixture
def mixed(made: Path, tmp_path: Path) -> Path:
    """An archive of shared parts that can be changed."""
    return Path(shutil.copytree(made / "mixed", tmp_path / "data"))


@pytest.fixture(params=["mixed", "merged"])
def shared(made: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The same, as they were sealed and as compaction leaves them."""
    return Path(shutil.copytree(made / request.param, tmp_path / "data"))


def test_many_symbols_share_a_part_of_each_type_and_period(made: Path) -> None:
    found = [part.relative_to(made / "mixed") for part in parts_of(made / "mixed")]
    names = [(*path.parts[:-1], path.name.partition(".")[0]) for path in found]
    shared = [("~mixed", kind, day) for kind in ("quote", "trade") for day in DAYS]
    # Gaps, which have no symbol, are few.
    assert names == [*(("_", "gap", day) for day in DAYS[:2]), *shared]
    assert len(parts_of(made / "own")) == 2 + 2 * (2 * SYMBOLS + UNTIMED)


SQL = {
    "trades": "SELECT symbol, count(*), sum(price * size), min(ts_event) FROM trade GROUP BY 1 "
    "ORDER BY 1",
    "one": "SELECT * FROM trade WHERE symbol = 'S017' ORDER BY ts_event, trade_id",
    "joined": "SELECT t.symbol, ask_price, price FROM trade t "
    "JOIN quote q USING (symbol, ts_event) WHERE symbol IN ('Ä', 'S001') ORDER BY ALL",
    "parts": "SELECT symbol, type, sum(rows), min(first), max(last) FROM parts GROUP BY 1, 2 "
    "ORDER BY 1, 2",
}
READ = [
    "cat --root {root}",
    "cat --root {root} --symbol 'S017,~mixed,B/C'",
    "cat --root {root} --symbol S017 --type trade --date 2024-01-03",
    "cat --root {root} --from 2024-01-02T14:30:02 --to 2024-01-02T14:30:03.001",
    "tail -n 70 {root}",
    "tail -n 5 --symbol _ {root}",
    "replay --root {root} --speed max",
    "count --root {root}",
    "count --root {root} --symbol S017,Ä",
    "count --root {root} --symbol S017 --from 2024-01-02T14:30:02 --to 2024-01-02T14:30:03.001",
    "coverage --root {root} --json | grep -v root",
    "coverage --root {root} --symbol S017 --json | grep -v root",
    "cat --root {root} --symbol S017,_ | mdc export --profile csv -o x.csv --force && cat x.csv",
]


@pytest.mark.parametrize("line", READ)
@pytest.mark.some(4)
def test_a_verb_answers_as_with_own_parts(line: str, made: Path, shell: Shell) -> None:
    same_answer(shell, made, f"mdc {line}")


def same_answer(shell: Shell, made: Path, line: str) -> None:
    """Raise AssertionError unless each root gives it, and it says something."""
    shared, own, merged = (shell(line.replace("{root}", root), cwd=made) for root in ROOTS)
    assert (shared.status, own.status, merged.status) == (0, 0, 0), shared.err
    assert shared.lines == own.lines == merged.lines
    assert shared.lines


@pytest.mark.parametrize("name", SQL)
@pytest.mark.some(1)
def test_sql_answers_as_with_own_parts(name: str, made: Path, shell: Shell) -> None:
    same_answer(shell, made, f'mdc query --root {{root}} "{SQL[name]}"')


def told(shell: Shell, line: str, cwd: Path, *left_out: str) -> list[dict[str, Any]]:
    """The objects that a command answers, without some of their fields."""
    done = shell(f"mdc {line}", cwd=cwd)
    assert done.status == 0, done.err
    found = json.loads(done.out)
    return [{k: v for k, v in row.items() if k not in left_out} for row in found]


@pytest.mark.parametrize("wanted", ["", "--symbol S017,_", "--type quote --date 2024-01-03"])
def test_ls_tells_each_symbol(wanted: str, made: Path, shell: Shell) -> None:
    shared, own, merged = (
        told(shell, f"ls --json {wanted} --root {r}", made, "bytes", "files") for r in ROOTS
    )
    assert shared == own == merged
    assert shared
    files = told(shell, f"ls --tree --json {wanted} --root mixed", made)
    assert sum(row["events"] for row in files) == sum(row["events"] for row in shared)
    listed = told(shell, f"ls --json {wanted} --root mixed", made)
    assert sum(row["bytes"] for row in files) == sum(row["bytes"] for row in listed)


@pytest.mark.parametrize("root", ["mixed", "merged"])
def test_the_bytes_of_a_shared_part_are_divided(root: str, made: Path, shell: Shell) -> None:
    size = sum(part.stat().st_size for part in parts_of(made / root))
    assert sum(row["bytes"] for row in told(shell, f"ls --json --root {root}", made)) == size
    listed = json.loads(shell(f"mdc du --json --root {root}", cwd=made).out)
    assert sum(row["bytes"] for row in listed["files"]) == size


def test_no_part_is_opened_that_has_nothing_of_a_symbol(mixed: Path, shell: Shell) -> None:
    assert shell("mdc store", stdin=text(events(range(1000, 1030)))).status == 0
    for part in parts_of(mixed / "~mixed"):
        if b"S1029" in part.read_bytes():
            part.write_bytes(b"")
    assert shell("mdc cat --root data --symbol S017").lines
    assert shell("mdc cat --root data --symbol S1029").status == 65


def plain(root: Path, reader: str) -> list[tuple[Any, ...]]:
    """The trades of an archive as a plain reader has them."""
    names = ["symbol", "trade_id", "price"]
    paths = sorted(map(str, root.glob("*/trade/*.parquet")))
    match reader:
        case "duckdb":
            files = f"{root}/**/*.parquet"
            asked = f"SELECT {', '.join(names)} FROM read_parquet('{files}', union_by_name = true)"
            return duckdb.sql(f"{asked} WHERE type = 'trade'").fetchall()
        case "pandas":
            frame = pandas.concat(pandas.read_parquet(path) for path in paths)[names]
            return list(frame.itertuples(index=False, name=None))
        case "polars":
            return polars.read_parquet(f"{root}/*/trade/*.parquet").select(names).rows()
        case _:
            table = dataset.dataset(root / "~mixed" / "trade").to_table(columns=names)
            return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


@pytest.mark.parametrize("reader", ["duckdb", "pandas", "polars", "arrow"])
@pytest.mark.some(1)
def test_plain_readers_see_every_symbol(reader: str, made: Path) -> None:
    wanted = [
        (symbol_of(number), f"{turn}-{number}", Decimal(number + turn) + Decimal("0.25"))
        for turn in range(6)
        for number in range(SYMBOLS)
    ]
    assert sorted(plain(made / "mixed", reader)) == sorted(wanted)


def catalogued(root: Path) -> list[Any]:
    """What a catalog says, but for the moment at which it was told."""
    with Archive.open(root).catalog(read_only=True) as catalog:
        assert catalog.problems() == []
        parts = [msgspec.structs.replace(part, made_at=0) for part in catalog.parts()]
        spans = sorted((span[1:] for span in catalog.spans(Query())), key=str)
        return [parts, list(catalog.totals()), spans]


def test_a_lost_catalog_is_made_again_from_the_files(shared: Path, shell: Shell) -> None:
    before = catalogued(shared)
    (shared / "_mdc" / "catalog.sqlite").unlink()
    assert shell("mdc catalog rebuild").status == 0
    assert catalogued(shared) == before


def is_about(symbol: str, line: str) -> bool:
    """Whether an event is one of a symbol, or a gap of all."""
    return f'"{symbol}"' in line or '"type":"gap"' in line


def test_without_a_catalog_the_files_tell(mixed: Path, made: Path, shell: Shell) -> None:
    shutil.rmtree(mixed / "_mdc")
    assert shell("mdc cat --root data --symbol S017").lines == [
        line for line in shell("mdc cat --root own", cwd=made).lines if is_about("S017", line)
    ]
    assert told(shell, "ls --json --symbol S017", mixed.parent, "bytes") == told(
        shell, "ls --json --symbol S017 --root mixed", made, "bytes"
    )
    assert sorted(shell("mdc cat --root data").lines) == sorted(events())


def test_verify_compares_what_a_part_has_of_each_symbol(mixed: Path, shell: Shell) -> None:
    assert shell("mdc verify --deep").status == 0
    with Archive.open(mixed).catalog() as catalog:
        (part,) = (p for p in catalog.parts(Query(types=("trade",))) if p.period == DAYS[1])
        one = part.shares[7]
        wrong = SymbolShare(one.symbol, one.rows, one.begins + 1, *list(astuple(one))[3:])
        shares = (*part.shares[:7], wrong, *part.shares[8:])
        catalog.commit([msgspec.structs.replace(part, shares=shares)], [part])
    done = shell("mdc verify --deep")
    assert done.status == 1
    assert "has other events of its symbols than the catalog says" in done.out + done.err


def test_lineage_says_how_many_symbols_a_part_has(shared: Path, shell: Shell) -> None:
    (part,) = (shared / "~mixed" / "trade").glob(f"{DAYS[0]}.*")
    stored = json.loads(shell(f"mdc lineage --json {part}").out)["stored"]
    assert (stored["symbol"], stored["symbols"], stored["type"]) == (None, SYMBOLS, "trade")


def test_retain_removes_one_symbol_and_leaves_the_others(shared: Path, shell: Shell) -> None:
    before = shell("mdc cat --root data").lines
    retain = "mdc retain --yes --by event --keep 1d --now 2024-01-04T14:00:00Z --symbol S017,Ä"
    would = json.loads(shell(f"{retain} --dry-run --json").out)
    assert shell("mdc cat --root data").lines == before
    done = json.loads(shell(f"{retain} --json").out)
    assert done == would | {"dry_run": False}
    assert {(row["symbol"], row["period"]) for row in done["removed"]} == {
        (symbol, DAYS[0]) for symbol in ("S017", "Ä")
    }
    first_day = [line for line in before if "2024-01-02T" in line]
    gone = [line for line in first_day if '"S017"' in line or '"Ä"' in line]
    assert sum(row["events"] for row in done["removed"]) == len(gone)
    assert shell("mdc cat --root data").lines == [line for line in before if line not in gone]
    assert shell("mdc verify --deep").status == 0
    assert shell("mdc retain --yes --by event --keep 1d --now 2024-01-04T14:00:00Z").status == 0
    assert DAYS[0] not in {path.name.partition(".")[0] for path in parts_of(shared)}


def test_rules_of_retention_hold_for_each_symbol(mixed: Path, shell: Shell) -> None:
    before = shell("mdc cat --root data").lines
    rules = """[[retain.rules]]
symbol = "S00*"
keep = true
[[retain.rules]]
symbol = "S01*"
days = 1
"""
    (mixed.parent / "mdc.toml").write_text(rules)
    assert shell("mdc retain --yes --by event --now 2024-01-04T14:00:00Z").status == 0
    gone = [line for line in before if '"symbol":"S01' in line and "2024-01-02T" in line]
    assert gone
    assert shell("mdc cat --root data").lines == [line for line in before if line not in gone]


def test_a_tier_takes_shared_parts_as_they_are(shared: Path, shell: Shell) -> None:
    before = shell("mdc cat --root data").lines
    (shared.parent / "mdc.toml").write_text('[tier.cold]\ndirectory = "../cold"\n')
    assert shell("mdc tier migrate --root data").status == 0
    cold = shared.parent / "cold"
    assert {path.relative_to(cold).parts[0] for path in parts_of(cold)} == {"~mixed", "_"}
    assert shell("mdc cat --root data").lines == before
    assert shell("mdc verify --deep").status == 0


@pytest.mark.parametrize("wanted", ["", "--symbol S017,B/C", "--date 2024-01-03"])
def test_a_pack_has_parts_of_each_symbol(wanted: str, made: Path, shell: Shell) -> None:
    create = f"mdc pack create {{}}.zip {wanted} --root {made}/{{}}"
    for root in ROOTS:
        assert shell(create.format(root, root)).status == 0
        assert shell(f"mdc pack import {root}.zip --root of-{root}").status == 0
    shared, own, merged = (shell(f"mdc cat --root of-{root}") for root in ROOTS)
    assert shared.lines == own.lines == merged.lines
    assert shared.lines
    first = Path(shell("pwd").out.strip(), "mixed.zip").read_bytes()
    assert shell(f"{create.format('mixed', 'mixed')} --force").status == 0
    assert Path(shell("pwd").out.strip(), "mixed.zip").read_bytes() == first


@pytest.mark.parametrize("options", ["--layout by-date", "--layout by-type", "--layout flat"])
def test_layouts(options: str, shell: Shell, tmp_path: Path) -> None:
    assert shell(f"mdc store {options}", stdin=text(events())).status == 0
    assert len(parts_of(tmp_path / "data")) == 8
    before = shell("mdc cat --root data").lines
    assert sorted(before) == sorted(events())
    assert shell("mdc verify --deep").status == 0
    of_one = [line for line in before if is_about("B/C", line)]
    assert shell("mdc cat --root data --symbol B/C").lines == of_one
    assert shell("mdc compact").status == 0
    assert shell("mdc cat --root data").lines == before


@pytest.mark.parametrize("options", ["--layout hive", "--format jsonl"])
def test_what_has_no_shared_parts(options: str, shell: Shell, tmp_path: Path) -> None:
    lines = [line for line in events() if '"trade"' in line]
    assert shell(f"mdc store {options}", stdin=text(lines)).status == 0
    assert len(parts_of(tmp_path / "data")) == 2 * SYMBOLS + UNTIMED
    assert sorted(shell("mdc cat --root data").lines) == sorted(lines)


def test_a_symbol_with_a_profile_of_its_own_has_own_parts(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mdc.toml").write_text('[compression.symbols]\nS017 = "realtime"\n')
    lines = [line for line in events() if "ts_event" in line]
    assert shell("mdc store", stdin=text(lines)).status == 0
    names = {path.relative_to(tmp_path / "data").parts[0] for path in parts_of(tmp_path / "data")}
    assert names == {"_", "~mixed", "S017"}


def test_follow_shows_shared_parts_in_order_and_what_comes_later(mixed: Path, shell: Shell) -> None:
    want = shell("mdc cat --root data").lines
    done = shell(
        f"""
        coproc mdc -q cat --root data --follow
        exec 5<&"${{COPROC[0]}}"
        pid=$COPROC_PID
        head -n {len(want) + 1} <&5
        mdc -q store
        head -n {SYMBOLS} <&5
        kill -INT $pid; wait $pid
        """,
        stdin=text([line for line in events() if '"trade_id":"5-' in line]),
    )
    assert done.status == 0, done.err
    assert done.lines[: len(want)] == want
    assert sorted(done.lines[len(want) :]) == sorted(x for x in want if '"trade_id":"5-' in x)
    assert len(list((mixed / "~mixed" / "trade").glob(f"{DAYS[1]}.*"))) == 2


@pytest.mark.skipif(not forks.available(), reason="no fork server here")
def test_a_seal_that_is_tried_again_removes_what_it_shares_now(
    shell: Shell, tmp_path: Path
) -> None:
    """An attempt before may have given some of the symbols files of their own."""
    lines = [line for line in events() if '"trade"' in line]
    assert shell("mdc store", stdin=text(lines), MDC_FAIL="commit:3:kill").status in (-9, 137)
    (left,) = (tmp_path / "data" / "~mixed" / "trade").glob(f"{DAYS[0]}.*")
    own = tmp_path / "data" / "S017" / "trade" / left.name
    own.parent.mkdir(parents=True)
    shutil.copy(left, own)
    other = own.with_name(f"{DAYS[0]}.0123456789ab-012345-0001.parquet")
    shutil.copy(left, other)
    assert shell("mdc recover").status == 0
    assert sorted(shell("mdc cat --root data").lines) == sorted(lines)
    assert (own.exists(), other.exists(), left.exists()) == (False, True, True)


def test_a_value_that_needs_it_makes_shared_parts_wide(mixed: Path, shell: Shell) -> None:
    before = shell("mdc cat --root data").lines
    fine = '{"type":"trade","v":"1.0.0","symbol":"A","price":0.000000000000000001,"size":1}'
    assert shell("mdc store", stdin=text([fine])).status == 0
    assert sorted(shell("mdc cat --root data").lines) == sorted([*before, fine])
    shared = list((mixed / "~mixed" / "trade").iterdir())
    assert {pq.read_schema(path).field("price").type for path in shared} == {pa.decimal128(36, 18)}
    assert shell("mdc verify --deep").status == 0


def test_a_catalog_of_format_2_is_read_as_it_is(shell: Shell, tmp_path: Path) -> None:
    few = [line for line in events(range(3)) if "ts_event" in line]
    assert shell("mdc store", stdin=text(few)).status == 0
    before, listed = shell("mdc cat --root data").lines, shell("mdc ls --json").lines
    path = tmp_path / "data" / "_mdc" / "catalog.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for later in ("VIEW held", "TRIGGER shares_go", "TABLE shares"):
            db.execute(f"DROP {later}")
        for later in ("TRIGGER sources_go", "TABLE sources"):
            db.execute(f"DROP {later}")
        db.execute("PRAGMA user_version = 2")
    old = path.read_bytes()
    assert shell("mdc cat --root data").lines == before
    assert shell("mdc ls --json").lines == listed
    assert shell("mdc verify --deep").status == 0
    assert path.read_bytes() == old
    assert shell("mdc store --again", stdin=text(events())).status == 0
    assert sorted(shell("mdc cat --root data").lines) == sorted([*few, *events()])
    assert shell("mdc verify --deep").status == 0


def test_very_many_symbols_are_sealed_before_they_fill_the_memory(
    shell: Shell, tmp_path: Path
) -> None:
    sealing = {"rotation:SEAL_PARTITIONS": 60, "sealer:SEAL_PARTITIONS": 60}
    sealing |= {"sorter:COLLECT_BYTES": 1}
    limits = {f"archive.write.sealing.{name}": number for name, number in sealing.items()}
    limits |= {f"wire.{name}:ROWS": 30 for name in ("streams.reading", "tables.bounded")}
    fewer = " ".join(f"mdc_core.{name}={number}" for name, number in limits.items())
    soon = {"MDC_CONSTANTS": f"{FEWER['MDC_CONSTANTS']} {fewer}"}
    lines = [
        f'{{"type":"trade","v":"1.0.0","symbol":"S{n:03d}","ts_event":"2024-01-02T14:30:00.001000000Z",'
        f'"price":{n}.25,"size":1}}'
        for n in range(300)
    ]
    assert shell("mdc convert --format arrow --output x.arrows", stdin=text(lines)).status == 0
    assert shell("mdc store < x.arrows", **soon).status == 0
    shared = sorted((tmp_path / "data" / "~mixed" / "trade").iterdir())
    assert [pq.read_metadata(path).num_rows for path in shared] == [60] * 5
    assert shell("mdc cat --root data").lines == lines


def test_coverage_of_a_symbol_in_a_part_of_several_days(shell: Shell) -> None:
    lines = [line for line in events() if "ts_event" in line and '"gap"' not in line]
    assert shell("mdc store --partition monthly", stdin=text(lines)).status == 0
    own = [line for line in lines if '"S017"' in line]
    assert shell("mdc store --partition monthly --root own", stdin=text(own)).status == 0
    shared, alone = (
        json.loads(shell(f"mdc coverage --symbol S017 --json --root {root}").out)
        for root in ("data", "own")
    )
    assert shared["coverage"] == alone["coverage"]
    assert {one["symbol"] for one in shared["coverage"]} == {"S017"}
