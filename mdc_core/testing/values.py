"""Each value of a recorded frame, altered: something must become of it.

A codec that leaves out the second level of a change, the aggressor or the wait of a refusal
gives the same whatever they are, also where the transcript was recorded with that bug.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from mdc_core.contracts import Bad, Stream, Up
from mdc_core.events import Event, Market
from mdc_core.testing.round_trip import TROUBLE
from mdc_core.testing.transcript import Step, answer, as_line

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


def unread(make: Callable[[], Stream], steps: Sequence[Step]) -> Iterator[tuple[str, str]]:
    """The values, each with its frame, of which nothing becomes.

    Each number of a frame that leads to events, and to no trouble, counts by itself; of other
    values it is enough that one of their name does. What comes before `Up` is the sandbox's to
    judge.
    """
    words: dict[str, str] = {}
    seen: dict[tuple[str, ...], int] = {}
    read = set[str]()
    for at in _places(steps):
        text = str(steps[at].frame)
        every = list(values(text))[:_MOST]
        kind = tuple(sorted({value.name for value in every}))
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] > _ALIKE:
            continue
        strict = _is_smooth(steps[at].found)
        for value in every:
            if value.name in read and not (strict and value.is_number):
                continue
            if _matters(make(), steps, at, value.altered(text)):
                read.add(value.name)
            elif strict and value.is_number:
                yield value.name, text
            else:
                words.setdefault(value.name, text)
    yield from ((name, text) for name, text in words.items() if name not in read)


def _is_smooth(found: Sequence[Any]) -> bool:
    market = any(isinstance(item, Market) for item in found)
    return market and not any(isinstance(item, TROUBLE) for item in found)


def _places(steps: Sequence[Step]) -> list[int]:
    """The frames that were read, from `Up` on."""
    is_up, found = False, []
    for number, step in enumerate(steps):
        unreadable = any(isinstance(item, Bad) for item in step.found)
        if is_up and step.found and not unreadable and isinstance(step.frame, str) and step.frame:
            found.append(number)
        is_up = is_up or any(isinstance(item, Up | Market) for item in step.found)
    return found


def _matters(stream: Stream, steps: Sequence[Step], at: int, frame: str) -> bool:
    """Whether something else comes when this frame is in place of the recorded one."""
    for step in steps[:at]:
        list(answer(stream, step))
    for step in [replace(steps[at], frame=frame), *steps[at + 1 :]]:
        try:
            now = list(answer(stream, step))
        except ArithmeticError:  # the other errors of a damaged frame are `Bad`
            return True
        if list(map(_said, now)) != list(map(_said, step.found)):
            return True
    return False


def _said(item: Any) -> Any:
    return item if isinstance(item, Event) else as_line(item, {})


def _other(word: str) -> str:
    """A text like this one, but for one letter or digit."""
    places = [n for n, c in enumerate(word) if c.isalnum() and c != "0"]
    at = places[-1] if places else len(word) - 1
    letter = word[at]
    other = str(int(letter) % 9 + 1) if letter.isdecimal() else "x" if letter != "x" else "y"
    return word[:at] + other + word[at + 1 :]
