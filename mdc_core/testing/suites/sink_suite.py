"""The suite for sinks: rows go to a place of the author's, and are there afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Protocol

import pytest

from mdc_core.batch import from_rows
from mdc_core.contracts import Sink
from mdc_core.errors import BusyError, MdcError, UnavailableError
from mdc_core.events import Event
from mdc_core.testing.suites.format_suite import KEPT, odd_rows
from mdc_core.testing.suites.plugin_suite import PluginSuite
from mdc_core.wire.lines.jsonl import encode_batch


class Place(Protocol):
    """Where a sink under test sends rows."""

    url: str

    @property
    def lines(self) -> list[str]:
        """The rows that it has, in order, each as its line of JSON."""


class SinkSuite(PluginSuite):
    """Set `sink`, and `nowhere` to a URL at which nobody answers; write `place`."""

    sink: ClassVar[type[Sink]]
    nowhere: ClassVar[str]
    exactly_once: ClassVar[bool] = False  # whether your place keeps tokens
    pure: ClassVar[bool] = False

    def plugin(self) -> type[Sink]:
        """The class under test."""
        return self.sink

    @contextmanager
    def place(self) -> Iterator[Place]:
        """A place to send to, while it is there."""
        raise NotImplementedError
        yield

    def opened(self, url: str) -> Sink:
        """A new sink that is open."""
        sink = self.sink(url, self.make_options(), self.make_secrets())
        sink.open()
        return sink

    def test_rows_arrive(self) -> None:
        """Events of every type arrive, value for value, and are acknowledged."""
        rows = [row for name in KEPT for row in odd_rows(name)]
        with self.place() as place:
            sink = self.opened(place.url)
            for start in range(0, len(rows), 7):
                part = rows[start : start + 7]
                sink.write(from_rows(part), f"run:{start}-{start + len(part)}")
            assert sink.flush() == len(rows)
            sink.close()
            assert place.lines == _lines(rows)

    def test_nothing_is_acknowledged_at_first(self) -> None:
        """A sink that was opened again counts from 0."""
        rows = odd_rows(KEPT[0])
        with self.place() as place:
            sink = self.opened(place.url)
            assert sink.flush() == 0
            sink.write(from_rows(rows), "run:0-6")
            assert sink.flush() == len(rows)
            sink.close()
            sink.open()
            assert sink.flush() == 0
            sink.close()

    def test_a_token_is_kept_once(self) -> None:
        """Rows that are sent again by the same token are there once, by another sink too."""
        rows = odd_rows(KEPT[0])
        with self.place() as place:
            for _ in range(2):
                sink = self.opened(place.url)
                sink.write(from_rows(rows), "run:0-6")
                assert sink.flush() == len(rows)
                sink.close()
            assert place.lines == _lines(rows) * (1 if self.exactly_once else 2)

    def test_nobody_answers(self) -> None:
        """A place that is not there is an error after which the driver tries again."""
        with pytest.raises((UnavailableError, BusyError)) as caught:
            sink = self.opened(self.nowhere)
            sink.write(from_rows(odd_rows(KEPT[0])), "run:0-6")
            sink.flush()
        assert not any(value in str(caught.value) for value in self.make_secrets().values())

    def test_a_url_that_makes_no_sense(self) -> None:
        """Whatever the URL, there is an MdcError."""
        for url in ("", "x", "http://", "http://[", "://", "http://a:b", "\x00"):
            with pytest.raises(MdcError):
                sink = self.opened(url)
                sink.write(from_rows(odd_rows(KEPT[0])), "run:0-6")
                sink.flush()


def _lines(rows: list[Event]) -> list[str]:
    text = b"".join(encode_batch(from_rows([row])) for row in rows).decode()
    return text.split("\n")[:-1]
