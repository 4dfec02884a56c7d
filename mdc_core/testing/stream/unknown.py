"""A field that nobody knows, in each object of a recorded frame: the codec keeps it.

A vendor adds fields to its messages without asking, and what it says is to be found again.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from mdc_core.contracts import Stream
from mdc_core.events import Event, Market, type_of
from mdc_core.testing.stream.transcript import Step, answer
from mdc_core.testing.stream.values import recorded, values

UNKNOWN = "mdc_unknown"
_BRACES = re.compile(r'"(?:[^"\\]|\\.)*"|(?P<opens>\{)|(?P<closes>\})')
_ALIKE = 3  # frames of one kind that are altered
_MOST = 12  # objects of a frame


def forgetful(make: Callable[[], Stream], steps: Sequence[Step]) -> Iterator[tuple[str, str]]:
    """Types of events that lose a field which the codec does not know, each with its frame."""
    seen: dict[tuple[str, ...], int] = {}
    for frame in recorded(steps):
        step = steps[frame.at]
        types = sorted({type_of(event) for event in step.found if isinstance(event, Market)})
        kind = (*types, *sorted({value.name for value in values(frame.text)}))
        seen[kind] = seen.get(kind, 0) + 1
        if types and seen[kind] <= _ALIKE and frame.text.lstrip()[:1] in ("{", "["):
            made: dict[int, set[str]] = {}  # at each depth
            for depth, text in with_unknown(frame.text):
                became = _became(make(), steps[: frame.at], step, text)
                made.setdefault(depth, set()).add(became)
            lost = any("lost" in some and "kept" not in some for some in made.values())
            if lost or (made and not any("kept" in some for some in made.values())):
                yield types[0], frame.text


def with_unknown(text: str) -> Iterator[tuple[int, str]]:
    """A frame with such a field in one of its objects, and how deep: the outermost ones first."""
    found, depth = [], 0
    for mark in _BRACES.finditer(text):
        if mark["opens"]:
            found.append((depth, mark.end()))
        depth += bool(mark["opens"]) - bool(mark["closes"])
    for depth, at in sorted(found)[:_MOST]:
        if not text[at:].lstrip().startswith("}"):
            yield depth, f'{text[:at]}"{UNKNOWN}":"new",{text[at:]}'


def _became(stream: Stream, before: Sequence[Step], step: Step, text: str) -> str:
    """What became of the field: `kept`, `lost`, or `refused` where other events come.

    An object whose names are values, such as prices, has no place for a field: it is refused.
    """
    for one in before:
        list(answer(stream, one))
    now = list(answer(stream, replace(step, frame=text)))
    if len(now) != len(step.found) or not all(map(_is_as_before, step.found, now)):
        return "refused"
    extras = (item.extra for item in now if isinstance(item, Market))
    return "kept" if any(UNKNOWN.encode() in msgspec.json.encode(e) for e in extras) else "lost"


def _is_as_before(was: Any, now: Any) -> bool:
    """Whether an item is the same but for what its `extra` has more."""
    if type(was) is not type(now) or not isinstance(was, Event):
        return type(was) is type(now)
    more: Mapping[str, Any] = now.extra or {}
    same = all(more.get(name, ...) == value for name, value in (was.extra or {}).items())
    return same and replace(was, extra=None) == replace(now, extra=None)
