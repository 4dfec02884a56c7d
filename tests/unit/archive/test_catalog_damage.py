"""A catalog that is damaged: it is found, and no answer is made of it."""

import random
import sqlite3
from pathlib import Path

import pytest

from mdc_core.archive.catalog.catalog import Catalog, FileMove, PartRow
from mdc_core.errors import DataError, MdcError
from tests.unit.archive.test_catalog import part


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
            sealed=("s-0001", 5),
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


@pytest.mark.parametrize("name", ["catalog.sqlite", "catalog.sqlite.sum"])
def test_a_flipped_bit_is_found(name: str, state: Path) -> None:
    filled(state)
    assert found(state) == []
    data = bytearray((state / name).read_bytes())
    random_ = random.Random(5)
    places = {random_.randrange(len(data)) for _ in range(400)} | {*range(len(data[:120]))}
    for at in sorted(places):
        bit = 1 << random_.randrange(8)
        data[at] ^= bit
        (state / name).write_bytes(data)
        assert found(state), f"byte {at}, bit {bit}"
        data[at] ^= bit
    (state / name).write_bytes(data)
    assert found(state) == []


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
                answer = catalog.parts()
        except MdcError:
            refused += 1
        else:
            assert all(rows[row.path] == row for row in answer), f"byte {at}, bit {bit}"
    assert refused


def test_a_checksum_of_before_is_no_damage(state: Path) -> None:
    """A kill between the transaction and its checksum."""
    filled(state)
    noted = (state / "catalog.sqlite.sum").read_bytes()
    with Catalog(state) as catalog:
        catalog.commit([part("Z")])
    (state / "catalog.sqlite.sum").write_bytes(noted)
    assert found(state) == []
    (state / "catalog.sqlite.sum").unlink()
    assert found(state) == []


def test_a_format_that_is_newer_is_refused(state: Path) -> None:
    db = sqlite3.connect(state / "catalog.sqlite")
    db.execute("PRAGMA user_version = 2")
    db.close()
    for options in ({}, {"read_only": True}, {"create": True}):
        with pytest.raises(DataError, match="format 2, known is 1") as refused:
            Catalog(state, **options)
        assert refused.value.hint == "update mdc"


def test_what_is_no_catalog(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"something else entirely\n" * 300)
    with pytest.raises(DataError, match="file is not a database") as refused:
        Catalog(tmp_path)
    assert "mdc catalog rebuild" in (refused.value.hint or "")
