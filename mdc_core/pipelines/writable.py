"""Events that cannot be written are set aside, and their neighbours go on."""

from collections.abc import Callable, Sequence

from mdc_core.errors import DataError
from mdc_core.events import Event, Integrity
from mdc_core.flaws import flaw_of
from mdc_core.live.teller import json_of
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
        return make([_sound(row, make, aside) for row in rows])


def _sound(row: Event, make: Make, aside: Quarantine) -> Event:
    """The event, or what is told instead of it."""
    problem = flaw_of(row)
    if problem is None:
        try:
            make([row])
        except _UNWRITABLE as error:
            problem = said(error)
        else:
            return row
    text = f"a {type(row).__name__} that cannot be written: {problem}"
    where = {"provider": row.provider, "channel": row.channel, "ts_recv": row.ts_recv}
    aside.add(json_of(row).encode(errors="backslashreplace"), text, **where)
    finding = Integrity(check="frame", severity="error", message=encodable(text))
    finding.ts_event = finding.ts_recv = row.ts_recv
    finding.provider, finding.channel = row.provider, row.channel
    finding.symbol = encodable(row.symbol)
    return finding
