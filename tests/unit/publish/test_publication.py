"""What is sent to a place that takes a part, fails, or loses what it had: nothing is lost."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from mdc_core.batch import from_rows
from mdc_core.contracts import Options, Sink
from mdc_core.errors import BusyError, DataError, MdcError, UnavailableError
from mdc_core.events import Trade
from mdc_core.logs import Log
from mdc_core.publish.publication import Publication, PublishLimits
from mdc_core.wire.lines.jsonl import encode_batch, encode_rows
from mdc_core.wire.lines.text import encode


class Scripted(Sink):
    """Does at each flush what its script says: acknowledges so many rows, or raises."""

    def __init__(self, script: Sequence[int | MdcError]) -> None:
        super().__init__("scripted:", Options(), {})
        self.script = list(script)
        self.calls: list[str] = []
        self.kept: list[str] = []
        self.acknowledged = 0
        self._fresh: list[str] = []

    def open(self) -> None:
        self.calls.append("open")
        self.acknowledged = 0

    def write(self, batch: pa.RecordBatch, token: str) -> None:
        self.calls.append(token.rpartition(":")[0])
        prices: list[Any] = batch.column("price").to_pylist()
        self._fresh = [str(price.normalize()) for price in prices]

    def flush(self) -> int:
        said = self.script.pop(0) if self.script else len(self._fresh)
        if isinstance(said, MdcError):
            raise said
        self.kept += self._fresh[:said]
        self.acknowledged += said
        return self.acknowledged

    def close(self) -> None:
        self.calls.append("close")


class NoTime:
    """A clock that notes how long was waited."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def ns(self) -> int:
        return 0

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)

    def random(self) -> float:
        return 0.5


def published(
    script: Sequence[int | MdcError], count: int = 10
) -> tuple[Scripted, Publication, NoTime, list[int]]:
    sink, clock, aside = Scripted(script), NoTime(), list[int]()
    log = Log()
    limits = PublishLimits(rows=4, retries=2)
    sending = Publication(
        sink, limits, log, lambda batch, _: aside.append(batch.num_rows), clock=clock
    )
    sending.run_id = "r"
    for start in range(0, count, 3):
        rows = [Trade(symbol="A", price=Decimal(n)) for n in range(start, min(start + 3, count))]
        sending.add(from_rows(rows))
    sending.finish()
    sending.close()
    return sink, sending, clock, aside


WHOLE = [str(Decimal(n).normalize()) for n in range(10)]


def test_batches_are_of_one_size_however_rows_come() -> None:
    sink, sending, clock, _ = published([])
    assert sink.calls == ["open", "r:0-4", "r:4-8", "r:8-10", "close"]
    assert (sink.kept, sending.sent, clock.waited) == (WHOLE, 10, [])


def test_only_what_is_not_acknowledged_is_sent_again() -> None:
    sink, sending, clock, _ = published([4, 1, 3])
    tokens = ["open", "r:0-4", "r:4-8", "close", "open", "r:5-8", "r:8-10", "close"]
    assert sink.calls == tokens
    assert (sink.kept, sending.sent) == (WHOLE, 10)
    assert clock.waited == [0.5]


def test_a_place_that_asks_for_patience() -> None:
    sink, sending, clock, _ = published([BusyError("busy", after=7.0)])
    assert sink.calls[:6] == ["open", "r:0-4", "close", "open", "r:0-4", "r:4-8"]
    assert clock.waited == [7.0]
    assert sending.sent == 10


def test_what_is_refused_is_set_aside() -> None:
    sink, sending, _, aside = published([4, DataError("no")])
    assert (sending.sent, sending.refused, aside) == (6, 4, [4])
    assert sink.kept == WHOLE[:4] + WHOLE[8:]
    assert sink.calls[-3:] == ["open", "r:8-10", "close"]


def test_it_is_given_up_after_so_many_tries() -> None:
    with pytest.raises(UnavailableError, match="given up after 3 tries"):
        published([UnavailableError("gone")] * 3)
    with pytest.raises(BusyError, match="busy"):
        published([BusyError("busy", after=86_400.0)])


def test_a_success_forgives_the_failures_before() -> None:
    gone = UnavailableError("gone")
    _, sending, clock, _ = published([gone, gone, 4, gone, gone])
    assert sending.sent == 10
    assert clock.waited == [0.5, 1.0, 0.5, 1.0]


def test_a_batch_is_encoded_once_for_its_token_and_its_body(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In each try; nothing is kept for longer than the batch."""
    made: list[int] = []
    monkeypatch.setattr(
        "mdc_core.wire.lines.text.encode",
        lambda batch: made.append(batch.num_rows) or encode(batch),
    )

    class Lines(Scripted):
        bodies: ClassVar[list[bytes]] = []

        def write(self, batch: pa.RecordBatch, token: str) -> None:
            super().write(batch, token)
            self.bodies.append(encode_batch(batch))

    sink = Lines([UnavailableError("not now")])
    sending = Publication(sink, PublishLimits(rows=2), Log(), lambda *_: None, clock=NoTime())
    rows = [Trade(symbol="A", price=Decimal(price)) for price in range(1, 5)]
    sending.add(from_rows(rows))
    sending.finish()
    assert sink.kept == ["1", "2", "3", "4"] and made == [2, 2, 2]
    assert sink.bodies == [encode_rows(rows[:2]), encode_rows(rows[:2]), encode_rows(rows[2:])]
