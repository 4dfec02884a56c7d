"""A transcript: what came, what was sent and what became of it, one JSON object a line, in order.

    {"dir":"in","frame":[{"T":"success","msg":"connected"}]}
    {"dir":"out","frame":{"action":"auth","key":"test-KEY"}}
    {"dir":"event","event":{"type":"trade","symbol":"SPY",...}}
    {"dir":"error","error":"Refused","text":"wrong key"}
    {"dir":"tick"}
    {"dir":"derived","frame":{"state":"fetched","tag":"book","status":200,"body":"e30="}}

A capture (`mdc stream NAME --capture FILE`) is a transcript without events and errors;
`MDC_UPDATE_GOLDEN=1 pytest` writes them in. A frame is the frame's JSON, digit for digit; one
that is no JSON is a string, with `encoding` "text" or "base64". `recv_ns` is the time that the
codec is given as `now`, in nanoseconds since 1970 (without it, a millisecond after the line
before). `"silent":true` says of a frame that nothing comes of it. Other members are notes.
"""

import base64
import os
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec

from mdc_core.contracts import (
    Bad,
    Busy,
    Fetch,
    Maintenance,
    Reconnect,
    Refused,
    Response,
    Send,
    Stream,
    Up,
)
from mdc_core.contracts.live.effects import UNREADABLE, reason_of
from mdc_core.events import Event
from mdc_core.logs import MASK
from mdc_core.testing.golden import line_of, lines_of, tell_changes
from mdc_core.testing.stream.tape import START  # the time of a first frame that has none

STEP = 1_000_000
ERRORS = (Bad, Busy, Maintenance, Reconnect, Refused)


class TranscriptLine(msgspec.Struct, omit_defaults=True):
    """A line of a transcript."""

    dir: Literal["in", "out", "event", "error", "tick", "derived"]
    frame: msgspec.Raw = msgspec.Raw(b"")
    encoding: Literal["text", "base64"] | None = None
    recv_ns: int | None = None
    event: msgspec.Raw = msgspec.Raw(b"")
    error: str | None = None
    text: str | None = None
    after: float | None = None
    symbol: str | None = None
    symbols: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    hint: str | None = None
    silent: bool = False

    def content(self) -> str | bytes:
        """The frame as it was on the wire."""
        raw = bytes(self.frame)
        if self.encoding is None:
            return raw.decode()
        text = msgspec.json.decode(raw, type=str)
        return base64.b64decode(text) if self.encoding == "base64" else text


class Step(msgspec.Struct):
    """One thing that happens to the codec, and what is expected of it."""

    kind: Literal["open", "in", "tick", "fetched"]
    now: int
    frame: str | bytes = ""
    source: bytes = b""
    expected: list[Any] = []
    found: list[Any] = []
    silent: bool = False
    tag: str = ""
    response: Response = Response(0)


class _Answer(msgspec.Struct):
    """What a capture says of an answer by HTTP, its body in base64."""

    state: str
    tag: str = ""
    status: int = 0
    headers: dict[str, str] = {}
    body: bytes = b""


def read(path: Path) -> list[Step]:
    """The steps of a transcript; the first is the opening of the connection."""
    steps = [Step("open", START)]
    now = START
    for raw in lines_of(path):
        line = msgspec.json.decode(raw, type=TranscriptLine)
        if line.dir in ("in", "tick"):
            now = line.recv_ns or now + STEP
            kind: Literal["in", "tick"] = "in" if line.dir == "in" else "tick"
            frame = line.content() if kind == "in" else ""
            steps.append(Step(kind, now, frame, raw, silent=line.silent))
        elif line.dir != "derived":
            steps[-1].expected.append(line)
        elif (got := msgspec.json.decode(line.frame, type=_Answer)).state == "fetched":
            now = line.recv_ns or now + STEP
            response = Response(got.status, got.headers, got.body)
            steps.append(Step("fetched", now, "", raw, tag=got.tag, response=response))
    return steps


def run(stream: Stream, steps: Iterable[Step]) -> None:
    """Let the codec answer each step."""
    for step in steps:
        step.found = list(answer(stream, step))


def answer(stream: Stream, step: Step) -> Iterable[Any]:
    """What the codec makes of a step; what it cannot read is `Bad`, as with the driver."""
    try:
        if step.kind == "open":
            yield from stream.opened(step.now)
        elif step.kind == "tick":
            yield from stream.tick(step.now)
        elif step.kind == "fetched":
            yield from stream.fetched(step.tag, step.response, step.now)
        else:
            yield from stream.receive(step.frame, step.now)
    except UNREADABLE as error:
        yield Bad(step.frame, reason_of(error))


def items(steps: Iterable[Step]) -> list[Any]:
    """All that was found, in order."""
    return [item for step in steps for item in step.found]


