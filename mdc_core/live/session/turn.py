"""What one call of a codec has led to, in the order in which it is to be done."""

from mdc_core.errors import MdcError
from mdc_core.events import Event
from mdc_core.live.session.actions import Action, Disconnect, Put


class Turn:
    """What one call of a codec has led to so far."""

    __slots__ = ("_error", "events", "rest", "stamp")

    def __init__(self, stamp: str | None) -> None:
        self.stamp = stamp
        self.events: list[Event] = []
        self.rest: list[Action] = []
        self._error: MdcError | None = None

    def end(self, error: MdcError) -> None:
        """Close the connection behind what has come; the first reason counts."""
        self._error = self._error or error

    def actions(self) -> list[Action]:
        """Events first, for they came before the answers to them."""
        events: list[Action] = [Put(self.events)] if self.events else []
        if not self.rest and self._error is None:
            return events
        last: list[Action] = [Disconnect(self._error)] if self._error is not None else []
        return [*events, *self.rest, *last]
