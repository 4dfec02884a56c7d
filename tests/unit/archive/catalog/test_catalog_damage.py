"""A catalog that is damaged: it is found, and no answer is made of it."""

import random
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from mdc_core.archive.catalog.catalog import Catalog, ChangedError, FileMove, PartRow
from mdc_core.archive.catalog.query import Query
from mdc_core.errors import DataError, MdcError
from tests.unit.archive.catalog.old_catalog import make_old, sum_of, values_of
from tests.unit.archive.catalog.test_catalog import part


@pytest.fixture
def state(tmp_path: Path) -> Path:
    with Catalog(tmp_path, create=True):
        pass
    return tmp_path


def filled(state: Path) -> list[PartRow]:
    rows = [
        part(symbol, type_name, day, run_id=f"{day:012x}", inputs=(("x" * 30, "y" * 64),))
        for symbol in ("A", "BTC/USD", None)
        for type_name in ("trade", "quote")
        for day in range(20)
    ]
    with Catalog(state) as catalog:
        catalog.commit(
            rows,
            sealed=[("s-0001", 5)],
            moves=[FileMove("drop", "0", "", "x")],
            origins=[b'{"request":{"a":1}}'],
        )
    return rows


def found(state: Path) -> list[str]:
    try:
        with Catalog(state, read_only=True) as catalog:
            return catalog.problems()
    except MdcError as error:
        return [str(error)]


def damaged(path: Path, places: Iterable[int], random_: random.Random) -> Iterator[str]:
    """Flip one bit at each place by itself; the file is whole again in the end."""
    data = bytearray(path.read_bytes())
    for at in sorted(places):
        bit = 1 << random_.randrange(8)
        data[at] ^= bit
        path.write_bytes(data)
        yield f"byte {at}, bit {bit}"
        data[at] ^= bit
    path.write_bytes(data)


def test_a_flipped_bit_is_found(state: Path) -> None:
    """Wherever it changes what the catalog says; the rest of the file says nothing."""
    filled(state)
    file = state / "catalog.sqlite"
    assert found(state) == []
    values, size = values_of(file), file.stat().st_size
    random_ = random.Random(5)
    missed = 0
    for place in damaged(file, {*random_.sample(range(size), 800), *range(120)}, random_):
        if not found(state):
            assert values_of(file) == values, place
            missed += 1
    assert missed < 450  # pages are not full
    assert found(state) == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM parts WHERE number = 7",
        "DELETE FROM parts",
        "UPDATE parts SET number = 700 WHERE number = 7",
        "UPDATE parts SET rows = rows + 1 WHERE number = 7",
        "UPDATE parts SET tier = 'cold' WHERE number = 7",
        "INSERT INTO sealed VALUES ('s-0002', 6)",
        "UPDATE sealed SET at = at + 1",
        "UPDATE moves SET source = '1'",
        "DELETE FROM moves",
        "DELETE FROM origins",
        "UPDATE origins SET origin = CAST('{}' AS BLOB)",
        "UPDATE sqlite_sequence SET seq = seq - 1 WHERE name = 'parts'",
        "UPDATE checksum SET total = total + 1",
        "UPDATE checksum SET crc = crc + 1",
        "DELETE FROM checksum",
    ],
)
def test_a_value_that_nobody_committed(statement: str, state: Path) -> None:
    filled(state)
    assert found(state) == []
    with closing(sqlite3.connect(state / "catalog.sqlite", isolation_level=None)) as db:
        db.execute(statement)
    assert found(state)


def test_the_checksum_follows_every_change(state: Path) -> None:
    rows = filled(state)
    with Catalog(state) as catalog:
        catalog.commit([msgspec.structs.replace(row, rows=9) for row in rows[:9]], rows[:9])
        catalog.commit([msgspec.structs.replace(rows[20], rows=8)])  # of the same path
        catalog.commit(remove=rows[30:], sealed=[("s-0001", 7)])
        catalog.commit(moves=[FileMove("put", "1", "", "y")], sealed=[("s-0002", 8)])
        assert catalog.problems() == []
        catalog.moved()
        catalog.forget_sealed(["s-0001", "s-0009"])
        with pytest.raises(ChangedError):
            catalog.commit([part("Z")], [part("Y")])
        assert catalog.problems() == []
        assert len(list(catalog.parts())) == 30


