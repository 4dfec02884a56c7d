"""Files of an export: which events are in which, what the manifest says, and all or nothing."""

import hashlib
import json
from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.archive.catalog.layout import encode_symbol
from mdc_core.batch import from_rows
from mdc_core.contracts import Exporter, Options
from mdc_core.contracts.store import Part
from mdc_core.errors import DataError, WriteError
from mdc_core.events import Event, Quote, Trade
from mdc_core.export import spool
from mdc_core.export.exporting import MANIFEST, Export
from mdc_core.times import DAY, HOUR, from_ns
from tests.kit.many import many

FIRST = 19_724 * DAY


class Numbers(Exporter):
    """The sequence numbers, one a line."""

    suffix = ".txt"

    def write(self, part: Part, file: BinaryIO) -> None:
        for table in part.tables():
            for number in table.column("seq").to_pylist():
                if number == 13:
                    raise DataError("thirteen cannot be written")
                file.write(f"{number}\n".encode())


rows = st.lists(
    st.tuples(
        st.sampled_from([Trade, Quote]),
        st.sampled_from(["A", "B/C", "..", None]),
        st.none() | st.integers(0, 70),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


def events_of(drawn: list[tuple[Any, str | None, int | None, bool]]) -> list[Event]:
    return [
        kind(
            symbol=symbol,
            seq=100 + number,
            **{
                "ts_event" if event else "ts_recv": None
                if hour is None
                else from_ns(FIRST + hour * HOUR)
            },
        )
        for number, (kind, symbol, hour, event) in enumerate(drawn)
    ]


def export(target: Path, **how: Any) -> Export:
    how = {"one_file": False, "force": False} | how
    return Export(Numbers(Options()), target, **how)


def fill(made: Export, events: list[Event], cuts: list[int]) -> None:
    edges = sorted([0, len(events), *(cut % (len(events) + 1) for cut in cuts)])
    for start, stop in pairwise(edges):
        made.add(from_rows(events[start:stop]))


@settings(max_examples=many(10))
@given(rows, st.lists(st.integers(0, 12), max_size=3), st.sampled_from([1, 3, 1 << 18]))
def test_a_file_for_each_symbol_type_and_day(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[Any, str | None, int | None, bool]],
    cuts: list[int],
    in_memory: int,
) -> None:
    target = tmp_path_factory.mktemp("export") / "out"
    events = events_of(drawn)
    wanted: dict[str, list[int]] = defaultdict(list)
    for event in events:
        at = event.ts_event or event.ts_recv
        day = "undated" if at is None else at[:10]
        name = f"{encode_symbol(event.symbol)}/{type(event).__name__.lower()}/{day}.txt"
        wanted[name].append(event.seq or 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "IN_MEMORY", in_memory)
        made = export(target)
        fill(made, events, cuts)
        assert made.write({"said": 1}) == len(wanted)
    found = {p.relative_to(target).as_posix(): p for p in target.rglob("*") if p.is_file()}
    manifest = json.loads(found.pop(MANIFEST).read_text())
    lines = {name: [int(line) for line in p.read_text().split()] for name, p in found.items()}
    assert lines == wanted
    assert (manifest["rows"], manifest["said"]) == (len(events), 1)
    assert set(manifest["versions"]) == {type(event).__name__.lower() for event in events}
    assert {one["path"] for one in manifest["files"]} == set(wanted)
    for one in manifest["files"]:
        data = found[one["path"]].read_bytes()
        assert (one["rows"], one["bytes"]) == (len(wanted[one["path"]]), len(data))
        assert one["sha256"] == hashlib.sha256(data).hexdigest()
        assert ("symbol" in one) == (not one["path"].startswith("_/"))


def test_one_file_has_all_in_their_order(tmp_path: Path) -> None:
    made = export(tmp_path / "all.txt", one_file=True)
    events: list[Event] = [Trade(symbol="B", seq=2), Quote(symbol="A", seq=1), Trade(seq=0)]
    fill(made, events, [1, 2])
    made.add(from_rows(events).slice(0, 0))
    assert (made.write({}), made.rows) == (1, 3)
    assert (tmp_path / "all.txt").read_text() == "2\n1\n0\n"
    assert [p.name for p in tmp_path.iterdir()] == ["all.txt"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    made = export(tmp_path / "out")
    fill(made, [Trade(symbol="A", seq=1), Trade(symbol="B", seq=13)], [])
    with pytest.raises(DataError, match="thirteen"):
        made.write({})
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_what_is_there_is_replaced_only_by_force(tmp_path: Path) -> None:
    first = export(tmp_path / "out")
    fill(first, [Trade(symbol="A", seq=1)], [])
    first.write({})
    with pytest.raises(WriteError, match=r"manifest\.json exists") as raised:
        export(tmp_path / "out")
    assert raised.value.hint == "--force overwrites it"
    (tmp_path / "out" / MANIFEST).unlink()
    again = export(tmp_path / "out")
    fill(again, [Trade(symbol="A", seq=2, price=Decimal(1))], [])
    with pytest.raises(WriteError, match=r"undated\.txt exists"):
        again.write({})
    assert (tmp_path / "out" / "A" / "trade" / "undated.txt").read_text() == "1\n"
    forced = export(tmp_path / "out", force=True)
    fill(forced, [Trade(symbol="A", seq=3)], [])
    forced.write({})
    assert (tmp_path / "out" / "A" / "trade" / "undated.txt").read_text() == "3\n"
    with pytest.raises(WriteError, match="exists"):
        export(tmp_path / "out" / MANIFEST, one_file=True)


def test_a_place_that_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x")
    with pytest.raises(WriteError, match=r"cannot write .*plain"):
        export(tmp_path / "plain" / "out")


class Backwards(Numbers):
    """A format whose header is known at the end, and whose library closes its file."""

    def write(self, part: Part, file: BinaryIO) -> None:
        file.write(b"00\n")
        super().write(part, file)
        length = file.tell()
        file.seek(0)
        file.writelines([f"{length:02}".encode()])
        file.close()


def test_a_format_may_go_back_in_its_file_and_close_it(tmp_path: Path) -> None:
    export = Export(Backwards(Options()), tmp_path / "out", one_file=False, force=False)
    export.add(from_rows([Trade(symbol="A", seq=7, ts_event="2024-01-02T14:30:00Z")]))
    assert export.write({}) == 1
    (fact,) = json.loads((tmp_path / "out" / MANIFEST).read_text())["files"]
    data = (tmp_path / "out" / fact["path"]).read_bytes()
    assert data == b"05\n7\n"
    assert fact["bytes"] == len(data)
    assert fact["sha256"] == hashlib.sha256(data).hexdigest()
