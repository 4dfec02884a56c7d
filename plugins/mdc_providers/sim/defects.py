"""The defects that the simulator plants: how many of each kind, and where.

gap        sequence numbers are skipped
duplicate  an event is sent twice
crossed    a quote's bid is above its offer
late       an event is stamped earlier than the one before it
bad        a price of zero, or a thousand times too high, in turn
"""

import random
from collections.abc import Sequence

from mdc_core.plugin import UsageError

KINDS = ("gap", "duplicate", "crossed", "late", "bad")


def parse_defects(text: str) -> dict[str, int]:
    """The counts in a text such as `gap=3,crossed=5`."""
    counts: dict[str, int] = {}
    for part in filter(None, text.replace(" ", "").split(",")):
        kind, _, number = part.partition("=")
        if kind not in KINDS or not (number.isascii() and number.isdigit()):
            raise UsageError(
                f"not a defect: {part!r}", hint=f"say KIND=NUMBER with {', '.join(KINDS)}"
            )
        counts[kind] = counts.get(kind, 0) + int(number)
    return counts


class Defects:
    """The defects still to come: each is due at an event, and waits for one that suits it."""

    def __init__(self, counts: dict[str, int], window: int, rng: random.Random) -> None:
        kinds = [kind for kind, count in counts.items() for _ in range(count)]
        # A tenth of the window at most, and none in its last tenth: all of them find room.
        if len(kinds) > window // 10:
            raise UsageError(
                f"{len(kinds)} defects are too many for {window} events",
                hint="at most a tenth of --defect-window",
            )
        rng.shuffle(kinds)
        places = sorted(rng.sample(range(window // 10, window - window // 10), len(kinds)))
        self._planned = list(zip(places, kinds, strict=True))[::-1]
        self._waiting: list[str] = []
        self.remaining = len(kinds)
        self.next = self._next()

    def due(self, place: int, suited: Sequence[str]) -> str | None:
        """The defect to plant at this event, if one is due that suits it."""
        while self._planned and self._planned[-1][0] <= place:
            self._waiting.append(self._planned.pop()[1])
        found = next((kind for kind in self._waiting if kind in suited), None)
        if found is not None:
            self._waiting.remove(found)
            self.remaining -= 1
        self.next = self._next()
        return found

    def _next(self) -> float:
        """The event from which on `due` must be asked."""
        if self._waiting:
            return 0
        return self._planned[-1][0] if self._planned else float("inf")