def test_a_transaction_costs_the_same_however_many_parts_there_are(state: Path) -> None:
    """Counted in what SQLite does: one step for a hundred of its instructions."""
    steps = []
    for many in (1, 3_000):
        with Catalog(state) as catalog:
            catalog.commit(part("many", day=day) for day in range(1_000, 1_000 + many))
            done: list[int] = []
            catalog._db._db.set_progress_handler(lambda done=done: done.append(1), 100)
            catalog.commit([part("A")], sealed=[("s", 1)])
            catalog.commit(remove=[part("A")])
            steps.append(len(done))
    assert steps[1] <= steps[0] + 2


def test_a_catalog_of_format_1_is_read_as_it_is(state: Path) -> None:
    rows = sorted(filled(state), key=lambda row: row.path)
    path = make_old(state)
    before = path.read_bytes()
    with Catalog(state, read_only=True) as catalog:
        assert list(catalog.parts()) == rows
        assert list(catalog.parts(Query(("A",), ("trade",), end=1))) == [
            row for row in rows if row.path == "A/trade/0.parquet"
        ]
        assert catalog.sealed() == {"s-0001"}
        assert catalog.problems() == []
    assert path.read_bytes() == before
    random_ = random.Random(7)
    for name in ("catalog.sqlite", "catalog.sqlite.sum"):
        file = state / name
        for place in damaged(file, random_.sample(range(file.stat().st_size), 40), random_):
            assert found(state), place


def test_a_catalog_of_format_1_is_brought_up_to_date(state: Path) -> None:
    filled(state)
    before = values_of(state / "catalog.sqlite")
    path = make_old(state)
    with Catalog(state):
        pass
    assert found(state) == []
    assert not sum_of(path).exists()
    after = values_of(path)
    assert after[1:] == before[1:]
    with closing(sqlite3.connect(path)) as db:
        names = "rows, bytes, first, last, untimed, period, crc"
        columns = db.execute(f"SELECT {names} FROM parts WHERE number = 3").fetchall()
    with Catalog(state) as catalog:
        (_, third), *_ = catalog.since(2)
        assert columns[0][:-1] == (third.rows, third.bytes, None, None, 0, third.period)
        catalog.commit(remove=[third])
        assert catalog.problems() == []


@pytest.mark.parametrize("place", ["entry", "sum"])
def test_what_is_damaged_is_not_brought_up_to_date(place: str, state: Path) -> None:
    filled(state)
    path = make_old(state)
    noted = sum_of(path)
    if place == "sum":
        noted.write_bytes(noted.read_bytes()[:-1] + b"?")
    else:  # a kill came before the checksum was written: the entries have their own
        noted.unlink()
        path.write_bytes(path.read_bytes().replace(b'"period":"7"', b'"period":"6"', 1))
    before = path.read_bytes()
    with pytest.raises(DataError, match="damaged") as refused, Catalog(state):
        pass
    assert "mdc catalog rebuild" in (refused.value.hint or "")
    assert path.read_bytes() == before


def test_a_damaged_entry_is_no_answer(state: Path) -> None:
    """What is asked for is right, or refused with an error of ours, whatever is damaged."""
    rows = {row.path: row for row in filled(state)}
    file = state / "catalog.sqlite"
    data = bytearray(file.read_bytes())
    random_ = random.Random(6)
    refused = 0
    for _ in range(400):
        at, bit = random_.randrange(len(data)), 1 << random_.randrange(8)
        data[at] ^= bit
        file.write_bytes(data)
        data[at] ^= bit
        try:
            with Catalog(state, read_only=True) as catalog:
                answer = list(catalog.parts())
        except MdcError:
            refused += 1
        else:
            assert all(rows[row.path] == row for row in answer), f"byte {at}, bit {bit}"
    assert refused


def test_a_format_that_is_newer_is_refused(state: Path) -> None:
    db = sqlite3.connect(state / "catalog.sqlite")
    db.execute("PRAGMA user_version = 5")
    db.close()
    for options in ({}, {"read_only": True}, {"create": True}):
        with pytest.raises(DataError, match="format 5, known is 4") as refused:
            Catalog(state, **options)
        assert refused.value.hint == "update mdc"


def test_what_is_no_catalog(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"something else entirely\n" * 300)
    with pytest.raises(DataError, match="file is not a database") as refused:
        Catalog(tmp_path)
    assert "mdc catalog rebuild" in (refused.value.hint or "")
