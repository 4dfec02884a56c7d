"""Events that cannot be written are set aside, and their neighbours go on."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from mdc_core.errors import DataError
from mdc_core.events import Event, Integrity
from mdc_core.flaws import EventSample, is_time, unwritable
from mdc_core.texts import encodable, said
from mdc_core.wire.chunk import Chunk
from mdc_core.wire.quarantine import Quarantine

Make = Callable[[Sequence[Event]], Chunk]
_UNWRITABLE = (DataError, ValueError, TypeError, ArithmeticError, AttributeError, RecursionError)


def made_of(rows: Sequence[Event], make: Make, aside: Quarantine) -> Chunk:
    """What `make` makes of events; one of which it cannot is set aside, and told in its place."""
    try:
        return make(rows)
    except _UNWRITABLE:
        rows = [_written(row, unwritable(row), aside) for row in rows]
    try:
        return make(rows)
    except _UNWRITABLE:  # for a reason that shows nowhere else
        return make([_written(row, _failure(row, make), aside) for row in rows])


def sifted(lists: Iterable[list[Event]], aside: Quarantine) -> Iterator[list[Event]]:
    """The lists of a source; of what is looked at, what no line can hold is set aside."""
    sample = EventSample()
    for events in lists:
        for place in sample.places(events):
            row = events[place]
            if (problem := unwritable(row)) is not None:
                sample.distrust(type(row))
                events[place] = _written(row, problem, aside)
        yield events


def _failure(row: Event, make: Make) -> str | None:
    try:
        make([row])
    except _UNWRITABLE as error:
        return said(error)
    return None


def _written(row: Event, problem: str | None, aside: Quarantine) -> Event:
    """The event, or what is told instead of it."""
    if problem is None:
        return row
    from mdc_core.live.teller import json_of

    text = f"a {type(row).__name__} that cannot be written: {problem}"
    received = row.ts_recv if is_time(row.ts_recv) else None
    where = {"provider": row.provider, "channel": row.channel, "ts_recv": received}
    aside.add(json_of(row).encode(errors="backslashreplace"), text, **where)
    finding = Integrity(check="frame", severity="error", message=encodable(text))
    finding.ts_event = finding.ts_recv = received
    finding.provider, finding.channel = row.provider, row.channel
    finding.symbol = None if row.symbol is None else encodable(str(row.symbol))
    return finding
