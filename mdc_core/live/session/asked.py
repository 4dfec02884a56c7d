"""What a feed asks for, and what of it is refused."""

from mdc_core.contracts import Refused, Subscription
from mdc_core.errors import Cause, UnavailableError

OLD_GOES_ON = "the old subscription goes on"


class Resubscribed(UnavailableError):  # noqa: N818 - on purpose, no error
    """The connection was closed by ourselves; the next is made at once."""

    cause: Cause = "resubscribe"


class Asked:
    """The subscription of a feed, the one before while a change is not settled, and refusals."""

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self._before: Subscription | None = None
        self._default: tuple[str, ...] = ()  # the channels that are meant by none
        self._refused: dict[str, set[str]] = {}  # the channels of each symbol
        self.refusals: dict[str, str] = {}  # of the last change: what was said, by symbol

    def anew(self, default: tuple[str, ...] = ()) -> None:
        """A connection is open, on which all of it is asked for: a change is still open there."""
        self._default = default
        self._refused.clear()

    def change(self, wanted: Subscription) -> None:
        """Ask for something else from now on; the one before is the last that was settled."""
        self.refusals = {}
        self._before, self.subscription = self._before or self.subscription, wanted

    @property
    def is_settled(self) -> bool:
        """Whether no change waits for an answer."""
        return self._before is None

    def settled(self) -> None:
        """The change is acknowledged."""
        self._before = None

    def refuse(self, refusal: Refused) -> str | None:
        """What to say of a refusal that leaves something; None if nothing is left.

        A refused change leaves the old subscription, a refused symbol the others.
        """
        for symbol in refusal.symbols or self.subscription.symbols:
            self.refusals[symbol] = refusal.text
        for symbol in refusal.symbols:
            self._refused.setdefault(symbol, set()).update(refusal.channels or self._channels)
        if refusal.symbols and not self._all_refused():
            return refusal.text
        return f"{refusal.text}; {OLD_GOES_ON}" if self.take_back() else None

    def take_back(self) -> bool:
        """Ask for the old subscription, unless there is none."""
        if self._before is None:
            return False
        self.subscription, self._before = self._before, None
        return True

    @property
    def _channels(self) -> tuple[str, ...]:
        return self.subscription.channels or self._default

    def _all_refused(self) -> bool:
        """Whether of each symbol all channels were refused, at once or one by one."""
        channels, symbols = set(self._channels), self.subscription.symbols
        return bool(symbols) and all(
            symbol in self._refused and channels <= self._refused[symbol] for symbol in symbols
        )
