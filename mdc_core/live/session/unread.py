"""What a codec cannot read is kept and counted, until it is too much."""

from mdc_core.live.session.turn import Turn
from mdc_core.live.teller import FeedTeller

HOPELESS = 100  # frames in a row at which the codec fails, before it is given up
UNREAD = 1_000  # frames set aside before any event about an instrument has come, likewise


class Unread:
    """Sets aside what a codec cannot read, and gives up a codec that reads nothing."""

    __slots__ = ("_teller", "count", "failures", "good", "has_data")

    def __init__(self, teller: FeedTeller) -> None:
        self._teller = teller
        self.count = 0  # set aside
        self.failures = 0  # in a row
        self.good = 0  # frames at which the codec did not fail
        self.has_data = False  # an event about an instrument has come

    @property
    def is_all(self) -> bool:
        """Whether the codec failed at every frame."""
        return bool(self.failures and not self.good)

    def failed(self, raw: str | bytes | None, reason: str, turn: Turn) -> None:
        """The codec failed at a frame, or where there was none."""
        self.set_aside(raw if raw is not None else "", reason, None, turn)
        self.failures += 1
        if self.failures >= HOPELESS:
            turn.end(self._teller.hopeless(reason))

    def set_aside(self, raw: str | bytes, reason: str, symbol: str | None, turn: Turn) -> None:
        """Keep a frame, or an event, that nobody can read."""
        self.count += 1
        self._teller.set_aside(raw, reason, symbol, turn)
        if self.count >= UNREAD and not self.has_data:
            turn.end(self._teller.hopeless(reason))
