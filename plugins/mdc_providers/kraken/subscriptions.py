"""What is asked of Kraken, and what it has answered: one answer for each symbol of a request."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mdc_core.plugin import Effect, Refused, Send, Up, from_ns
from mdc_providers.kraken.messages import Answer, encode
from mdc_providers.kraken.provider import NAMES

Pair = tuple[str, str]  # a channel, by Kraken's name, and a symbol
_PER_REQUEST = 100  # symbols; Kraken names no limit
_ANSWER_WITHIN = 8_000_000_000  # nanoseconds, less than `login_within`
_HINT = "Kraken's symbols are like BTC/USD: capitals, a slash, BTC for XBT, DOGE for XDG"


class Subscriptions:
    """The subscriptions of a connection.

    `params` are those of a channel beside its symbols. Symbols that are refused are told when all
    are answered, those that are not answered in time as well; the others go on.
    """

    def __init__(self, params: Mapping[str, Mapping[str, Any]]) -> None:
        self.is_up = False
        self.on: dict[Pair, None] = {}  # what was accepted
        self._params = params
        self._numbers = itertools.count(1)
        self._asked: dict[int, str] = {}  # the channel of a request
        self._open: dict[Pair, None] = {}  # not answered
        self._refused: dict[Pair, str] = {}
        self._wanted: list[Pair] = []
        self._leaving: dict[Pair, None] = {}  # to be unsubscribed, when the others are answered
        self._left: dict[Pair, None] = {}  # whose end is not acknowledged
        self._due: int | None = None

    @property
    def is_settled(self) -> bool:
        """Whether everything is answered."""
        return not (self._open or self._leaving or self._left)

    def begin(self, wanted: Sequence[Pair], now: int) -> Iterable[Effect]:
        """Ask for these pairs, and for no others any more."""
        self._wanted = list(wanted)
        self._refused.clear()
        self._leaving = {pair: None for pair in self.on if pair not in set(wanted)}
        self._open = {pair: None for pair in wanted if pair not in self.on}
        self._due = now + _ANSWER_WITHIN
        sends = self.requests("subscribe", self._open)
        return sends if self._open else self._settled()

    def requests(
        self, method: str, pairs: Iterable[Pair], again: str | None = None
    ) -> list[Effect]:
        """The frames that ask for these pairs, or leave them."""
        by_channel: dict[str, list[str]] = {}
        for channel, symbol in pairs:
            by_channel.setdefault(channel, []).append(symbol)
        out: list[Effect] = []
        for channel, symbols in by_channel.items():
            step = len(symbols) if channel == "instrument" else _PER_REQUEST
            for start in range(0, len(symbols), step):
                params: dict[str, Any] = {"channel": channel, **self._params.get(channel, {})}
                if channel != "instrument":
                    params["symbol"] = symbols[start : start + step]
                elif method == "subscribe" and any(name == channel for name, _ in self.on):
                    # It has all pairs, and says those that are new to us only if asked anew.
                    out.append(self._request("unsubscribe", params, again))
                out.append(self._request(method, params, again))
        return out

    def _request(self, method: str, params: Mapping[str, Any], again: str | None) -> Send:
        number = next(self._numbers)
        self._asked[number] = params["channel"]
        request = {"method": method, "params": params, "req_id": number}
        return Send(encode(request).decode(), again)

    def channel_of(self, answer: Answer) -> str | None:
        """The channel that an answer is about."""
        if answer.result is not None and answer.result.channel is not None:
            return answer.result.channel
        return self._asked.get(answer.req_id or 0)

    def accept(self, pair: Pair) -> Iterable[Effect]:
        """A pair is subscribed to."""
        self.on[pair] = None
        if pair in self._open:
            del self._open[pair]
            return self._settled()
        return ()

    def refuse(self, channel: str | None, symbol: str | None, text: str) -> Iterable[Effect]:
        """A pair is refused; without a channel or a symbol, all of those that it may be about."""
        found = [
            pair
            for pair in self._open
            if (channel is None or pair[0] == channel) and (symbol is None or pair[1] == symbol)
        ]
        for pair in found:
            del self._open[pair]
            self._refused[pair] = text
        if found:
            return self._settled()
        if channel is not None and symbol is not None:
            self.on.pop((channel, symbol), None)  # asked for once more, in vain
        return [self._refusal(text, symbol, () if channel is None else (channel,))]

    def leave(self, channel: str, symbol: str | None) -> Iterable[Effect]:
        """A pair is unsubscribed from, or was not subscribed to; without a symbol, all of them."""
        gone = [p for p in self._left if p[0] == channel and symbol in (None, p[1])]
        for pair in gone:
            del self._left[pair]
            self.on.pop(pair, None)
        return self._settled() if gone else ()

    def late(self, now: int) -> Iterable[Effect]:
        """What to do about what is not answered in time, as long as anything is answered."""
        if self._due is None or now < self._due or not (self._open or self._left):
            return ()
        self._due = None
        if not (self.on or self._refused):
            return ()
        for pair in self._open:
            self._refused[pair] = f"no answer until {from_ns(now)}"
        self._open.clear()
        self._left.clear()
        return self._settled()

    def _settled(self) -> Iterable[Effect]:
        """All that was asked for is answered: leave what is no longer wanted, then it is done."""
        if self._open or self._left:
            return ()
        refused = self._refusals()
        leaving, self._leaving = self._leaving, {}
        if not any(pair in self.on for pair in self._wanted):
            return refused
        if any(channel == "instrument" for channel, _ in self._wanted):  # it stays, for others
            for pair in [pair for pair in leaving if pair[0] == "instrument"]:
                del leaving[pair], self.on[pair]
        if leaving:
            self._left = leaving
            return [*refused, *self.requests("unsubscribe", leaving)]
        self.is_up = True
        return [Up(), *refused]

    def _refusals(self) -> list[Effect]:
        """The refusals, those of one reason together: of symbols, or of some of their channels."""
        of_symbol: dict[str, dict[str, str]] = {}
        for (channel, symbol), text in self._refused.items():
            of_symbol.setdefault(symbol, {})[channel] = text
        self._refused.clear()
        all_of = {
            symbol: {channel for channel, its in self._wanted if its == symbol}
            for symbol in of_symbol
        }
        return [
            self._refusal(
                "; ".join(dict.fromkeys(texts.values())),
                symbol,
                () if set(texts) == all_of[symbol] else tuple(texts),
            )
            for symbol, texts in of_symbol.items()
        ]

    def _refusal(self, text: str, symbol: str | None, channels: Iterable[str]) -> Refused:
        """A refusal; of a symbol as a whole where no channels are named."""
        names = tuple(NAMES.get(channel, channel) for channel in channels)
        what = f"{symbol} ({', '.join(names)})" if names and symbol else symbol or ", ".join(names)
        told = f"kraken refuses {what}: {text}" if what else f"kraken says: {text}"
        return Refused(told, (symbol,) if symbol else (), names if symbol else (), _HINT)
