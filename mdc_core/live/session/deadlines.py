"""When a connection has been silent for too long, or has not been answered in time."""

from msgspec import Struct

from mdc_core.times import SECOND

NEVER = 2**63


class Timing(Struct, frozen=True):
    """Seconds after which a silent connection is asked for a sign of life, or given up.

    Without `stale`, that of the provider holds: `Stream.silence`. `renews` makes another
    connection where the codec finds that something is missing, or wrong.
    """

    stale: float | None = None
    ping: float = 10.0
    pong: float = 20.0
    renews: bool = False


class Deadlines:
    """The deadlines of one connection, in nanoseconds since 1970."""

    answer_due: int  # to the login, or to a change of what is asked for

    def __init__(self, timing: Timing, now: int, login_within: float, *, pings: bool) -> None:
        self.timing = timing
        self._pings = pings
        self._heard = self._pinged = now
        self._pong_due = NEVER
        self.awaits_answer(now, login_within)

    def awaits_answer(self, now: int, within: float) -> None:
        """From now on the other side has so many seconds to answer."""
        self.answer_due = now + int(within * SECOND)

    def next(self) -> int:
        """The first of them."""
        return min(self.answer_due, self._stale_due(), self._ping_due())

    def heard(self, now: int) -> None:
        """A frame came; it is a sign of life as well."""
        self._heard = now
        self._pong_due = NEVER

    def ponged(self, now: int) -> None:
        """A ping was answered."""
        self._pinged = now
        self._pong_due = NEVER

    def pinged(self, now: int) -> None:
        """A ping is sent."""
        self._pinged, self._pong_due = now, now + int(self.timing.pong * SECOND)

    def wants_ping(self, now: int) -> bool:
        """Whether the silence is long enough to ask for a sign of life."""
        return now >= self._ping_due()

    def passed(self, now: int) -> str | None:
        """Why the connection is taken for dead, None if it is not."""
        if now >= self._stale_due():
            return f"nothing received for {self.timing.stale:g} s"
        if now >= self._pong_due:
            return f"no answer to a ping for {self.timing.pong:g} s"
        return None

    def _stale_due(self) -> int:
        stale = self.timing.stale
        return NEVER if stale is None else self._heard + int(stale * SECOND)

    def _ping_due(self) -> int:
        if not self._pings:
            return NEVER
        if self._pong_due != NEVER:
            return self._pong_due
        return max(self._heard, self._pinged) + int(self.timing.ping * SECOND)
