"""Frames of a mock server that are lost, come twice or are altered on their way."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from mdc_core.contracts import Busy, Maintenance, Reconnect, Stream
from mdc_core.events import Delta, Event, Gap
from mdc_core.testing.stream.round_trip import TROUBLE, Conversation, Frames
from mdc_core.testing.stream.tape import books

Damage = Callable[[Frames], Frames]
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NEAR = 3  # levels from the best, which every checksum is about


def lose(frames: Frames) -> Frames:
    """The last of the frames is lost."""
    return frames[:-1]


def repeat(frames: Frames) -> Frames:
    """The last of the frames comes twice."""
    return [*frames, *frames[-1:]]


def alter(value: Decimal, frames: Frames) -> Frames:
    """The first digit of this value is another one in the last frame; the same if it has none."""
    last = frames[-1] if frames else b""
    digits = _digits(str(value))
    if isinstance(last, bytes) or not digits:
        return frames
    for found in _NUMBER.finditer(last):
        if _digits(found[0]) == digits:
            at = found.start() + re.search("[1-9]", found[0]).start()  # type: ignore[union-attr]
            other = str(int(last[at]) % 9 + 1)
            return [*frames[:-1], last[:at] + other + last[at + 1 :]]
    return frames


def _digits(text: str) -> str:
    """The digits of a number, whatever its scale."""
    return text.replace(".", "").strip("0")


class Aftermath:
    """What a codec gives from the damage on."""

    def __init__(
        self,
        talk: Conversation,
        played: Sequence[Event],
        at: int,
        damage: Damage,
        delay: int = 0,
    ) -> None:
        for event in played[:at]:
            talk.feed([event])
        first, asked, sent, talk.delay = len(talk.given), talk.asked, talk.sent, delay
        self.frames: list[Frames] = []

        def damaged(frames: Frames) -> Frames:
            self.frames = [frames, damage(frames)]
            return self.frames[1]

        talk.feed([played[at]], damaged)
        for event in played[at + 1 :]:
            if talk.hung_up:
                break
            talk.feed([event])
        talk.settle()
        self.given, self.sent = talk.given[first:], talk.sent - sent
        self.gaps = [item for item in self.given if isinstance(item, Gap)]
        ended = any(isinstance(item, Reconnect | Busy | Maintenance) for item in self.given)
        self.is_told = ended or talk.asked > asked or any(map(_is_trouble, self.given))
        self.is_right = ended or talk.hung_up or books(talk.given) == books(played)

    @property
    def is_damaged(self) -> bool:
        """Whether the frames were other ones than the mock server gave."""
        return self.frames[0] != self.frames[1]


def _is_trouble(item: Any) -> bool:
    return isinstance(item, TROUBLE)


def key(stream: type[Stream], event: Event) -> tuple[str | None, ...]:
    """Within what the number of an event counts."""
    wholly = {"connection": (), "channel": (event.channel,)}
    return wholly.get(stream.sequence or "", (event.channel, event.symbol))


def near_changes(played: Sequence[Event]) -> list[int]:
    """The places of the changes that are near the best price, and leave a level there."""
    found = []
    for number, event in enumerate(played):
        if not isinstance(event, Delta) or not event.size or event.side is None:
            continue
        levels = books(played[: number + 1])[event.symbol or ""][event.side]
        if event.price in sorted(levels, reverse=event.side == "bid")[:_NEAR]:
            found.append(number)
    return found
