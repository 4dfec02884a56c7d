"""Recorded frames with something in them that a codec cannot expect, and what it may make of that.

Frames are JSON, or msgpack (see `trees`).

In each kind of frame each value is in turn left out, of another type, not a number, too small
for its own digits or too long for a float; lists are empty, words unknown. A codec names what it
cannot read (`Bad`, or an error that it may raise), and what comes before and after it arrives.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct
from msgspec.msgpack import Ext
from msgspec.structs import astuple, replace

from mdc_core.contracts import Bad, Busy, Effect, Reconnect, Refused, Stream
from mdc_core.events import Book, Delta, Event, Market, type_of
from mdc_core.flaws import flaw_of
from mdc_core.testing.stream.transcript import Step, answer
from mdc_core.testing.stream.trees import Frame, Written, frame_of, is_read, shown, text_of, tree_of

LONG = "123456789012345.678901234567890"  # digits, of which a float holds half
TINY = "1e-7"
WORD = "mdc-unknown"
LARGE = 5_000_000
BOOKS = (Book, Delta)
ENDS = (Refused, Busy, Reconnect)  # of a connection, or of a subscription


class BadValue(Struct):
    """A frame with one thing changed: where, what it is now, and whether it is left out."""

    where: str
    what: str
    frame: Frame
    is_first: bool  # stands in the first of several items of a list

    @property
    def name(self) -> str:
        """The key of the value."""
        return self.where.rpartition(".")[2]


def changes(frame: Frame) -> Iterator[BadValue]:
    """A frame with each of its values in turn changed in each of the ways."""
    tree = tree_of(frame)
    for path, value in _places(tree, ()):
        first = _is_in_first(tree, path)
        for other in _others(value):
            what = "left out" if other is None else text_of(other)
            changed = frame_of(_with(tree, path, other), frame)
            yield BadValue(".".join(map(str, path)), what[:60], changed, first)


def _places(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """What stands where; of the objects or the rows of a list the first is enough."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _places(one, (*path, name))
    elif isinstance(value, list):
        some = value[:1] if value and isinstance(value[0], dict | list) else value
        for at, one in enumerate(some):
            yield from _places(one, (*path, at))


def _others(value: Any) -> list[Any]:
    """What may stand there instead; None leaves it out."""
    match value:
        case Written():
            others = ['"text"', "NaN", TINY, LONG, "null", "[]", f'"{WORD}"', "1e999999999"]
            return [None, *map(Written, others)]
        case str() if _is_number(value):
            return [None, "text", "NaN", TINY, LONG, "", Written("null"), Written("{}"), "Infinity"]
        case str():
            return [None, WORD, Written("7"), Written("null"), Written("[]"), "\U0001f600\u0000"]
        case list():
            return [None, [], Written("null"), WORD, Written("{}"), [Written("null")]]
        case dict():
            return [None, {}, Written("null"), WORD, []]
        case Ext(code=code):
            data = bytes(value.data)
            return [None, Written("null"), Written("7"), WORD, Ext(5, data), Ext(code, data[:3])]
    return [None, Written("null"), WORD, Written("7")]


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _with(tree: Any, path: tuple[str | int, ...], other: Any) -> Any:
    """The tree with something else in this place."""
    at, *rest = path
    new = tree.copy()
    if rest:
        new[at] = _with(tree[at], tuple(rest), other)
    elif other is None:
        del new[at]
    else:
        new[at] = other
    return new


def _is_in_first(tree: Any, path: tuple[str | int, ...]) -> bool:
    """Whether it stands in the first of several objects, which are no levels of a book."""
    for at in path[:-1]:
        if isinstance(tree, list) and at == 0 and len(tree) > 1:
            return isinstance(tree[0], dict)
        tree = tree[at]
    return False


