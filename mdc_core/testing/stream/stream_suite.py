"""The suite for streaming providers: a transcript, a round trip by the mock server, damage."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest

from mdc_core.contracts import SCHEMES, Busy, Effect, Send, Up
from mdc_core.events import Event, Market
from mdc_core.testing.stream import transcript, values
from mdc_core.testing.stream.bad_input import BadInput
from mdc_core.testing.stream.damage_suite import DamageSuite
from mdc_core.testing.stream.round_trip import AskedTooOftenError
from mdc_core.testing.stream.tape import START
from mdc_core.testing.stream.transcript import ERRORS, Step
from mdc_core.testing.stream.unknown import UNKNOWN, forgetful
from mdc_core.testing.suites.plugin_suite import check_wire, damaged

SHORTEST, LONGEST = 0.05, 86_400.0  # seconds that a vendor may ask to wait


class StreamSuite(DamageSuite):
    """Set `stream`; and `symbols`, `channels`, `options` as your transcript was recorded with.

    A frame that rightly leads to nothing, such as the answer to a ping, has `"silent":true` in
    its line of the transcript; `unread` are keys of values (of a line: its first word and a
    place, `T 7`) that the codec rightly does not read, and `choosing` those by which it rightly
    passes over a message, such as the symbol where the vendor sends those of all.
    """

    transcript: ClassVar[str] = "transcript.jsonl"
    unread: ClassVar[tuple[str, ...]] = ()
    choosing: ClassVar[tuple[str, ...]] = ()

    def steps(self, request: pytest.FixtureRequest) -> list[Step]:
        """The transcript beside the test, answered by a new codec."""
        steps = transcript.read(self.path(request))
        transcript.run(self.connect(), steps)
        return steps

    def path(self, request: pytest.FixtureRequest) -> Path:
        """Where the transcript lies."""
        path = request.path.parent / self.transcript
        how = f"mdc stream NAME {self.symbols[0]} --mock --limit 100 --capture {path.name}"
        assert path.is_file(), f"there is no {path.name} beside the test; this makes one: {how}"
        return path

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
        """Every frame leads to something, but for those that the transcript calls silent."""
        for step in self.steps(request):
            text = step.source.decode(errors="replace")
            assert step.found or step.silent or step.kind != "in", (
                f'nothing comes of {text}: if that is right, put "silent":true into this line'
            )
            assert not (step.found and step.silent), f"{text} is silent, and leads to something"

    def test_events(self, request: pytest.FixtureRequest) -> None:
        """Every event is what its type says, with plausible units, and survives the wire."""
        events = transcript.events_of(self.steps(request))
        check_wire(events)
        for item in transcript.items(self.steps(request)):
            after = item.after if isinstance(item, Busy) else None
            assert after is None or SHORTEST <= after <= LONGEST, (
                f"{item}: `after` is in seconds, and beyond belief"
            )

    def test_every_value_counts(self, request: pytest.FixtureRequest) -> None:
        """Whatever value of a frame is another one, something else comes of it."""
        steps = self.steps(request)
        found = values.unread(values.recorded(steps), partial(values.matters, self.connect, steps))
        self.check_read(found)

    def test_every_value_of_the_login_counts(self) -> None:
        """Whatever value the mock server says before `Up` is another one, something else comes.

        Each number counts by itself, such as the scale of each symbol.
        """
        self.server()
        heard = [one for one in self.agree().heard if not one.is_late]
        frames = [
            values.AlteredFrame(at, one.frame, True)
            for at, one in enumerate(heard)
            if isinstance(one.frame, str)
        ]
        right = self.outcome({})
        self.check_read(values.unread(frames, lambda at, text: self.outcome({at: text}) != right))

    def outcome(self, altered: Mapping[int, str]) -> list[Any]:
        """What the codec gives of the tape if these of the mock server's frames are altered."""
        talk = self.converse(altered=altered)
        if talk.sandbox.subscribed and not talk.hung_up:
            with suppress(AskedTooOftenError):
                talk.feed(self.tape())
                talk.quiet()
        return [values.said(item) for item in talk.given]

    def check_read(self, found: Iterable[tuple[str, str]]) -> None:
        """Nothing but what `unread` names has been found to be so."""
        wrong = {name: frame for name, frame in found if name not in self.unread}
        assert not wrong, (
            f"nothing changes with the value of {', '.join(wrong)}: if that is right, name it in "
            f"`unread`; a frame with it was {next(iter(wrong.values()))[:2000]}"
        )

    def test_unknown_values(self, request: pytest.FixtureRequest) -> None:
        """A side or an action that the codec does not know is no event without one."""
        for field, name, frame in values.blanked(self.connect, self.steps(request)):
            assert name in self.unread, (
                f"a {name} that is not known leads to an event without {field}: raise DataError, "
                f"or name {name} in `unread`; the frame was {frame[:2000]}"
            )

    def test_unknown_fields(self, request: pytest.FixtureRequest) -> None:
        """What a vendor adds to its messages is kept under `extra`, and costs no event."""
        if UNKNOWN in self.unread:
            pytest.skip(f"{UNKNOWN} is in `unread`")
        for name, frame in forgetful(self.connect, self.steps(request)):
            raise AssertionError(
                f"a field that the codec does not know does not come under `extra` of a {name} "
                f"(see `Messages`), or costs it; if it need not be kept, name {UNKNOWN} in "
                f"`unread`; the frame was {frame[:2000]}"
            )

    def test_numbers_stand_in_the_frame(self, request: pytest.FixtureRequest) -> None:
        """Sequence numbers and trade ids are the vendor's: they stand in the frame as they are."""
        heard = ""
        for step in self.steps(request):
            text = step.frame
            if step.kind == "fetched":  # behind it comes what was held until then
                text = heard + step.response.body.decode()
            heard += f"{step.frame}\n" if isinstance(step.frame, str) else ""
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

    def test_bad_values(self, request: pytest.FixtureRequest) -> None:
        """A value that is missing, of another type or beyond all bounds is named, and that is all.

        No number is another one than in the frame, and what comes before and after arrives.
        """
        for fault in BadInput(self.connect, self.steps(request), self.choosing).values():
            raise AssertionError(fault)

    def test_bad_frames(self, request: pytest.FixtureRequest) -> None:
        """What is no frame of the vendor's, and a refusal in the midst of events, cost no event."""
        for fault in BadInput(self.connect, self.steps(request), self.choosing).frames():
            raise AssertionError(fault)

    def test_damaged_frames(self, request: pytest.FixtureRequest) -> None:
        """Whatever arrives, the codec answers with events and effects, or cannot read it."""
        stream = self.connect()
        frames = [step.frame for step in self.steps(request) if step.kind == "in"]
        for frame in damaged(frames):
            answer = list(transcript.answer(stream, Step("in", START, frame)))
            assert all(isinstance(item, Event | Effect) for item in answer), frame


def _comparable(found: list[Any]) -> list[Any]:
    """What does not say whether the frame was text or bytes."""
    return [type(item) if isinstance(item, ERRORS) else item for item in found]
