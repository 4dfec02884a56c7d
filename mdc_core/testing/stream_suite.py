"""The suite for streaming providers: a transcript, a round trip by the sandbox, damage."""

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest

from mdc_core.contracts import SCHEMES, Effect, Refused, Send, Stream, Subscription, Up
from mdc_core.errors import DataError
from mdc_core.events import Event, Market, type_of
from mdc_core.testing import transcript
from mdc_core.testing.plugin_suite import ProviderSuite, check_event, check_wire, damaged
from mdc_core.testing.round_trip import PRECISE, Conversation, differences, tape
from mdc_core.testing.transcript import ERRORS, Step


class StreamSuite(ProviderSuite):
    """Set `stream`; and `symbols`, `channels`, `options` as your transcript was recorded with.

    `silent` are words of frames that rightly lead to nothing, such as the answer to a ping;
    `precise` is a price that a float would not keep (None: the venue has none such).
    """

    stream: ClassVar[type[Stream]]
    symbols: ClassVar[tuple[str, ...]] = ("TEST",)
    channels: ClassVar[tuple[str, ...]] = ()
    transcript: ClassVar[str] = "transcript.jsonl"
    silent: ClassVar[tuple[str, ...]] = ()
    precise: ClassVar[Decimal | None] = PRECISE

    def plugin(self) -> type[Stream]:
        """The class under test."""
        return self.stream

    def connect(
        self, secrets: Mapping[str, str] | None = None, symbols: tuple[str, ...] = ()
    ) -> Stream:
        """A new connection's codec."""
        wanted = Subscription(symbols or self.symbols, self.channels)
        given = self.make_secrets() if secrets is None else secrets
        return self.stream(wanted, self.make_options(), given)

    def steps(self, request: pytest.FixtureRequest) -> list[Step]:
        """The transcript beside the test, answered by a new codec."""
        steps = transcript.read(self.path(request))
        transcript.run(self.connect(), steps)
        return steps

    def path(self, request: pytest.FixtureRequest) -> Path:
        """Where the transcript lies."""
        return request.path.parent / self.transcript

    def test_channels(self) -> None:
        """What is subscribed to by default can be subscribed to."""
        assert self.stream.channels, "channels is empty"
        assert set(self.stream.default_channels) <= set(self.stream.channels)

    def test_endpoints(self) -> None:
        """The endpoints are URLs of a transport, and no secret is in a URL."""
        endpoints = self.connect().endpoints()
        assert endpoints, "no endpoint"
        for endpoint in endpoints:
            assert urlsplit(endpoint.url).scheme in SCHEMES, endpoint.url
            for secret in self.make_secrets().values():
                assert secret not in endpoint.url, f"{secret} is in {endpoint.url}"

    def test_transcript(self, request: pytest.FixtureRequest) -> None:
        """Each frame leads to what was recorded: events, frames sent, errors, in order."""
        transcript.check(self.path(request), self.steps(request), self.make_secrets())

    def test_transcript_says_enough(self, request: pytest.FixtureRequest) -> None:
        """There are events, a frame sent, an `Up` and an error: what is not there is not tested."""
        found = transcript.items(self.steps(request))
        assert any(isinstance(item, Market) for item in found), "no event about an instrument"
        assert any(isinstance(item, Up) for item in found), "the codec never says Up"
        assert any(isinstance(item, Send) for item in found), "nothing is sent"
        assert any(isinstance(item, ERRORS) for item in found), (
            "no error: record what the vendor says to a wrong login, or to an unknown symbol"
        )

    def test_no_frame_is_passed_over(self, request: pytest.FixtureRequest) -> None:
        """Every frame leads to something, but for those that `silent` names."""
        for step in self.steps(request):
            if step.kind == "in" and not step.found:
                text = step.source.decode(errors="replace")
                assert any(word in text for word in self.silent), (
                    f"nothing comes of {text}: if that is right, name a word of it in `silent`"
                )

    def test_events(self, request: pytest.FixtureRequest) -> None:
        """Every event is what its type says, with plausible units, and survives the wire."""
        events = transcript.events_of(self.steps(request))
        check_wire(events)

    def test_numbers_stand_in_the_frame(self, request: pytest.FixtureRequest) -> None:
        """Sequence numbers and trade ids are the vendor's: they stand in the frame as they are."""
        for step in self.steps(request):
            text = step.frame
            if not isinstance(text, str) or not step.found:
                continue
            for event in step.found:
                for name in ("seq", "trade_id"):
                    value = getattr(event, name, None)
                    stands = value is None or re.search(
                        rf"(?<!\w){re.escape(str(value))}(?!\w)", text
                    )
                    assert stands, f"{name} {value} is not in {text}"

    def test_bytes(self, request: pytest.FixtureRequest) -> None:
        """A text frame means the same as text and as UTF-8 bytes: drivers may give either."""
        steps = self.steps(request)
        again = transcript.read(self.path(request))
        for step in again:
            step.frame = step.frame.encode() if isinstance(step.frame, str) else step.frame
        transcript.run(self.connect(), again)
        for was, now in zip(steps, again, strict=True):
            assert _comparable(now.found) == _comparable(was.found), was.source

    def test_instances_share_nothing(self, request: pytest.FixtureRequest) -> None:
        """Two connections, at once and one after another, give what each gives alone."""
        alone = self.steps(request)
        one, two = (transcript.read(self.path(request)) for _ in range(2))
        first, second = self.connect(), self.connect()
        for a, b in zip(one, two, strict=True):
            transcript.run(first, [a])
            transcript.run(second, [b])
        after = self.steps(request)
        for was, a, b, c in zip(alone, one, two, after, strict=True):
            assert was.found == a.found == b.found == c.found, was.source

    def test_damaged_frames(self, request: pytest.FixtureRequest) -> None:
        """Whatever arrives, the codec answers with events and effects, or cannot read it."""
        stream = self.connect()
        frames = [step.frame for step in self.steps(request) if step.kind == "in"]
        for frame in damaged(frames):
            try:
                answer = list(transcript.answer(stream, Step("in", transcript.START, frame)))
            except DataError:
                continue
            assert all(isinstance(item, Event | Effect) for item in answer), frame

    def test_sandbox(self) -> None:
        """What core's tape plays by the sandbox comes out of the codec as it went in."""
        if self.stream.sandbox is None:
            pytest.skip(f"{self.stream.__name__} has no sandbox")
        talk = self.converse()
        assert talk.sandbox.subscribed, "the sandbox has no subscription"
        assert any(isinstance(item, Up) for item in talk.given), "the codec never says Up"
        played = tape(self.symbols, self.precise)
        before, half = len(talk.given), len(played) // 2
        frames = sum(talk.feed([event]) for event in played[:half]) + talk.feed(played[half:])
        assert frames, "the sandbox plays nothing of a tape of trades and quotes"
        given = talk.given[before:]
        found = differences(played, given)
        assert not found, "\n".join(found[:10])
        came = {type_of(item) for item in given if isinstance(item, Market)}
        for name in self.channels or self.stream.default_channels:
            assert name in came or name not in ("trade", "quote"), f"no {name} came out"
        for event in (item for item in given if isinstance(item, Market)):
            check_event(event)
        talk.quiet()
        assert not talk.hung_up, "the sandbox has hung up on the codec in a quiet minute"

    def test_sandbox_refuses(self) -> None:
        """With wrong secrets the sandbox says no, and the codec an error."""
        sandbox = self.stream.sandbox
        if sandbox is None or not sandbox.test_secrets:
            pytest.skip(f"{self.stream.__name__} has no sandbox with secrets")
        talk = self.converse(dict.fromkeys(sandbox.test_secrets, "d3adc0de"))
        assert any(isinstance(item, ERRORS) for item in talk.given), "no error was given"
        assert not any(isinstance(item, Up) for item in talk.given), "Up, after a wrong login"

    def test_sandbox_refuses_symbols(self) -> None:
        """Of the symbols that the sandbox has not, the codec tells each, and the others come."""
        sandbox = self.stream.sandbox
        if sandbox is None or not sandbox.refused:
            pytest.skip(f"the sandbox of {self.stream.__name__} names no symbols in `refused`")
        talk = self.converse(symbols=(*self.symbols, *sandbox.refused))
        told = {s for item in talk.given if isinstance(item, Refused) for s in item.symbols}
        assert told == set(sandbox.refused), "the symbols of `Refused` are not those refused"
        talk.feed(tape(self.symbols, self.precise))
        assert any(isinstance(item, Market) for item in talk.given), "the others do not come"

    def converse(
        self, secrets: Mapping[str, str] | None = None, symbols: tuple[str, ...] = ()
    ) -> Conversation:
        """A codec and its sandbox that have come to terms."""
        sandbox = self.stream.sandbox
        assert sandbox is not None
        stream = self.connect(secrets or dict(sandbox.test_secrets), symbols)
        endpoint = stream.endpoints()[0]
        path = "/" + endpoint.url.split("://", 1)[1].partition("/")[2]
        talk = Conversation(stream, sandbox(path, endpoint.headers, sandbox.Options()))
        talk.open()
        return talk


def _comparable(found: list[Any]) -> list[Any]:
    """What does not say whether the frame was text or bytes."""
    return [type(item) if isinstance(item, ERRORS) else item for item in found]
