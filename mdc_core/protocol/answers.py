"""What a vendor was asked for and has not answered in time."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar

from mdc_core.contracts.live.effects import Effect, Reconnect
from mdc_core.events import Integrity
from mdc_core.times import from_ns

_SECOND = 1_000_000_000
_NAMED = 20  # symbols in the text of a finding
_TRIES = 6

Key = TypeVar("Key", bound=Hashable)


class Unanswered:
    """A subscription that is acknowledged as a whole: without an answer it is told, by name.

    The data that come show that it is up in part at the least, so the feed goes on. `late` has
    to be called now and then.
    """

    def __init__(self, name: str, within: float = 10.0) -> None:
        self._name, self._within = name, within
        self._wanted: Mapping[str, Iterable[str]] = {}
        self._due: int | None = None

    def asked(self, wanted: Mapping[str, Iterable[str]], now: int) -> None:
        """These symbols were asked for, by the channels' names.

        Without symbols it is the capture of others, of which nobody knows what was asked for.
        """
        self._wanted = wanted
        self._due = now + int(self._within * _SECOND) if any(wanted.values()) else None

    def answered(self) -> None:
        """The answer is there."""
        self._due = None

    def late(self, now: int) -> list[Integrity]:
        """The finding, once, when it is time."""
        if self._due is None or now < self._due:
            return []
        self._due = None
        symbols = [*dict.fromkeys(s for each in self._wanted.values() for s in each)]
        what = ", ".join(symbols[:_NAMED])
        if len(symbols) > _NAMED:
            what += f" and {len(symbols) - _NAMED} more"
        text = f"{self._name} has not acknowledged in {self._within:g} s: {what}"
        found = Integrity(ts_event=from_ns(now), check="subscription", severity="warning")
        found.message = f"{text} ({', '.join(self._wanted)})"
        found.extra = {"symbols": symbols, "channels": [*self._wanted]}
        return [found]


class Awaited(dict[Key, tuple[int, int]]):
    """What was asked for once more, such as a book behind a gap, until it comes.

    What does not come within 10 seconds is asked for again, and at last on another connection.
    `late` has to be called now and then.
    """

    def __init__(self, name: str, within: float = 10.0) -> None:
        super().__init__()
        self._name, self._within = name, int(within * _SECOND)

    def asked(self, now: int, *keys: Key) -> None:
        """These were asked for."""
        for key in keys:
            self.setdefault(key, (now + self._within, 1))

    def came(self, key: Key) -> None:
        """This is there."""
        self.pop(key, None)

    def late(self, now: int, ask: Callable[[list[Key]], Iterable[Effect]]) -> list[Effect]:
        """Ask for what has not come."""
        late = [key for key, (due, _) in self.items() if now >= due]
        if any(self[key][1] >= _TRIES for key in late):
            return [Reconnect(f"{self._name} does not send again: {', '.join(map(str, late))}")]
        for key in late:
            self[key] = now + self._within, self[key][1] + 1
        return [*ask(late)] if late else []
