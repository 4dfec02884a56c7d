"""Frames that came at once give what they give one by one, whatever is among them."""

import random
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from mdc_core.contracts import Bad, Items, Reconnect, Send, Stream, Subscription, Up
from mdc_core.errors import DataError
from mdc_core.events import Event, Gap, Integrity, Status, Trade
from mdc_core.live.session.actions import Action, Disconnect, FrameAside, Put, Warn
from mdc_core.live.session.connection import FeedSession
from mdc_core.live.upkeep.loss import Loss
from mdc_core.logs import Mask
from mdc_core.times import SECOND, from_ns
from mdc_core.wire.lines.jsonl import encode_json

START = 1_700_000_000 * SECOND
WORDS = (
    "t",
    "t",
    "t",
    "t",
    "tt",
    "tttt",
    "",
    "g",
    "i",
    "s",
    "u",
    "b",
    "d",
    "x",
    "tx",
    "tz",
    "f",
    "n",
    "!",
)


class Wordy(Stream):
    """Each letter of a frame is an item, or a fault."""

    every = 1.0
    number = 0

    def opened(self, now: int) -> Items:
        return [Send("hello")]

    def tick(self, now: int) -> Items:
        return [Send(f"tick {now}")]

    def receive(self, frame: str | bytes, now: int) -> Any:
        return self._items(str(frame), now) if "x" in frame else [*self._items(str(frame), now)]

    def _items(self, frame: str, now: int) -> Any:
        for letter in frame:
            self.number += 1
            trade = Trade(symbol=f"S{self.number % 3}", ts_event=from_ns(now - 9_000 + self.number))
            trade.seq, trade.price, trade.size = self.number, Decimal(self.number), Decimal(1)
            if letter == "f":
                trade.price = 1.5  # type: ignore[assignment]
            if letter == "x":
                raise DataError(f"fault {self.number}")
            if letter == "z":
                raise ZeroDivisionError
            others = {
                "g": Gap(symbol="S1", reason="sequence", count=2),
                "i": Integrity(check="sequence", severity="warning", message="odd"),
                "s": Send(f"answer {self.number}"),
                "u": Up(),
                "b": Bad("raw", "not of use"),
                "d": Status(status="halted", symbol="S2"),
                "n": 5,
                "!": Reconnect("told to"),
            }
            yield others.get(letter, trade)


def session_of() -> FeedSession:
    make = lambda wanted: Wordy(wanted, None, {})  # noqa: E731
    return FeedSession("wordy", make, Subscription(("S0", "S1", "S2")), mask=Mask())


def told(actions: list[Action]) -> list[Any]:
    """What is done, event by event."""
    out: list[Any] = []
    for action in actions:
        match action:
            case Put(events):
                out += [encode_json(event) for event in events if isinstance(event, Event)]
            case Send(frame) | Warn(frame):
                out.append(frame)
            case FrameAside(raw, reason, where):
                out.append((raw, reason, where))
            case Disconnect(error):
                out.append(str(error))
    return out


def until_disconnect(session: FeedSession, frames: list[str], ns: int) -> tuple[list[Any], int]:
    """What frames lead to one by one, and how many are looked at."""
    out: list[Any] = []
    for number, frame in enumerate(frames, 1):
        actions = session.received(frame, ns)
        out += told(actions)
        if any(isinstance(action, Disconnect) for action in actions):
            return out, number
    return out, len(frames)


def _keep(kept: list[tuple[int, str | bytes]], ns: int, frame: str | bytes) -> None:
    kept.append((ns, frame))


@pytest.mark.parametrize("seed", range(60))
def test_frames_at_once_are_as_one_by_one(seed: int) -> None:
    chance = random.Random(seed)
    one, other = session_of(), session_of()
    ns = START
    for session in (one, other):
        session.connecting(ns)
        assert told(session.opened(ns)) == ["hello"]
    for _ in range(60):
        ns += chance.choice((1, 1_000_000, SECOND // 3, 3 * SECOND))
        words = WORDS if chance.random() < 0.5 else ("t", "tt")
        frames = [chance.choice(words) for _ in range(chance.choice((1, 3, 40)))]
        wanted, count = until_disconnect(one, frames, ns)
        got: list[Any] = []
        kept: list[tuple[int, str | bytes]] = []
        keep = partial(_keep, kept)
        for actions in other.came(frames, ns, keep):
            got += told(actions)
            if any(isinstance(action, Disconnect) for action in actions):
                break
        assert got == wanted
        assert kept == [(ns, frame) for frame in frames[:count]]
        if count < len(frames) or any("told to" in str(word) for word in wanted):
            ends = [told(s.closed(Loss("gone", "network", 0.0), ns)) for s in (one, other)]
            ends += [told(s.opened(ns + 1)) for s in (one, other)]
            assert ends[0] == ends[1] and ends[2] == ends[3]
            ns += 1
    assert told(one.finish()) == told(other.finish())