def hopeless(frame: Frame) -> list[Frame]:
    """What no vendor sends: text that is binary, or none, or long, or nested too deep."""
    raw = frame.encode() if isinstance(frame, str) else frame
    at = raw.find(b'"' if isinstance(frame, str) else b"\xa1") + 1
    return [
        raw[:at] + b"\xff\xfe" + raw[at:],
        b"\x00\x01\x02\xfd",
        bytes(range(256)),
        frame[:at] + "x" * LARGE + frame[at:] if isinstance(frame, str) else _large(frame),
        "[" * 100_000 if isinstance(frame, str) else b"\x91" * 100_000,
        frame[: len(frame) // 2],
        "",
        "not a number",
    ]


def _large(frame: bytes) -> bytes:
    """A frame of msgpack whose first value is long."""
    tree = tree_of(frame)
    path = next(path for path, value in _places(tree, ()) if not isinstance(value, dict | list))
    return bytes(frame_of(_with(tree, path, "x" * LARGE), frame))  # type: ignore[arg-type]


class BadInput:
    """What a codec makes of such frames, each in the place of a recorded one."""

    def __init__(
        self, make: Callable[[], Stream], steps: Sequence[Step], choosing: Sequence[str] = ()
    ) -> None:
        self._make, self._steps, self._choosing = make, steps, choosing
        self.count = 0

    def values(self) -> Iterator[str]:
        """What is wrong, for people; nothing if all is named and nothing else lost."""
        seen = set[tuple[str, ...]]()
        for at, step in enumerate(self._steps):
            types = sorted({type_of(e) for e in step.found if isinstance(e, Market)})
            unread = any(isinstance(item, Bad) for item in step.found)
            if not types or unread or not is_read(step.frame):
                continue
            kind = (*types, *sorted(_shape(tree_of(step.frame))))
            if kind not in seen:
                seen.add(kind)
                yield from self._of_frame(at, step.frame)

    def frames(self) -> Iterator[str]:
        """What is wrong where a whole frame is none of the vendor's, or a refusal comes again."""
        for step in self._steps:
            good = [e for e in step.found if isinstance(e, Market) and not isinstance(e, BOOKS)]
            if step.kind == "in" and good and is_read(step.frame):
                break
        else:
            return
        at = self._steps.index(step)
        no = [s for s in self._steps if any(isinstance(i, Refused | Busy) for i in s.found)]
        bad = [*hopeless(step.frame), *(s.frame for s in no if s.kind == "in")]
        for frame in bad:
            stream = self._before(at)
            found = list(answer(stream, replace(step, frame=frame)))
            said = repr(frame)[:80]
            if any(isinstance(item, ENDS) for item in found):
                continue
            if not found and frame and not any(one.frame == frame for one in no):
                yield f"nothing comes of {said}, and nothing is said"
            now = list(answer(stream, step))
            if lost := [item for item in good if item not in now]:
                yield f"behind {said} the {type_of(lost[0])} of {shown(step.frame)[:200]} is lost"

    def _of_frame(self, at: int, frame: Frame) -> Iterator[str]:
        stream, unread = None, list[BadValue]()
        for change in changes(frame):
            stream = stream or self._before(at)
            self.count += 1
            found = list(answer(stream, replace(self._steps[at], frame=change.frame)))
            wrong = self._judged(found, self._steps[at].found, change)
            if wrong is not None:
                yield f"{change.where} {change.what}: {wrong}: {shown(change.frame)[:400]}"
            elif found and all(isinstance(item, Bad) for item in found):
                unread.append(change)
                continue  # as if it had not come
            stream = None
        if (lost := self._lost_behind(unread, at)) is not None:
            text = shown(frame)[:400]
            yield f"the {type_of(lost)} of {text} is lost behind such as cannot be read"

    def _before(self, at: int) -> Stream:
        stream = self._make()
        for step in self._steps[:at]:
            list(answer(stream, step))
        return stream

    def _judged(self, found: list[Any], was: list[Any], change: BadValue) -> str | None:
        all_found = found
        strange = [item for item in found if not isinstance(item, Event | Effect)]
        found = [item for item in found if not isinstance(item, Event) or flaw_of(item) is None]
        if strange:
            return f"{strange[0]!r} is neither an event nor an effect"
        is_silent = change.what in ("left out", "[]", "{}") or change.name in self._choosing
        if not all_found and not is_silent:
            return "nothing comes of it, and nothing is said"
        words = _numbers(tree_of(change.frame)) | {Decimal(0)}
        old = {n for item in was if isinstance(item, Market) for n in _figures(item)}
        for item in found:
            if isinstance(item, Market) and not _figures(item) <= words | old:
                number = min(_figures(item) - words - old)
                return f"{number} of a {type_of(item)} stands nowhere in the frame"
        good = [item for item in was if isinstance(item, Market) and not isinstance(item, BOOKS)]
        one_of_several = change.is_first and len(good) > 1 and is_read(change.frame)
        if one_of_several and good[0] not in found and good[-1] not in found:
            return "what stands behind it in the frame is lost"
        return None

    def _lost_behind(self, unread: Sequence[BadValue], at: int) -> Event | None:
        """What does not come of the frame as it was recorded, behind those."""
        stream = self._before(at)
        for change in unread:
            list(answer(stream, replace(self._steps[at], frame=change.frame)))
        now = list(answer(stream, self._steps[at]))
        was = [item for item in self._steps[at].found if isinstance(item, Market)]
        lost = (item for item in was if item not in now and not isinstance(item, BOOKS))
        return next(lost, None)


def _shape(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from _shape(one)
    elif isinstance(value, list):
        for one in value:
            yield from _shape(one)


def _numbers(value: Any) -> set[Decimal]:
    """The numbers that stand in a frame, also as text."""
    if isinstance(value, dict):
        return set().union(*map(_numbers, value.values()))
    if isinstance(value, list):
        return set().union(*map(_numbers, value))
    try:
        return {Decimal(value)} if isinstance(value, str) else set()
    except InvalidOperation:
        return set()


def _figures(value: Any) -> set[Decimal]:
    """The decimals of an event, but for what only stands under `extra`."""
    if isinstance(value, Decimal):
        return {value}
    if isinstance(value, Event):
        value = astuple(replace(value, extra=None))
    elif isinstance(value, Struct):
        value = astuple(value)
    return set().union(*map(_figures, value)) if isinstance(value, list | tuple) else set()
