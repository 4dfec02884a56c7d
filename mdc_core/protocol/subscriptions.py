"""What was asked of a vendor, compared with what it has acknowledged."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Literal

from mdc_core.contracts.live.effects import Bad, Effect, Reconnect, Send, Up
from mdc_core.protocol.refusals import refusal

Pair = tuple[str, str]
Requests = Callable[[Literal["subscribe", "unsubscribe"], Sequence[Pair]], Iterable[Send]]

_SECOND = 1_000_000_000


class Subscriptions:
    """Follows the subscription of a connection that the vendor answers bit by bit.

    A pair is a channel, by the vendor's name, and a symbol; each is granted or refused by itself.
    What is refused, or not answered `within` seconds as long as anything is, is told by name when
    all is answered, and the others go on. After a change, what is no longer wanted is left when
    the rest is granted. `requests` makes the frames that subscribe to pairs, or unsubscribe from
    them; `channel` gives the user's word for a channel, or several; `key` gives one value for
    pairs that are one to the vendor, or that it writes in several ways. `late` has to be called
    now and then.

        self.subs = Subscriptions("acme", self.requests, self.pairs(self.subscription))

        def opened(self, now):
            return self.subs.begin(now)

        def tick(self, now):
            return self.subs.late(now)

        def resubscribe(self, subscription, now):
            return self.subs.change(self.pairs(subscription), now)

        def answered(self, m):  # what `receive` does with an answer
            pair = m.channel, m.symbol
            return self.subs.refuse(m.error, pair) if m.error else self.subs.accept(pair)
    """

    def __init__(
        self,
        name: str,
        requests: Requests,
        wanted: Iterable[Pair] = (),
        *,
        channel: Callable[[str], str | tuple[str, ...] | None] = str,
        key: Callable[[Pair], Hashable] = tuple,
        hint: str | None = None,
        within: float = 8.0,
    ) -> None:
        self._name, self._hint, self._within = name, hint, int(within * _SECOND)
        self._requests, self._channel, self._key = requests, channel, key
        self._named: dict[Hashable, list[Pair]] = {}  # by their keys
        self._before: dict[Pair, None] | None = None  # what was wanted until a change is accepted
        self._refused: dict[Pair, str] = {}  # to be told; without words where it was left out
        self._nameless: list[str] = []  # refusals that do not say of what
        self._leaving: dict[Pair, None] = {}  # to be unsubscribed when the others are answered
        self._left: dict[Pair, None] = {}  # whose end is not acknowledged
        self._due: int | None = None
        self.is_up = False
        self.wanted = dict.fromkeys(wanted)
        self.granted: dict[Pair, None] = {}
        self.open: dict[Pair, None] = {}  # not answered

    @property
    def is_settled(self) -> bool:
        """Whether everything is answered."""
        return not (self.open or self._leaving or self._left)

    def begin(self, now: int) -> list[Effect]:
        """Ask for all that is wanted; `late` is for what has no answer by then."""
        self._index()
        has = {self._key(pair) for pair in self.granted}
        # What another pair stands for already need not be asked for, nor can it be left.
        self.granted |= dict.fromkeys(pair for pair in self.wanted if self._key(pair) in has)
        keys = {self._key(pair) for pair in self.wanted}
        gone = [pair for pair in self.granted if pair not in self.wanted]
        self.forget(*(pair for pair in gone if self._key(pair) in keys))
        self._leaving = {pair: None for pair in gone if pair in self.granted}
        self.open = {pair: None for pair in self.wanted if pair not in self.granted}
        self._refused, self._nameless, self._due = {}, [], now + self._within
        return self._asked("subscribe", self.open) if self.open else self._settled()

    def change(self, wanted: Iterable[Pair], now: int) -> list[Effect] | None:
        """Ask for these instead, as `resubscribe` does: None while something is not answered."""
        if not (self.is_up and self.is_settled):
            return None
        self._before, self.wanted = self.wanted, dict.fromkeys(wanted)
        return self.begin(now)

    def accept(self, *pairs: Pair) -> list[Effect]:
        """The vendor has granted these."""
        found = self._known(pairs)
        self.granted |= dict.fromkeys(found)
        return self._settled() if self._answered(found) else []

    def complete(self, pairs: Iterable[Pair]) -> list[Effect]:
        """The vendor has answered with all that there is: what is not among these is left out."""
        found = dict.fromkeys(self._known(pairs))
        has = {self._key(pair) for pair in found}
        gone = [pair for pair in self.granted if pair in self.wanted and pair not in found]
        self._refused |= dict.fromkeys(gone, "")
        self.granted = found
        self._left = {pair: None for pair in self._left if self._key(pair) in has}
        self._answered(found)
        return self._left_out()

    def refuse(self, text: str, *pairs: Pair) -> list[Effect]:
        """The vendor says no to these; without any, to one of which it does not say the name.

        Once it has refused as many as are not answered, those are the ones. What was granted, and
        is refused later, is told at once. What is about nothing that is known is set aside.
        """
        found = self._known(pairs)
        if not pairs and self.open:
            self._nameless.append(text)
            return self._settled()
        if answered := self._answered(found):
            self._refused |= dict.fromkeys(answered, text)
            return self._settled()
        if not found:
            return [Bad(text, f"{self._name} says: {text}")]
        self.forget(*found)
        return self._told(dict.fromkeys(found, text))

    def leave(self, *pairs: Pair) -> list[Effect]:
        """The vendor has ended the subscription to these."""
        gone = [pair for pair in self._known(pairs) if pair in self._left]
        for pair in gone:
            del self._left[pair]
        self.forget(*gone)
        return self._settled() if gone else []

    def forget(self, *pairs: Pair) -> None:
        """There is nothing to ask for to have these no more."""
        for pair in pairs:
            self.granted.pop(pair, None)

    def take_back(self) -> None:
        """A change was refused as a whole: what was wanted before goes on."""
        if self._before is not None:
            self.wanted, self._before = self._before, None
            self._leaving, self.open = {}, {}
            self._index()

    def late(self, now: int) -> list[Effect]:
        """What is not answered in time is left out; with no answer at all, connect again."""
        if self._due is None or now < self._due or not (self.open or self._left):
            return []
        self._due = None
        if not (self.granted or self._refused or self._nameless):
            return [Reconnect(f"{self._name} does not answer the subscription")]
        self.forget(*self._left)
        self._left = {}
        found = self._left_out()
        if self._left:  # they were sent only now
            self._due = now + self._within
        return found

    def _index(self) -> None:
        self._named = {}
        for pair in {**self.granted, **self.wanted}:
            self._named.setdefault(self._key(pair), []).append(pair)

    def _known(self, pairs: Iterable[Pair]) -> list[Pair]:
        """As we write those that the vendor names."""
        return [known for pair in pairs for known in self._named.get(self._key(pair), (pair,))]

    def _answered(self, pairs: Iterable[Pair]) -> list[Pair]:
        found = [pair for pair in pairs if pair in self.open]
        for pair in found:
            del self.open[pair]
        return found

    def _asked(
        self, method: Literal["subscribe", "unsubscribe"], pairs: Iterable[Pair]
    ) -> list[Effect]:
        """The frames for these, of which those that are one to the vendor stand there once."""
        once: dict[Hashable, Pair] = {}
        for pair in pairs:
            once.setdefault(self._key(pair), pair)
        return [*self._requests(method, [*once.values()])]

    def _left_out(self) -> list[Effect]:
        """There will be no more answers."""
        words = "; ".join(dict.fromkeys(self._nameless))
        self._refused |= dict.fromkeys(self.open, words)
        self.open = {}
        return self._settled()

    def _settled(self) -> list[Effect]:
        """If all is answered: leave what is no longer wanted, then it is done."""
        if self.open and len(self._nameless) >= len(self.open):
            return self._left_out()
        if self.open or self._left:
            return []
        told, self._refused = self._told(self._refused), {}
        if self.wanted and self.granted.keys().isdisjoint(self.wanted):
            self.take_back()
            return told
        self._before, self._left, self._leaving = None, self._leaving, {}
        if self._left:
            return [*told, *self._asked("unsubscribe", self._left)]
        self.is_up = True
        return [Up(), *told]

    def _told(self, refused: dict[Pair, str]) -> list[Effect]:
        """The refusals of symbols, or of some of their channels; those alike are one."""
        alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        has = {pair[1] for pair in self.wanted if pair in self.granted or pair in self.open}
        of_symbol: dict[str, dict[str, str]] = {}
        for (channel, symbol), text in refused.items():
            of_symbol.setdefault(symbol, {})[channel] = text
        for symbol, texts in of_symbol.items():
            channels = tuple(dict.fromkeys(word for name in texts for word in self._words(name)))
            words = "; ".join(dict.fromkeys(filter(None, texts.values())))
            alike.setdefault((words, channels if symbol in has else ()), []).append(symbol)
        return [
            refusal(self._name, text, of, symbols, self._hint)
            for (text, of), symbols in alike.items()
        ]

    def _words(self, name: str) -> tuple[str, ...]:
        """The user's words for a channel of the vendor's, which may be several."""
        words = self._channel(name) or name
        return (words,) if isinstance(words, str) else words
