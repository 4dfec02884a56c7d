"""What a streaming provider makes of its mock server: a market that the suite knows."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from mdc_core.contracts import Busy, Refused, Sandbox, Stream, Subscription, Up
from mdc_core.events import Event
from mdc_core.testing.stream.round_trip import TROUBLE, Conversation, differences
from mdc_core.testing.stream.tape import PRECISE, market, sayable, tape, types_of
from mdc_core.testing.stream.transcript import ERRORS
from mdc_core.testing.suites.plugin_suite import ProviderSuite, check_event


class SandboxSuite(ProviderSuite):
    """The part of `StreamSuite` that talks to the mock server (class `Sandbox`).

    It plays books, their changes, quotes, trades and halts, and expects each of a subscribed
    channel as it went in. `lacks` names what the protocol cannot say: a type (`delta`), a field
    (`trade.trade_id`), a value of a field (`quote.bid_price=none`), a time (`quote.ts_event`:
    it is that of receiving) or a choice of `channels`; `precise` is a price that a float would not
    keep (None: the venue has none such), `resolution` what the venue's times are whole numbers
    of, in nanoseconds.
    """

    stream: ClassVar[type[Stream]]
    symbols: ClassVar[tuple[str, ...]] = ("TEST",)
    channels: ClassVar[tuple[str, ...]] = ()
    lacks: ClassVar[tuple[str, ...]] = ()
    precise: ClassVar[Decimal | None] = PRECISE
    resolution: ClassVar[int] = 1_000

    def plugin(self) -> type[Stream]:
        """The class under test."""
        return self.stream

    def connect(
        self,
        secrets: Mapping[str, str] | None = None,
        symbols: tuple[str, ...] = (),
        channels: tuple[str, ...] = (),
    ) -> Stream:
        """A new connection's codec."""
        wanted = Subscription(symbols or self.symbols, channels or self.channels)
        given = self.make_secrets() if secrets is None else secrets
        return self.stream(wanted, self.make_options(), given)

    def server(self) -> type[Sandbox]:
        """The mock server; there is nothing to test without one."""
        if self.stream.sandbox is None:
            pytest.skip(f"{self.stream.__name__} has no mock server")
        refused = [symbol for symbol in self.symbols if symbol in self.stream.sandbox.refused]
        assert not refused, f"{refused[0]} of `symbols` is among those that the mock server refuses"
        return self.stream.sandbox

    def server_options(self) -> Any:
        """The options of the mock server: those of the codec that it has as well."""
        own, kind = self.make_options(), self.server().Options
        names = {*own.__struct_fields__} & {*kind.__struct_fields__}
        return kind(**{name: getattr(own, name) for name in names})

    def converse(
        self,
        secrets: Mapping[str, str] | None = None,
        symbols: tuple[str, ...] = (),
        channels: tuple[str, ...] = (),
        altered: Mapping[int, str | bytes] | None = None,
    ) -> Conversation:
        """A codec and its mock server that have come to terms."""
        sandbox = self.server()
        several = symbols or self.several()
        stream = self.connect(secrets or dict(sandbox.test_secrets), several, channels)
        endpoint = stream.endpoints()[0]
        path = "/" + endpoint.address().split("://", 1)[1].partition("/")[2]
        talk = Conversation(stream, sandbox(path, endpoint.headers, self.server_options()), altered)
        talk.open()
        return talk

    def agree(self, symbols: tuple[str, ...] = (), channels: tuple[str, ...] = ()) -> Conversation:
        """A conversation that has come so far that events can be played."""
        talk = self.converse(None, symbols, channels)
        trouble = [item for item in talk.given if isinstance(item, TROUBLE)]
        assert not trouble, f"the subscription leads to {trouble[0]}"
        assert talk.sandbox.subscribed, "the mock server has no subscription"
        assert any(isinstance(item, Up) for item in talk.given), "the codec never says Up"
        self.check_up(talk, symbols or self.several())
        assert not talk.hung_up, "the mock server has hung up on the codec"
        return talk

    def check_up(self, talk: Conversation, symbols: Sequence[str]) -> None:
        """The codec has said `Up` when all was answered, and not before."""
        assert not talk.up_too_soon, "the codec says Up before the mock server has its subscription"
        late = talk.answered_late(symbols)
        assert not late, f"the codec says Up before the mock server has answered for {late[0]}"

    def tape(self, symbols: tuple[str, ...] = ()) -> list[Event]:
        """What core plays, but for what the protocol cannot say."""
        return sayable(tape(symbols or self.several(), self.precise, self.resolution), self.lacks)

    def several(self) -> tuple[str, ...]:
        """The suite's symbols, at least two: what is kept for each of them must not be mixed."""
        alone = len(self.symbols) == 1 and self.stream.limits.symbols != 1
        return (*self.symbols, f"{self.symbols[0]}2") if alone else self.symbols

    def wanted(self, channels: Sequence[str] = ()) -> set[type[Event]]:
        """The types of events that come by these channels, or by those of the suite."""
        names = channels or self.channels or self.stream.default_channels
        return types_of(names) - {type(e) for e in tape(self.several()) if self.is_lacking(e)}

    def is_lacking(self, event: Event) -> bool:
        """Whether the protocol has no event of this type at all."""
        return not sayable([event], [lack for lack in self.lacks if "." not in lack])

    def test_sandbox(self) -> None:
        """What core's tape plays by the mock server comes out as it went in, and nothing else."""
        talk = self.agree()
        played = self.tape()
        before, asked, half = len(talk.given), talk.asked, len(played) // 2
        said = {type(event) for event in played[:half] if talk.feed([event])}
        assert talk.feed(played[half:]), "the mock server plays nothing of the tape"
        given = talk.given[before:]
        kinds = said | self.wanted()
        expected = [event for event in played if type(event) in kinds]
        found = [*self.trouble(talk, given, asked), *differences(expected, given, self.lacks)]
        assert not found, "\n".join(found[:10])
        for event in market(given):
            check_event(event)

    def trouble(self, talk: Conversation, given: Sequence[Any], asked: int) -> Iterator[str]:
        """What must not happen where nothing was lost or damaged."""
        for item in given:
            if isinstance(item, TROUBLE):
                yield f"nothing was lost or damaged, and the codec gives {item}"
        if talk.asked > asked:
            yield "nothing was lost or damaged, and the codec asks the mock server for something"
        if talk.hung_up:
            yield "the mock server has hung up on the codec"

    def test_sandbox_refuses(self) -> None:
        """With wrong secrets the mock server says no, and the codec that it is refused."""
        sandbox = self.server()
        if not sandbox.test_secrets:
            pytest.skip(f"{self.stream.__name__} has no mock server with secrets")
        talk = self.converse(dict.fromkeys(sandbox.test_secrets, "d3adc0de"))
        assert any(isinstance(item, ERRORS) for item in talk.given), "no error was given"
        assert not any(isinstance(item, Up) for item in talk.given), "Up, after a wrong login"
        assert not any(isinstance(item, Busy) for item in talk.given), (
            "Busy, after a wrong login: no patience will cure that, so it is `Refused`"
        )
        assert any(isinstance(item, Refused) for item in talk.given), "no `Refused` was given"

    def test_sandbox_refuses_symbols(self) -> None:
        """The codec reports each symbol that the mock server refuses, and the others come."""
        sandbox = self.server()
        if not sandbox.refused:
            pytest.skip(f"the mock server of {self.stream.__name__} names no symbols in `refused`")
        talk = self.converse(symbols=(*self.symbols, *sandbox.refused))
        told = {s for item in talk.given if isinstance(item, Refused) for s in item.symbols}
        assert told == set(sandbox.refused), "the symbols of `Refused` are not those refused"
        talk.feed(self.tape())
        assert market(talk.given), "the others do not come"
