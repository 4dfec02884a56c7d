"""Each value of a recorded frame, altered: something must become of it.

A codec that leaves out the second level of a change, the aggressor or the wait of a refusal
gives the same whatever they are, also where the transcript was recorded with that bug.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from mdc_core.contracts import Bad, Stream
from mdc_core.events import Event, Market, type_of
from mdc_core.schema import allowed_values, field_names
from mdc_core.testing.stream.round_trip import TROUBLE
from mdc_core.testing.stream.transcript import Step, answer, as_line

_JSON = re.compile(
    r'"(?P<text>(?:[^"\\]|\\.)*)"(?P<key>\s*:)?|(?P<number>-?\d[\d.eE+-]*)|(?P<word>true|false)'
)
_PLAIN = re.compile(r"[^|,;=\s]+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_ALIKE = 3  # frames of one kind that are altered
_MOST = 60  # values of a frame


class Value(Struct):
    """A value in a frame: its name, and where it stands."""

    name: str
    start: int
    stop: int
    is_number: bool

    def altered(self, text: str) -> str:
        """The frame with another value in this place."""
        word = text[self.start : self.stop]
        other = {"true": "false", "false": "true"}.get(word) or _other(word)
        return text[: self.start] + other + text[self.stop :]


def values(text: str) -> Iterator[Value]:
    """The values of a frame of JSON, with their keys, or of a line, with their places."""
    if text.lstrip()[:1] not in ("{", "["):
        for number, found in enumerate(_PLAIN.finditer(text)):
            name = f"{_PLAIN.findall(text)[0]} {number}" if number else "0"
            yield Value(name, *found.span(), _NUMBER.fullmatch(found[0]) is not None)
        return
    key = ""
    for found in _JSON.finditer(text):
        if found["key"]:
            key = found["text"]
            continue
        group = str(found.lastgroup)
        if found[group]:
            is_number = _NUMBER.fullmatch(found[group]) is not None
            yield Value(key, *found.span(group), is_number)


class AlteredFrame(Struct):
    """A frame whose values are altered; `is_strict` if each of its numbers counts by itself."""

    at: int
    text: str
    is_strict: bool


def unread(
    frames: Iterable[AlteredFrame], matters: Callable[[int, str], bool]
) -> Iterator[tuple[str, str]]:
    """The values, each with its frame, of which nothing becomes.

    `matters` says whether something else comes with another text in this place. Of values that
    do not count by themselves it is enough that one of their name does.
    """
    words: dict[str, str] = {}
    seen: dict[tuple[str, ...], int] = {}
    read = set[str]()
    for frame in frames:
        every = list(values(frame.text))[:_MOST]
        kind = tuple(sorted({value.name for value in every}))
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] > _ALIKE:
            continue
        for value in every:
            counts = frame.is_strict and value.is_number
            if value.name in read and not counts:
                continue
            if matters(frame.at, value.altered(frame.text)):
                read.add(value.name)
            elif counts:
                yield value.name, frame.text
            else:
                words.setdefault(value.name, frame.text)
    yield from ((name, text) for name, text in words.items() if name not in read)


def recorded(steps: Sequence[Step]) -> list[AlteredFrame]:
    """The frames of a transcript that were read; strict are those of events without trouble."""
    found = []
    for number, step in enumerate(steps):
        unreadable = any(isinstance(item, Bad) for item in step.found)
        if step.found and not unreadable and isinstance(step.frame, str) and step.frame:
            found.append(AlteredFrame(number, step.frame, _is_smooth(step.found)))
    return found


def blanked(make: Callable[[], Stream], steps: Sequence[Step]) -> Iterator[tuple[str, str, str]]:
    """Fields of known values that are absent where the value in the frame is not known.

    Each with the name of that value and its frame.
    """
    for frame in recorded(steps):
        for value in values(frame.text) if frame.is_strict else ():
            if value.is_number:
                continue
            stream = make()
            for step in steps[: frame.at]:
                list(answer(stream, step))
            now = list(answer(stream, replace(steps[frame.at], frame=value.altered(frame.text))))
            for was, is_ in zip(steps[frame.at].found, now, strict=False):
                if isinstance(was, Event) and type(is_) is type(was):
                    yield from ((f, value.name, frame.text) for f in _lost(was, is_))


def _lost(was: Event, now: Event) -> list[str]:
    """The fields of known values that one event has, and the other has not."""
    every = [n for n in field_names(type_of(was)) if allowed_values(type(was), n)]
    return [n for n in every if getattr(was, n) is not None and getattr(now, n) is None]


def _is_smooth(found: Sequence[Any]) -> bool:
    market = any(isinstance(item, Market) for item in found)
    return market and not any(isinstance(item, TROUBLE) for item in found)


def matters(make: Callable[[], Stream], steps: Sequence[Step], at: int, frame: str) -> bool:
    """Whether something else comes when this frame is in place of the recorded one."""
    stream = make()
    for step in steps[:at]:
        list(answer(stream, step))
    for step in [replace(steps[at], frame=frame), *steps[at + 1 :]]:
        try:
            now = list(answer(stream, step))
        except ArithmeticError:  # the other errors of a damaged frame are `Bad`
            return True
        if list(map(said, now)) != list(map(said, step.found)):
            return True
    return False


def said(item: Any) -> Any:
    """What an item says, to compare."""
    return item if isinstance(item, Event) else as_line(item, {})


def _other(word: str) -> str:
    """A text like this one, but for one letter or digit."""
    places = [n for n, c in enumerate(word) if c.isalnum() and c != "0"]
    at = places[-1] if places else len(word) - 1
    letter = word[at]
    other = str(int(letter) % 9 + 1) if letter.isdecimal() else "x" if letter != "x" else "y"
    return word[:at] + other + word[at + 1 :]
