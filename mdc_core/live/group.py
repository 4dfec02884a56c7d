"""Several connections of one feed: a subscription divided by endpoints and declared limits."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from mdc_core.contracts import Endpoint, Lengths, Limits, Lines, Stream, Subscription
from mdc_core.errors import MdcError, PluginError, UsageError
from mdc_core.live.feed import Change
from mdc_core.live.line import StreamLine
from mdc_core.texts import counted


class SubscriptionShare(Struct, frozen=True):
    """What one connection has of the whole."""

    endpoint: Endpoint
    subscription: Subscription


MakeLine = Callable[[SubscriptionShare, str], StreamLine]
_FIELDS: dict[str, tuple[type, ...]] = {  # of an endpoint, and what they may be
    "url": (str,),
    "headers": (Mapping,),
    "framing": (str, Lines, Lengths),
    "subprotocols": (tuple,),
    "share": (Subscription, type(None)),
    "query": (Mapping,),
}


def checked(endpoints: object, wrong: Callable[[str], MdcError]) -> Sequence[Endpoint]:
    """What a codec says its endpoints are; for anything else, what is `wrong` is raised."""
    if not isinstance(endpoints, (list, tuple)):
        raise wrong(f"endpoints() gives a {type(endpoints).__name__}, not a list of Endpoint(...)")
    for endpoint in endpoints:
        if not isinstance(endpoint, Endpoint):
            raise wrong(f"endpoints() has a {type(endpoint).__name__}, not an Endpoint(...)")
        for name, kinds in _FIELDS.items():
            value = getattr(endpoint, name)
            if not isinstance(value, kinds):
                raise wrong(f"the {name} of an endpoint is a {type(value).__name__}")
    return endpoints


def divided(
    endpoints: Sequence[Endpoint],
    wanted: Subscription,
    limits: Limits,
    before: Sequence[SubscriptionShare] = (),
) -> list[SubscriptionShare]:
    """One share a connection; a symbol stays where it was before, and so does an empty share."""
    found: list[SubscriptionShare] = []
    for endpoint in endpoints:
        part = endpoint.share or wanted
        asked = set(part.symbols)
        had = [share for share in before if share.endpoint.url == endpoint.url]
        kept = [[s for s in share.subscription.symbols if s in asked] for share in had]
        channels = part.channels or wanted.channels
        for symbols in _filled(kept or [[]], part.symbols, limits.symbols):
            found.append(SubscriptionShare(endpoint, Subscription(tuple(symbols), channels)))
    _keep_to(limits, sum(bool(share.subscription.symbols) for share in found))
    return found


def by_symbols(limits: Limits, channels: int) -> Limits:
    """The same limits; that of subscriptions as one of symbols with so many channels each."""
    if limits.subscriptions is None:
        return limits
    most = max(limits.subscriptions // max(channels, 1), 1)
    return replace(limits, symbols=min(most, limits.symbols or most))


def _filled(groups: list[list[str]], symbols: Sequence[str], most: int | None) -> list[list[str]]:
    """The groups with every symbol in one of them, at most so many in each."""
    have = {symbol for group in groups for symbol in group}
    for symbol in symbols:
        if symbol in have:
            continue
        room = next((g for g in groups if most is None or len(g) < most), None)
        if room is None:
            groups.append([symbol])
        else:
            room.append(symbol)
    return groups


def _keep_to(limits: Limits, count: int) -> None:
    if limits.connections is not None and count > limits.connections:
        raise UsageError(
            f"this needs {counted(count, 'connection')}, "
            f"and the vendor allows {limits.connections}",
            hint=f"at most {counted(limits.symbols, 'symbol')} for each connection"
            if limits.symbols
            else None,
        )


class LineGroup:
    """The lines of a feed, and how they change when the subscription does."""

    def __init__(
        self,
        probe: Callable[[Subscription], Stream],
        wanted: Subscription,
        make_line: MakeLine,
        wrong: Callable[[str], MdcError] = PluginError,
    ) -> None:
        self._probe, self._make = probe, make_line
        self._wrong = wrong  # what is said of a codec whose endpoints are none
        self._made = 0
        self._shares = self._divided(wanted, ())
        self._several = len(self._shares) > 1
        self._lines: dict[tuple[str, int], StreamLine] = {}
        for key, share in self._keyed().items():
            self._lines[key] = self._line(share)

    @property
    def lines(self) -> list[StreamLine]:
        """The lines there are."""
        return list(self._lines.values())

    def subscribe(self, wanted: Subscription) -> Change:
        """Ask for this instead."""
        self._lines = {key: line for key, line in self._lines.items() if line.asked is not None}
        before = {key: self._as_it_is(key, share) for key, share in self._keyed().items()}
        self._shares = self._divided(wanted, tuple(before.values()))
        self._several = self._several or len(self._shares) > 1
        new, gone, told = [], [], []
        for key, share in self._keyed().items():
            line = self._lines.get(key)
            if not share.subscription.symbols and line is not None:
                gone.append(line)
            elif share.subscription.symbols and line is None:
                new.append(self._line(share))
                self._lines[key] = new[-1]
            elif line is not None and share.subscription != before[key].subscription:
                line.resubscribe(share.subscription)
                told.append(line)
        return Change(new, gone, told)

    def _as_it_is(self, key: tuple[str, int], share: SubscriptionShare) -> SubscriptionShare:
        """What a connection has, which is not what was asked for last if that was refused."""
        line = self._lines.get(key)
        asked = line.asked if line is not None else None
        return replace(share, subscription=asked or Subscription((), share.subscription.channels))

    def _divided(
        self, wanted: Subscription, before: Sequence[SubscriptionShare]
    ) -> list[SubscriptionShare]:
        stream = self._probe(wanted)
        endpoints = checked(stream.endpoints(), self._wrong)
        channels = len(wanted.channels or stream.default_channels)
        return divided(endpoints, wanted, by_symbols(stream.limits, channels), before)

    def _keyed(self) -> dict[tuple[str, int], SubscriptionShare]:
        """The shares by their endpoint's URL and their place behind it."""
        counts: Counter[str] = Counter()
        keyed = {}
        for share in self._shares:
            url = share.endpoint.url
            keyed[url, counts[url]] = share
            counts[url] += 1
        return keyed

    def _line(self, share: SubscriptionShare) -> StreamLine:
        name = ""
        if self._several:
            self._made += 1
            name = f"{self._made}."
        return self._make(share, name)