def events_of(steps: Iterable[Step]) -> list[Event]:
    """The events that were found."""
    return [item for item in items(steps) if isinstance(item, Event)]


def check(path: Path, steps: list[Step], secrets: Mapping[str, str]) -> None:
    """Compare what was found with what the transcript says, frame by frame."""
    found = list(differences(path.name, steps, secrets))
    if os.environ.get("MDC_UPDATE_GOLDEN"):
        write(path, steps, secrets)
        tell_changes(path, found)
    elif found:
        raise AssertionError(found[0])


def differences(name: str, steps: list[Step], secrets: Mapping[str, str]) -> Iterator[str]:
    """What is not answered as recorded."""
    for number, step in enumerate(steps):
        found = [as_line(item, secrets) for item in step.found]
        expected = [_masked(_plain(line), secrets) for line in step.expected]
        if found != expected:
            yield _difference(name, number, step, found, expected)


def write(path: Path, steps: list[Step], secrets: Mapping[str, str]) -> None:
    """Write the transcript anew with what was found."""
    out = []
    for step in steps:
        out += [step.source] if step.source else []
        for item in step.found:
            if isinstance(item, Event):
                out.append(b'{"dir":"event","event":' + line_of(item) + b"}")
            else:
                out.append(_encode(as_line(item, secrets)))
    path.write_bytes(b"".join(line + b"\n" for line in out))


def as_line(item: Any, secrets: Mapping[str, str]) -> dict[str, Any]:
    """An item as its line says it, without secrets."""
    match item:
        case Event():
            value: dict[str, Any] = {"dir": "event", "event": _values(line_of(item))}
        case Send(frame) if isinstance(frame, bytes):
            text = base64.b64encode(frame).decode()
            return {"dir": "out", "frame": text, "encoding": "base64"}
        case Send(frame):
            value = {"dir": "out", "frame": _value_of(str(frame))}
        case Up():
            value = {"dir": "event", "event": {"type": "up"}}
        case Fetch():
            value = {"dir": "out", "frame": {"fetch": item.request.url, "tag": item.tag}}
        case Bad() | Busy() | Maintenance() | Refused():
            value = {"dir": "error", "error": type(item).__name__, "text": item.text}
            value |= _more(item)
        case Reconnect(reason):
            value = {"dir": "error", "error": "Reconnect", "text": reason}
        case _:
            value = {"dir": "error", "error": "neither an event nor an effect", "text": repr(item)}
    return _masked(value, secrets)


def _plain(line: TranscriptLine) -> dict[str, Any]:
    if line.dir == "event":
        return {"dir": "event", "event": _values(bytes(line.event))}
    if line.dir == "error":
        return {"dir": "error", "error": line.error, "text": line.text, **_more(line)}
    if line.encoding == "base64":
        text = msgspec.json.decode(line.frame, type=str)
        return {"dir": "out", "frame": text, "encoding": "base64"}
    return {"dir": "out", "frame": _value_of(str(line.content()))}


def _more(item: Any) -> dict[str, Any]:
    """What else an error says, where it does."""
    names = ("after", "symbol", "symbols", "channels", "hint")
    return {name: value for name in names if (value := getattr(item, name, None)) not in (None, ())}


def _values(text: bytes) -> Any:
    """JSON by value, its numbers as the text of their exact value."""
    return _exact(msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode(text))


def _exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _exact(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_exact(one) for one in value]
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"{Decimal(value).normalize():f}"
    return value


def _value_of(frame: str) -> Any:
    try:
        return msgspec.json.decode(frame)
    except msgspec.DecodeError:
        return frame


def _encode(value: Any) -> bytes:
    frame = value.get("frame")
    if isinstance(frame, str) and "encoding" not in value:
        value = {**value, "encoding": "text"}
    return msgspec.json.encode(value)


def _masked(value: dict[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    text = msgspec.json.encode(value).decode()
    for secret in secrets.values():
        text = text.replace(secret, MASK)
    masked: dict[str, Any] = msgspec.json.decode(text)
    return masked


def _difference(name: str, number: int, step: Step, found: list[Any], expected: list[Any]) -> str:
    """What differs at a frame, as people read it."""
    frame = step.source.decode(errors="replace") if step.source else "the connection opens"
    lines = [f"{name}: step {number} is not answered as recorded", f"  {frame[:2000]}"]
    for place in range(max(len(found), len(expected))):
        was = expected[place] if place < len(expected) else None
        now = found[place] if place < len(found) else None
        if was != now:
            lines += [f"  - {_words(was)}", f"  + {_words(now)}"]
    return "\n".join(lines)


def _words(value: Any) -> str:
    return "nothing" if value is None else msgspec.json.encode(value).decode()
