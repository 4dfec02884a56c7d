"""What a streaming provider asks its mock server for, and what it makes of a no."""

from typing import Any, ClassVar

from msgspec.structs import replace

from mdc_core.contracts import Busy, Reconnect, Refused, Sandbox, Stream, Subscription, Up
from mdc_core.events import Event, type_of
from mdc_core.testing.stream.round_trip import TROUBLE, Conversation
from mdc_core.testing.stream.sandbox_suite import SandboxSuite
from mdc_core.testing.stream.tape import market, types_of
from mdc_core.testing.stream.transcript import ERRORS, Step, answer
from mdc_core.times import SECOND

_DEAD = 600  # seconds without a frame, in which a codec that ticks has to do something


class SubscriptionSuite(SandboxSuite):
    """The part of `StreamSuite` that asks for much, for little and for something else.

    It subscribes to `many` symbols on a connection (or to `limits.symbols`, if those are fewer),
    which it makes of the first one; to each channel alone; and, where the codec can, to another
    symbol than before. A mock server has its vendor's limits, and hangs up on a client that
    exceeds them. Its `refuse` is the answer to one connection too many, and `wait` the seconds
    named in it.
    """

    many: ClassVar[int] = 250

    def others(self, count: int) -> tuple[str, ...]:
        """So many more symbols."""
        return tuple(f"X{number}{self.symbols[0]}" for number in range(count))

    def test_many_symbols(self) -> None:
        """Of as many symbols as a connection may have, each is asked for, and comes."""
        self.server()
        symbols = self.others(min(self.many, self.stream.limits.symbols or self.many))
        if not symbols:
            return
        talk = self.converse(symbols=symbols)
        said = next((item for item in talk.given if isinstance(item, TROUBLE)), "nothing")
        assert any(isinstance(item, Up) for item in talk.given) and not talk.hung_up, (
            f"{len(symbols)} symbols on a connection lead to {said}, and not to `Up`: a vendor's "
            "limit for a connection stands in `limits.symbols`, one for a frame is the codec's; "
            "if the mock server knows no other symbols, set `many` to 0"
        )
        self.check_up(talk, symbols)
        first = next(event for event in self.tape() if type(event) in self.wanted())
        before = len(talk.given)
        talk.feed([replace(first, symbol=symbol) for symbol in symbols])
        came = {event.symbol for event in market(talk.given[before:])}
        assert came == {*symbols}, f"{len(symbols)} symbols are asked for, and {len(came)} come"

    def test_each_channel_alone(self) -> None:
        """By one channel its events come, and not those of the others."""
        self.server()
        names = self.channels or self.stream.default_channels
        if "channels" in self.lacks:
            return
        for name in names:
            came = self.came(self.agree(channels=(name,)))
            own, all_of_them = self.wanted((name,)), types_of(names)
            wrong = sorted(type_of(kind()) for kind in came & (all_of_them - types_of((name,))))
            assert not wrong, f"by the channel {name} alone comes {', '.join(wrong)}"
            missing = sorted(type_of(kind()) for kind in own - came)
            assert not missing, f"by the channel {name} alone comes no {', '.join(missing)}"

    def came(self, talk: Conversation) -> set[type[Event]]:
        """The types of events that come of the tape."""
        before = len(talk.given)
        for event in self.tape():
            talk.feed([event])
        return {type(event) for event in market(talk.given[before:])}

    def test_other_symbols(self) -> None:
        """After a change of the subscription on a connection, what was asked for last comes."""
        self.server()
        if not self.many:
            return
        symbols = self.others(1)
        talk = self.agree(symbols=self.symbols[:1])
        if not talk.change(Subscription(symbols, self.channels)):
            return  # only a new connection can
        before = len(talk.given)
        talk.feed(self.tape(self.symbols[:1] + symbols))
        came = {event.symbol for event in market(talk.given[before:])}
        assert came == {*symbols}, f"{', '.join(symbols)} is asked for, and {sorted(came)} comes"  # type: ignore[type-var]

    def test_one_connection_too_many(self) -> None:
        """What a vendor says to one connection too many is `Busy`, with its wait."""
        sandbox = self.server()
        if sandbox.refuse is Sandbox.refuse:
            return
        given = self.told(sandbox, "refuse")
        assert not any(isinstance(item, Up | Refused) for item in given), (
            f"one connection too many is {given}: `Busy` is what patience cures"
        )
        busy = [item for item in given if isinstance(item, Busy | Reconnect)]
        assert busy, "one connection too many leads to nothing"
        if sandbox.wait is not None:
            after = getattr(busy[0], "after", None)
            assert after == sandbox.wait, f"the wait of {sandbox.wait} s is taken for {after}"

    def test_too_late(self) -> None:
        """What a vendor says to a client that has not logged in in time is an error."""
        sandbox = self.server()
        if sandbox.expire is not Sandbox.expire:
            given = self.told(sandbox, "expire")
            assert any(isinstance(item, ERRORS) for item in given), "a late login is no error"

    def told(self, sandbox: type[Sandbox], how: str) -> list[Any]:
        """What a new codec makes of the mock server's last frames."""
        talk = Conversation(
            self.connect(dict(sandbox.test_secrets)), sandbox("/", {}, sandbox.Options())
        )
        talk.hung_up = True  # nobody answers any more
        talk.arrive(getattr(talk.sandbox, how)())
        return talk.given

    def test_sandbox_keeps_quiet(self) -> None:
        """In a minute in which nothing is played neither side gives up."""
        talk = self.agree()
        before = len(talk.given)
        silence = talk.quiet() / SECOND
        assert not talk.hung_up, "the mock server has hung up on the codec in a quiet minute"
        if self.stream.sandbox is not None and self.stream.sandbox.every:
            trouble = [item for item in talk.given[before:] if isinstance(item, TROUBLE)]
            assert not trouble, f"a quiet minute leads to {trouble[0]}"
            limit = self.stream.silence or silence
            assert silence <= limit, (
                f"the mock server says nothing for {silence:g} s, and `silence` is {limit:g}"
            )

    def test_ticks(self) -> None:
        """A codec that ticks does something at some time, also if nothing arrives any more."""
        ticks = self.stream.tick is not Stream.tick
        assert ticks or not self.stream.every, "`every` is set, and there is no `tick`"
        assert self.stream.every or not ticks, "`tick` is never called: `every` says how often"
        if not ticks or self.stream.sandbox is None:
            return
        talk = self.agree()
        talk.quiet()
        late = self.ticks(talk.stream, talk.now) or self.ticks(self.unanswered(talk), talk.now)
        assert late or talk.ticked, "`tick` never gives anything"

    def unanswered(self, talk: Conversation) -> Stream:
        """A codec to which the mock server's last words before `Up` never came."""
        assert self.stream.sandbox is not None
        stream = self.connect(dict(self.stream.sandbox.test_secrets), self.several())
        list(answer(stream, Step("open", talk.now)))
        for heard in [one for one in talk.heard if not one.is_late][:-1]:
            list(answer(stream, Step("in", talk.now, heard.frame)))
        return stream

    def ticks(self, stream: Stream, since: int) -> list[Any]:
        """What the ticks of a codec give to which nothing comes any more."""
        every = int((self.stream.every or 0) * SECOND)
        times = range(since, since + _DEAD * SECOND, every)
        return [item for now in times for item in answer(stream, Step("tick", now))]
