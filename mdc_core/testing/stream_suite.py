"""The suite for streaming providers: recorded frames in, expected events out."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import msgspec
import pytest

from mdc_core.contracts import HangUp, Sandbox, Send, Stream, Subscription
from mdc_core.errors import MdcError
from mdc_core.events import Event, Market
from mdc_core.logs import MASK
from mdc_core.testing.golden import Failure, check_golden, failure, lines_of
from mdc_core.testing.plugin_suite import PluginSuite, check_wire, damaged


class Recorded(msgspec.Struct):
    """A line of a frames file, which may be a capture (`mdc stream --capture`).

    `frame` is the frame's JSON, kept digit for digit; a frame that is not JSON is a string,
    with `encoding` "text" or "base64". Other members are notes.
    """

    dir: Literal["in", "out", "derived"]
    frame: msgspec.Raw
    encoding: Literal["text", "base64"] | None = None

    def content(self) -> str | bytes:
        """The frame as it was on the wire."""
        raw = bytes(self.frame)
        if self.encoding is None:
            return raw.decode()
        text = msgspec.json.decode(raw, type=str)
        return base64.b64decode(text) if self.encoding == "base64" else text


def frames_of(path: Path, direction: Literal["in", "out"]) -> list[str | bytes]:
    """The recorded frames of one direction."""
    lines = [msgspec.json.decode(line, type=Recorded) for line in lines_of(path)]
    return [line.content() for line in lines if line.dir == direction]


class StreamSuite(PluginSuite):
    """Set `stream`; and `symbols`, `channels`, `options` as your frames were recorded with."""

    stream: ClassVar[type[Stream]]
    symbols: ClassVar[tuple[str, ...]] = ("TEST",)
    channels: ClassVar[tuple[str, ...]] = ()
    frames: ClassVar[str] = "frames.jsonl"
    golden: ClassVar[str] = "events.jsonl"

    def plugin(self) -> type[Stream]:
        """The class under test."""
        return self.stream

    def connect(self, secrets: Mapping[str, str] | None = None) -> Stream:
        """A new connection's codec."""
        wanted = Subscription(self.symbols, self.channels)
        given = self.make_secrets() if secrets is None else secrets
        return self.stream(wanted, self.make_options(), given)

    def replay(self, frames: Iterable[str | bytes]) -> tuple[list[Event | Failure], list[Send]]:
        """Events, with errors in their place, and what is sent, for these frames."""
        stream = self.connect()
        events: list[Event | Failure] = []
        sends = list(stream.greet())
        for frame in frames:
            try:
                answer: Sequence[Event | Send] = stream.receive(frame)
            except MdcError as error:
                events.append(failure(error))
                continue
            events += [item for item in answer if not isinstance(item, Send)]
            sends += [item for item in answer if isinstance(item, Send)]
        return events, sends

    def test_endpoint(self) -> None:
        """The endpoint is a WebSocket, and no secret is in its URL."""
        url = self.connect().endpoint().url
        assert url.startswith(("ws://", "wss://")), url
        assert not any(value in url for value in self.make_secrets().values()), url

    def test_channels(self) -> None:
        """What is subscribed to by default can be subscribed to."""
        assert self.stream.channels, "channels is empty"
        assert set(self.stream.default_channels) <= set(self.stream.channels)

    def test_replay(self, request: pytest.FixtureRequest) -> None:
        """The recorded frames give the expected events, value for value."""
        folder = request.path.parent
        events, _ = self.replay(frames_of(folder / self.frames, "in"))
        assert events, "the frames give no event"
        check_golden(folder / self.golden, events)

    def test_sends(self, request: pytest.FixtureRequest) -> None:
        """The codec sends what was recorded as sent (nothing recorded: nothing compared)."""
        path = request.path.parent / self.frames
        expected = frames_of(path, "out")
        _, sends = self.replay(frames_of(path, "in"))
        if expected:
            found = [self.masked(send.frame) for send in sends]
            assert found == [self.masked(frame) for frame in expected]

    def masked(self, frame: str | bytes) -> object:
        """A frame to compare: without the secrets, and by value where it is JSON."""
        if isinstance(frame, bytes):
            return frame
        for secret in self.make_secrets().values():
            frame = frame.replace(secret, MASK)
        try:
            return msgspec.json.decode(frame)
        except msgspec.DecodeError:
            return frame

    def test_bytes(self, request: pytest.FixtureRequest) -> None:
        """A text frame means the same as text and as UTF-8 bytes: drivers may give either."""
        frames = frames_of(request.path.parent / self.frames, "in")
        raw = [f.encode() if isinstance(f, str) else f for f in frames]
        assert self.replay(raw) == self.replay(frames)

    def test_wire(self, request: pytest.FixtureRequest) -> None:
        """Every event survives the wire."""
        events, _ = self.replay(frames_of(request.path.parent / self.frames, "in"))
        check_wire([event for event in events if isinstance(event, Event)])

    def test_damaged_frames(self, request: pytest.FixtureRequest) -> None:
        """Whatever arrives, the codec answers with events, things to send, or an MdcError."""
        stream = self.connect()
        for frame in damaged(frames_of(request.path.parent / self.frames, "in")):
            try:
                answer = stream.receive(frame)
            except MdcError:
                continue
            assert all(isinstance(item, Event | Send) for item in answer), frame

    def test_sandbox(self, request: pytest.FixtureRequest) -> None:
        """The codec and its sandbox come to terms, and what is fed arrives."""
        if self.stream.sandbox is None:
            pytest.skip(f"{self.stream.__name__} has no sandbox")
        events, _ = self.replay(frames_of(request.path.parent / self.frames, "in"))
        stream = self.connect(dict(self.stream.sandbox.test_secrets))
        endpoint = stream.endpoint()
        path = "/" + endpoint.url.split("://", 1)[1].partition("/")[2]
        sandbox = self.stream.sandbox(path, endpoint.headers)
        converse(stream, sandbox)
        assert sandbox.subscribed, "the sandbox has no subscription"
        sent = [e for e in events if isinstance(e, Market) and e.symbol in self.symbols]
        frames = list(sandbox.feed(sent))
        assert frames, "the sandbox sends none of the recorded events"
        received = [item for frame in frames for item in stream.receive(frame)]
        assert received, "the codec makes nothing of the sandbox's frames"


def converse(stream: Stream, sandbox: Sandbox) -> list[Event]:
    """Client and server in memory, until neither has anything to say; the client's events."""
    events: list[Event] = []
    to_server = list(stream.greet())
    to_client = list(sandbox.greet())
    while to_client or to_server:
        answers = [item for frame in to_client for item in stream.receive(frame)]
        events += [item for item in answers if isinstance(item, Event)]
        to_server += [item for item in answers if isinstance(item, Send)]
        to_client = []
        for send in to_server:
            try:
                to_client += sandbox.receive(send.frame)
            except HangUp as last:
                to_client += last.frames
        to_server = []
    return events
