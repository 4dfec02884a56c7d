"""Archives made without the command line, compacted, and read without it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import pyarrow as pa
from hypothesis import strategies as st

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.merge import merge
from mdc_core.archive.profiles import Profiles
from mdc_core.archive.read.snapshot import pieces
from mdc_core.archive.upkeep.compaction.compact import CompactOutcome, compact
from mdc_core.archive.upkeep.compaction.files import contents
from mdc_core.archive.upkeep.compaction.plan import CompactOptions
from mdc_core.archive.upkeep.recover import prepare
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.intake import Intake, header_of
from mdc_core.archive.write.replace import rewriting
from mdc_core.batch import from_rows
from mdc_core.events import Delta, Event, Gap, Quote, Trade
from mdc_core.times import DAY, from_ns
from mdc_core.wire.lines.jsonl import encode_batch

moments = st.none() | st.integers(0, 30).map(lambda n: 19_000 * DAY + n * DAY // 10)


@st.composite
def events(draw: st.DrawFn) -> Event:
    moment = draw(moments)
    at = None if moment is None else from_ns(moment)
    symbol = draw(st.sampled_from(["A", "B/C", None]))
    price = Decimal(draw(st.sampled_from(["1", "0.000000000000000001", "123456789012.5"])))
    seq = draw(st.none() | st.integers(0, 3))
    channel = draw(st.sampled_from(["x", "y", None]))
    kind = draw(st.sampled_from([Trade, Trade, Quote, Delta, Gap]))
    if kind is Trade:
        trade_id = draw(st.sampled_from(["1", "2", "", None]))
        return Trade(
            symbol=symbol,
            ts_event=at,
            price=price,
            size=price,
            trade_id=trade_id,
            seq=seq,
            channel=channel,
        )
    if kind is Quote:
        return Quote(symbol=symbol, ts_recv=at, bid_price=price, seq=seq, channel=channel)
    if kind is Delta:
        return Delta(symbol=symbol, ts_event=at, action="add", price=price, seq=seq)
    return Gap(symbol=symbol, ts_event=at, reason="test")


def store(
    archive: Archive,
    name: str,
    seals: Sequence[Sequence[Event]],
    form: str = "parquet",
    layout: str = "by-symbol",
    partition: str = "daily",
) -> None:
    """What one run of `store` does: each list is sealed for itself."""
    formats = Formats.load(form)
    header = header_of(formats, name, layout, partition, msgspec.json.encode({"run_id": name}))
    intake = Intake(archive, formats, header, fsync="none")
    for rows in seals:
        intake.write(from_rows(rows), {})
        intake.seal()
    intake.close()


def made(root: Path) -> Archive:
    archive = Archive.create(root)
    prepare(archive)
    return archive


def run_id(number: int) -> str:
    return f"{number:012x}-{number:06x}"


def compacted(archive: Archive, wishes: CompactOptions) -> list[CompactOutcome]:
    with rewriting(archive) as catalog:
        return list(compact(archive, catalog, list(catalog.parts()), wishes, Profiles()))


def parts_of(archive: Archive) -> list[PartRow]:
    with archive.catalog(read_only=True) as catalog:
        return list(catalog.parts())


def batches(archive: Archive) -> Iterator[pa.RecordBatch]:
    found = [piece for part in parts_of(archive) for piece in pieces(archive, part)]
    return merge([piece.source(Query(), Counter()) for piece in found])


def text(archive: Archive) -> bytes:
    return b"".join(map(encode_batch, batches(archive)))


def check_whole(archive: Archive) -> None:
    """The catalog, and what lies on the disk, agree."""
    parts = parts_of(archive)
    assert [path for path, _ in archive.place.walk()] == [part.path for part in parts]
    contents(archive, parts)
    assert not list((archive.state / "tmp").iterdir())
    assert not (archive.state / "trash").exists()


def trades(*prices: str, day: int = 0) -> list[Event]:
    return [
        Trade(
            symbol="A",
            ts_event=from_ns(19_000 * DAY + day * DAY + n),
            price=Decimal(price),
            size=Decimal(1),
        )
        for n, price in enumerate(prices)
    ]
