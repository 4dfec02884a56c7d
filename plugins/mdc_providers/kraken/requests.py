"""What Kraken is asked: a request for each channel, which is answered for each symbol."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mdc_core.plugin import Send, Subscription, UsageError
from mdc_providers.kraken.messages import Answer, encode
from mdc_providers.kraken.provider import CHANNELS

Pair = tuple[str, str]  # a channel, by Kraken's name, and a symbol
STATES = "instrument"  # a channel that has all pairs, whoever asks
HINT = "Kraken's symbols are like BTC/USD: capitals, a slash, BTC for XBT, DOGE for XDG"
_PER_REQUEST = 100  # symbols; Kraken names no limit


class KrakenRequests:
    """Makes requests, and knows their numbers; `params` are those of a channel beside symbols."""

    def __init__(self, params: Mapping[str, Mapping[str, Any]]) -> None:
        self._params = params
        self._numbers = itertools.count(1)
        self._asked: dict[int, str] = {}  # the channel of a request
        self._has_states = False

    def __call__(self, method: str, pairs: Iterable[Pair], again: str | None = None) -> list[Send]:
        """The frames that ask for these pairs, or leave them."""
        by_channel: dict[str, list[str]] = {}
        for channel, symbol in pairs:
            by_channel.setdefault(channel, []).append(symbol)
        out: list[Send] = []
        for channel, symbols in by_channel.items():
            params = {"channel": channel, **self._params.get(channel, {})}
            if channel == STATES:
                out += self._states(method, params)
                continue
            for start in range(0, len(symbols), _PER_REQUEST):
                some = {**params, "symbol": symbols[start : start + _PER_REQUEST]}
                out.append(self._request(method, some, again))
        return out

    def _states(self, method: str, params: Mapping[str, Any]) -> list[Send]:
        """It says the pairs that are new to us only if it is asked anew."""
        is_anew = method == "subscribe" and self._has_states
        self._has_states = method == "subscribe"
        methods = ("unsubscribe", method) if is_anew else (method,)
        return [self._request(one, params, None) for one in methods]

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


def about(pairs: Iterable[Pair], channel: str | None, symbol: str | None) -> list[Pair]:
    """Those that an answer may be about which names a channel, a symbol, both, or nothing."""
    return [pair for pair in pairs if channel in (None, pair[0]) and symbol in (None, pair[1])]


def pairs_of(subscription: Subscription, default: Sequence[str]) -> list[Pair]:
    """Kraken's channels, each with each symbol."""
    chosen = subscription.channels or default
    for name in chosen:
        if "*" in subscription.symbols and name != "status":
            raise UsageError(
                f"kraken has no {name} of all symbols", hint="name them; --type status has all"
            )
    return [(CHANNELS[name], symbol) for name in chosen for symbol in subscription.symbols]
