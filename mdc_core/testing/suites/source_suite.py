"""The suite for sources: simulators, and vendors' own libraries."""

from collections.abc import Iterator
from typing import ClassVar

from mdc_core.contracts import Source, Subscription
from mdc_core.events import Event
from mdc_core.testing.suites.plugin_suite import ProviderSuite, check_wire


class SourceSuite(ProviderSuite):
    """Set `source`; a source that owns a socket sets `pure = repeatable = False`."""

    source: ClassVar[type[Source]]
    symbols: ClassVar[tuple[str, ...]] = ("TEST",)
    channels: ClassVar[tuple[str, ...]] = ()
    count: ClassVar[int] = 2000
    repeatable: ClassVar[bool] = True

    def plugin(self) -> type[Source]:
        """The class under test."""
        return self.source

    def first(self) -> list[Event]:
        """The first events of a new source."""
        wanted = Subscription(self.symbols, self.channels)
        source = self.source(wanted, self.make_options(), self.make_secrets())
        return list(_take(source.events(), self.count))

    def test_channels(self) -> None:
        """What is subscribed to by default can be subscribed to."""
        assert self.source.channels, "channels is empty"
        assert set(self.source.default_channels) <= set(self.source.channels)

    def test_wire(self) -> None:
        """The source has events, and every one survives the wire."""
        events = self.first()
        assert events, "the source has no event"
        check_wire(events)

    def test_repeatable(self) -> None:
        """The same options give the same events."""
        if self.repeatable:
            assert self.first() == self.first()


def _take(lists: Iterator[object], count: int) -> Iterator[Event]:
    for events in lists:
        assert isinstance(events, list | tuple), "events() yields lists"
        for event in events:
            assert isinstance(event, Event), event
            if not count:
                return
            count -= 1
            yield event
