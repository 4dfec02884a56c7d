"""What a mock server does wrong on purpose, so that a client can prove itself.

disconnect-after=N   cut the line after N events have been played to a client;
  times=K              do so K times (1)
  skip=M               and leave M events out before the next connection goes on (0)
malformed-after=N    after N events, send one frame that is no message
stall-after=N        after N events, once, send nothing more and keep the line open
slow=T               wait this long (such as 50ms) before each frame
"""

from msgspec import Struct

from mdc_core.errors import DataError, UsageError
from mdc_core.times import SECOND, parse_span

MALFORMED = '[{"T":'
NAMES = ("disconnect-after", "times", "skip", "malformed-after", "stall-after", "slow")


class Faults(Struct, frozen=True):
    """Counts of events played on one connection at which something goes wrong."""

    disconnect_after: int | None = None
    times: int = 1
    skip: int = 0
    malformed_after: int | None = None
    stall_after: int | None = None
    slow: float = 0.0

    def next_place(self, played: int, disconnects: int, stalls: int = 0) -> int | None:
        """The count of events, not yet reached, at which the next fault is due."""
        places = [self.malformed_after]
        if not stalls:
            places.append(self.stall_after)
        if disconnects < self.times:
            places.append(self.disconnect_after)
        return min((p for p in places if p is not None and p > played), default=None)


def parse_faults(text: str) -> Faults:
    """Faults written as `disconnect-after=100,times=2`; raises UsageError."""
    values: dict[str, int | float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        if name not in NAMES:
            raise UsageError(f"no such fault: {name!r}", hint=f"there are {', '.join(NAMES)}")
        values[name.replace("-", "_")] = _value(name, value)
    if "disconnect_after" not in values and {"times", "skip"} & set(values):
        raise UsageError("times and skip need disconnect-after=N")
    return Faults(**values)  # type: ignore[arg-type]


def _value(name: str, text: str) -> int | float:
    try:
        if name == "slow":
            return parse_span(text) / SECOND
        number = int(text)
    except (DataError, ValueError):
        number = -1
    least = 0 if name == "skip" else 1
    if number < least:
        kind = "a length of time" if name == "slow" else f"a whole number from {least}"
        raise UsageError(f"fault {name} needs {kind}, not {text!r}")
    return number
