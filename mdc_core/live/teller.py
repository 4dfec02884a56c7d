"""What is told of a feed, and under which name."""

from collections.abc import Iterable

import msgspec

from mdc_core.contracts.live.effects import Refused
from mdc_core.contracts.live.feeds import Scope
from mdc_core.errors import DataError, UnavailableError
from mdc_core.events import Connection, Event, Integrity
from mdc_core.live.session.actions import FrameAside, Warn
from mdc_core.live.session.freshness import Silence
from mdc_core.live.session.turn import Turn
from mdc_core.live.upkeep.loss import Loss
from mdc_core.logs import Mask
from mdc_core.texts import encodable, said
from mdc_core.times import MAX_NS, SECOND, from_ns, to_ns

_LONGEST = 1e9  # seconds: a vendor may ask for any wait
MOST = 100  # different warnings that are given once each
_NAMES = 1_000  # of channels that are kept


class FeedTeller:
    """Tells of one feed: warnings, findings, gaps; no secret is in them."""

    def __init__(self, name: str, *, owner: str | None, line: str, mask: Mask) -> None:
        self.name, self.owner, self.mask = name, owner or name, mask
        self._line = line
        self._told: set[str] = set()
        self._has_unread = False
        self.connection(1, "symbol")

    def connection(self, number: int, sequence: Scope | None, *, sparse: bool = False) -> None:
        """From here on it is about this connection, such as `alpaca-1`.

        Events say it as `plain`, or as `named`; behind a slash stands what has its own sequence,
        behind a tilde what has one for each symbol, with numbers that are skipped.
        """
        self.channel = f"{self.name}-{self._line}{number}"
        self.plain = f"{self.channel}/*" if sequence == "connection" else self.channel
        self._names: dict[str | None, str] = {None: self.plain}
        self._sequence = sequence
        self._mark = "/" if sequence == "channel" else "~" if sparse else ":"

    def named(self, name: str) -> str:
        """The channel of an event whose codec names one."""
        if self._sequence == "connection":
            return self.plain
        return f"{self.channel}{self._mark}{name}"

    def sign(self, events: Iterable[Event], stamp: str | None) -> None:
        """Say of events by whom and by which connection they came, and when."""
        name, names = self.name, self._names
        for event in events:
            if event.ts_recv is None:
                event.ts_recv = stamp
            event.provider = name
            try:
                event.channel = names[event.channel]
            except (KeyError, TypeError):  # TypeError: what cannot be a name is told later
                channel = event.channel
                event.channel = full = self.named(channel)  # type: ignore[arg-type]
                if isinstance(channel, str) and len(names) < _NAMES:
                    names[channel] = full

    def about_us(self, event: Event, stamp: str | None) -> Event:
        """An event about the feed itself, of this time."""
        event.ts_event = event.ts_recv = stamp
        event.provider, event.channel = self.name, self.channel
        for name in ("symbol", "reason", "message", "extra"):
            if (told := getattr(event, name, None)) is not None:
                setattr(event, name, encodable(told))  # a vendor's words may be no Unicode
        return event

    def up(self, stamp: str | None, attempt: int, *, again: bool) -> Event:
        """The connection is up, with this try since it was."""
        state = "resubscribed" if again else "up"
        return self.about_us(Connection(state=state, attempt=attempt, breaker="closed"), stamp)

    def down(self, stamp: str | None, attempt: int, loss: Loss) -> Event:
        """There is no connection; this try is the next."""
        return self.about_us(down(stamp, attempt, loss, self.mask), stamp)

    def refusal(self, text: str, refusal: Refused, stamp: str | None) -> Event:
        """The vendor refuses these symbols, or channels of them, or a change."""
        finding = Integrity(check="subscription", severity="warning", message=self.mask(text))
        named = {"symbols": list(refusal.symbols), "channels": list(refusal.channels)}
        finding.extra = {name: words for name, words in named.items() if words} or None
        return self.about_us(finding, stamp)

    def silence(self, silence: Silence, stamp: str | None) -> Event:
        """A channel, or a symbol of one, has gone silent, or is so no more."""
        severity = "info" if silence.is_over else "error" if silence.is_hopeless else "warning"
        finding = Integrity(check="freshness", severity=severity, message=str(silence))
        finding.symbol, finding.about = silence.symbol, silence.channel
        finding.extra = {"asset": silence.asset} if silence.asset else None
        return self.about_us(finding, stamp)

    def set_aside(self, raw: str | bytes, reason: str, symbol: str | None, turn: Turn) -> None:
        """A frame, or an event, that nobody can read."""
        reason = self.mask(reason)
        raw = self.mask.frame(raw)
        where = {"provider": self.name, "channel": self.channel, "ts_recv": turn.stamp}
        turn.rest.append(FrameAside(raw, reason, where))
        finding = Integrity(symbol=symbol, check="frame", severity="error", message=reason)
        turn.events.append(self.about_us(finding, turn.stamp))

    def warn(self, text: str, turn: Turn) -> None:
        """Tell people."""
        turn.rest.append(Warn(self.mask(text)))

    def warn_once(self, text: str, turn: Turn) -> None:
        """Tell people, unless they know."""
        if text not in self._told and len(self._told) < MOST:
            self._told.add(text)
            self.warn(text, turn)

    def unread(self, reason: str, turn: Turn) -> None:
        """The first frame that cannot be read; the others are counted, and kept."""
        if not self._has_unread:
            self._has_unread = True
            self.warn(f"{self.owner} cannot read a frame, which is set aside: {reason}", turn)

    def failure(self, error: BaseException, turn: Turn) -> str:
        """What is said of a codec that fails, to people once."""
        text = f"{self.owner} fails: {type(error).__name__}: {said(error)}"
        self.warn_once(text, turn)
        return text

    def hopeless(self, reason: str = "") -> DataError:
        """The codec reads nothing."""
        tail = f": {reason}" if reason else ""
        return DataError(
            f"{self.owner} cannot read what the vendor sends{self.mask(tail)}",
            hint="the frames are in the quarantine file; report them to the plugin's author",
        )

    def unanswered(self, within: float, *, again: bool) -> UnavailableError:
        """The login, or a change of what is asked for, had no answer in time."""
        what = "change of the subscription" if again else "login"
        return UnavailableError(
            f"{self.name}: the {what} was not answered within {within:g} s",
            cause="stall" if again else "login",
        )


def down(stamp: str | None, attempt: int, loss: Loss, mask: Mask) -> Connection:
    """There is no connection since this time; this try is the next, if there is one."""
    event = Connection(state="down", reason=mask(loss.reason), cause=loss.cause)
    event.breaker = loss.breaker
    if loss.retry_in is not None:
        event.attempt = attempt
        if stamp is not None:
            at = to_ns(stamp) + int(min(loss.retry_in, _LONGEST) * SECOND)
            event.retry_at = from_ns(min(at, MAX_NS))
    return event


def json_of(event: Event) -> str:
    """An event that cannot be written, as text for people."""
    try:
        return msgspec.json.encode(event).decode()
    except (msgspec.EncodeError, TypeError, UnicodeError, OverflowError):
        return repr(event)
    except RecursionError:
        return f"{type(event).__name__} of {event.symbol}, too deep to be shown"
