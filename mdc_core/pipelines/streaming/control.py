"""What a stream that runs can be told and asked by `mdc ctl`."""

import os
import time
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from mdc_core.control import WITHIN
from mdc_core.errors import MdcError, RefusedError, UnavailableError, UsageError
from mdc_core.live.feed import Feed, LineState
from mdc_core.live.heartbeat import HeartbeatMaker
from mdc_core.logs import Mask
from mdc_core.texts import encodable
from mdc_core.times import from_ns

if TYPE_CHECKING:
    from mdc_core.events import Heartbeat

_ANSWERED = WITHIN / 2  # seconds for a change, with what the vendor says of it
_LOOK = 0.02
_MEASURED = ("rate", "lag_p50", "lag_p99", "clock_offset")  # of a heartbeat


class SymbolChange(NamedTuple):
    """Symbols that a feed is told to add and to drop, and whom to tell what came of it."""

    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    told: Callable[[str | MdcError], None] = lambda answer: None


class _Refused(NamedTuple):
    """What a vendor refuses of a change, and in which words."""

    symbols: tuple[str, ...]
    text: str


class FeedControl:
    """Carries out the requests of `mdc ctl` for one feed; in the thread of its socket."""

    def __init__(
        self,
        feed: Feed,
        about: Mapping[str, Any],
        changes: SimpleQueue[SymbolChange],
        counted: Callable[[], int],
        heartbeats: HeartbeatMaker | None,
        mask: Mask,
    ) -> None:
        self._feed, self._about, self._changes, self._mask = feed, about, changes, mask
        self._counted, self._heartbeats = counted, heartbeats
        self._since = from_ns(time.time_ns())

    def __call__(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request; raises MdcError for what cannot be done."""
        match request.get("do"):
            case "status":
                return self._status()
            case "subscribe":
                return self._subscribe(_symbols(request))
            case "unsubscribe":
                return self._unsubscribe(self._asked_of(_symbols(request)))
            case "reset":
                return self._reset(_symbols(request))
            case other:
                raise UsageError(f"cannot do {other!r}")

    def _status(self) -> dict[str, Any]:
        buffer, lines = self._feed.buffer, self._feed.states
        events = self._counted()
        found = {
            **self._about,
            "pid": os.getpid(),
            "since": self._since,
            "state": "up" if lines and all(line.state == "up" for line in lines) else "down",
            "events": events,
            "buffered": buffer.waiting,
            "dropped": buffer.dropped.total(),
            **dict.fromkeys(_MEASURED),
            "lines": [self._line(line) for line in lines],
        }
        if self._heartbeats is not None:
            beat = self._heartbeats.since(events, time.time_ns())
            found |= {name: _number(beat, name) for name in _MEASURED}
        return found

    def _line(self, line: LineState) -> dict[str, Any]:
        failure = None if line.failure is None else self._mask(line.failure)
        told = {"state": line.state, "breaker": line.breaker, "failure": failure}
        return {**told, "symbols": list(line.symbols)}

    def _subscribe(self, symbols: tuple[str, ...]) -> dict[str, Any]:
        """Ask for more symbols, and wait for what the vendor says of them, if it says anything."""
        told = self._answered(SymbolChange(add=symbols), lambda: self._answer_to(symbols))
        if isinstance(told, dict):
            return told
        # Asked for no more: not with the next change, which it may refuse, nor when connecting.
        self._change(SymbolChange(drop=tuple(told.symbols)))
        taken = sorted(set(symbols) - set(told.symbols))
        rest = f"; asks for {', '.join(taken)} now" if taken else ""
        raise RefusedError(f"refused: {told.text}{rest}")

    def _unsubscribe(self, symbols: tuple[str, ...]) -> dict[str, Any]:
        """Ask for fewer symbols, and wait for what the vendor says."""
        told = self._answered(SymbolChange(drop=symbols), lambda: self._still_asked(symbols))
        if isinstance(told, dict):
            return told
        self._change(SymbolChange(add=tuple(told.symbols)))  # as it is
        raise RefusedError(f"refused: {told.text}")

    def _answered(
        self, change: SymbolChange, look: Callable[[], dict[str, str] | None]
    ) -> "dict[str, Any] | _Refused":
        """The answer to a change, once the vendor's is there, if it says anything in time."""
        until = time.monotonic() + _ANSWERED
        told = self._change(change)
        found, before = look(), None
        # Twice the same: a line that takes the change over may still have the words of another.
        while (found is None or found != before) and time.monotonic() < until:
            time.sleep(_LOOK)
            found, before = look(), found
        if found is None:
            return {"told": f"{told['told']}, and the vendor has not answered yet"}
        if not found:
            return told
        texts = dict.fromkeys(f"{self._mask(text)}" for text in found.values())
        return _Refused(tuple(found), "; ".join(texts))

    def _still_asked(self, symbols: tuple[str, ...]) -> dict[str, str] | None:
        """Which of these the vendor goes on to send, in which words; None: not answered yet."""
        states = self._feed.states
        if any(line.granted is None and line.refusals is not None for line in states):
            return None
        kept = {s: line for line in states for s in line.symbols if s in symbols}
        return {symbol: self._why(line, symbol) for symbol, line in kept.items()}

    @staticmethod
    def _why(line: LineState, symbol: str) -> str:
        said = line.refusals or {}
        words = said.get(symbol) or next(iter(said.values()), None)
        return words or line.failure or f"{symbol} is asked for as before"

    def _answer_to(self, symbols: tuple[str, ...]) -> dict[str, str] | None:
        """What is refused of these symbols, in which words; None: not all are answered yet."""
        states = self._feed.states
        asked = {symbol for line in states for symbol in line.symbols}
        refused = dict[str, str]()
        for symbol in symbols:
            mine = [line for line in states if symbol in line.symbols] or states
            if any(line.granted is None and line.refusals is not None for line in mine):
                return None
            words = ((line.refusals or {}).get(symbol) for line in mine)
            text = next(filter(None, words), None)
            if text is not None or symbol not in asked:
                why = next((line.failure for line in states if line.failure), None)
                refused[symbol] = text or why or f"{symbol} is not asked for any more"
        return refused

    def _change(self, change: SymbolChange) -> dict[str, Any]:
        answers = SimpleQueue[str | MdcError]()
        self._changes.put(change._replace(told=answers.put))
        try:
            answer = answers.get(timeout=WITHIN / 2)
        except Empty:
            raise UnavailableError("it has not answered: what reads its events is slow") from None
        if isinstance(answer, MdcError):
            raise answer
        return {"told": answer}

    def _asked_of(self, symbols: tuple[str, ...]) -> tuple[str, ...]:
        """The symbols; raises UsageError for one that the feed does not ask for."""
        asked = {symbol for line in self._feed.states for symbol in line.symbols}
        if missing := sorted(set(symbols) - asked):
            raise UsageError(f"it does not ask for {', '.join(missing)}")
        return symbols

    def _reset(self, symbols: tuple[str, ...]) -> dict[str, Any]:
        count = self._feed.renew(self._asked_of(symbols))
        if not count:
            raise UnavailableError("there is no connection to be made anew")
        return {"told": "connects anew", "connections": count}


def _symbols(request: Mapping[str, Any]) -> tuple[str, ...]:
    found = request.get("symbols")
    if not isinstance(found, list) or not found or not all(map(_is_symbol, found)):
        raise UsageError("symbols are a list of texts")
    return tuple(found)


def _is_symbol(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and encodable(value) == value


def _number(beat: "Heartbeat", name: str) -> str | None:
    value = getattr(beat, name)
    return None if value is None else format(value, "f")
