"""What a streaming provider makes of frames that are lost, come twice or are altered."""

from collections.abc import Iterator
from functools import partial

import pytest

from mdc_core.contracts import Send
from mdc_core.events import Book, Delta, Event, Quote, Trade, type_of
from mdc_core.testing.stream.damage import Aftermath, alter, key, lose, near_changes, repeat
from mdc_core.testing.stream.subscription_suite import SubscriptionSuite
from mdc_core.testing.stream.tape import market

_DELAY = 12  # events that are under way when something is asked for
_NUMBERED = (Trade, Quote, Book, Delta)


class DamageSuite(SubscriptionSuite):
    """The part of `StreamSuite` that damages what the mock server sends.

    Where the stream declares `sequence`, each event has its `seq`, and of a frame that is lost
    the codec says a `Gap` of the right count (of a book: a `Gap`, or it asks for it again);
    where it declares `checksums`, an altered size is noticed. Afterwards the book is that of the
    venue again, or the codec has asked for another connection. What is asked for is asked for
    once, whatever is still under way then, by a `Send` with `again`.
    """

    def clean(self) -> list[tuple[Event, list[Event]]]:
        """The events of the tape, each with what comes of it where nothing is damaged."""
        talk = self.agree()
        found = []
        for event in self.tape():
            before = len(talk.given)
            frames = talk.feed([event])
            found.append((event, market(talk.given[before:]) if frames else []))
        return found

    def test_numbers(self) -> None:
        """Events have the vendor's numbers, or `sequence` says that there are none."""
        self.server()
        kinds = self.wanted()
        for event in (event for _, out in self.clean() for event in out):
            name = type_of(event)
            if self.stream.sequence is None:
                assert event.seq is None, (
                    f"a {name} has a seq: say within what it counts by `sequence`"
                )
            elif type(event) in kinds and isinstance(event, _NUMBERED):
                assert event.seq is not None or f"{name}.seq" in self.lacks, (
                    f"a {name} has no seq: if the vendor numbers none of them, name {name}.seq in "
                    "`lacks`; if it numbers nothing, say `sequence = None`"
                )

    def test_lost_frames(self) -> None:
        """Each frame with a number that is lost is told, with how many, and does no harm."""
        self.server()
        if self.stream.sequence is None:
            pytest.skip(f"{self.stream.__name__} says that the vendor numbers nothing")
        if self.stream.sparse:
            pytest.skip(f"{self.stream.__name__} says that the vendor skips numbers")
        clean = self.clean()
        played = [event for event, _ in clean]
        for at, count in self.losses(clean):
            outcome = Aftermath(self.agree(), played, at, lose)
            name = type_of(played[at])
            assert outcome.is_told, f"that a {name} was lost is told by nothing: `Gap` does"
            if outcome.gaps:
                told = outcome.gaps[0].count
                assert told == count, f"{count} was lost, a {name}, and the Gap says {told}"
            elif isinstance(played[at], Trade | Quote):
                raise AssertionError(f"that a {name} was lost is told without a `Gap`")
            wrong = self.has_books() and not outcome.is_right
            assert not wrong, f"the book stays wrong after a {name} was lost"

    def losses(self, clean: list[tuple[Event, list[Event]]]) -> Iterator[tuple[int, int | None]]:
        """Which events may be lost, and how many numbers that makes.

        Not the first of a sequence, nor the last, for nothing tells of those.
        """
        numbers = [{(key(self.stream, e), e.seq) for e in out if e.seq} for _, out in clean]
        every = sorted({pair for some in numbers for pair in some}, key=str)
        by_key: dict[object, list[int]] = {}
        for which, number in every:
            by_key.setdefault(which, []).append(number or 0)
        for at, some in enumerate(numbers[: len(numbers) // 2]):
            ends = (n in (min(by_key[k]), max(by_key[k])) for k, n in some)
            if some and not any(ends):
                even = all(len(by_key[k]) == max(by_key[k]) - min(by_key[k]) + 1 for k, _ in some)
                yield at, len(some) if even else None

    def test_repeated_frames(self) -> None:
        """A frame that comes twice is no loss, and does no harm."""
        self.server()
        played = self.tape()
        for at in range(0, len(played) // 2, 3):
            outcome = Aftermath(self.agree(), played, at, repeat)
            name = type_of(played[at])
            wrong = [gap for gap in outcome.gaps if gap.reason == "sequence"]
            assert not wrong, f"a {name} came twice, and the codec says that one was lost"
            assert outcome.is_right or not self.has_books(), f"the book is wrong: a {name} twice"

    def test_altered_frames(self) -> None:
        """Where books have a checksum, a size that was altered on the way is noticed."""
        self.server()
        if not self.has_books():
            return
        books = [event for _, out in self.clean() for event in out if isinstance(event, Book)]
        has = self.stream.checksums
        sums = any(book.checksum is not None for book in books)
        assert has is not None or sums, (
            "say `checksums = True` if the vendor's books have a checksum, else `False`"
        )
        assert has is not False or not sums, "`checksums` is False, and books have a checksum"
        if has is False:
            pytest.skip(f"{self.stream.__name__} says that books have no checksum")
        played = self.tape()
        places = [at for at in near_changes(played) if at < len(played) // 2]
        tried = 0
        for at in places:
            event = played[at]
            assert isinstance(event, Delta) and event.size is not None
            outcome = Aftermath(self.agree(), played, at, partial(alter, event.size))
            tried += outcome.is_damaged
            assert outcome.is_told or not outcome.is_damaged, (
                f"a book's size of {event.size} was altered, and no checksum tells it"
            )
            assert outcome.is_right, "the book stays wrong after a wrong checksum"
        assert tried or not places, "no size of the tape stands in the mock server's frames"

    def test_asks_once(self) -> None:
        """What was under way when the codec asked for a book does not make it ask once more."""
        self.server()
        if not self.has_books():
            return
        played = self.tape()
        for at in near_changes(played)[: len(played) // 4 : 3]:
            event = played[at]
            assert isinstance(event, Delta) and event.size is not None
            for damage in (lose, partial(alter, event.size)):
                at_once, late = (
                    Aftermath(self.agree(), played, at, damage, n) for n in (0, _DELAY)
                )
                assert late.sent <= at_once.sent, (
                    f"a book that is answered late is asked for by {late.sent} frames, and by "
                    f"{at_once.sent} if it is answered at once: until it comes, do not ask again"
                )
                hasty = [s for s in late.given if isinstance(s, Send) and s.again is None]
                assert not hasty, (
                    f"{hasty[0].frame!r} asks for something once more: say for what by `again`, "
                    "so that the driver can let time pass between two of them"
                )
                wrong = at_once.is_right and not late.is_right
                assert not wrong, "the book stays wrong if it is answered late"

    def has_books(self) -> bool:
        """Whether books are subscribed to, and their changes."""
        return {Book, Delta} <= self.wanted()
