"""What one call of a codec has led to, in the order in which it is to be done."""

from msgspec import Struct

from mdc_core.errors import MdcError
from mdc_core.events import Event
from mdc_core.live.session.actions import Action, Disconnect, Put


class Turn(Struct):
    """What one call of a codec has led to so far."""

    stamp: str | None
    events: list[Event] = []
    gaps: list[int] = []  # where among them the codec's are
    rest: list[Action] = []
    error: MdcError | None = None

    def end(self, error: MdcError) -> None:
        """Close the connection behind what has come; the first reason counts."""
        self.error = self.error or error

    def actions(self) -> list[Action]:
        """Events first, for they came before the answers to them."""
        events: list[Action] = [Put(self.events)] if self.events else []
        if not self.rest and self.error is None:
            return events
        last: list[Action] = [Disconnect(self.error)] if self.error is not None else []
        return [*events, *self.rest, *last]
