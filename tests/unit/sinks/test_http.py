"""The sink http keeps to the contract."""

from collections.abc import Iterator
from contextlib import contextmanager

from mdc_core.testing import SinkSuite
from mdc_sinks.http import Http
from tests.kit.http_place import HttpPlace, http_place


class TestHttp(SinkSuite):
    sink = Http
    nowhere = "http://127.0.0.1:9/events"
    exactly_once = True

    @contextmanager
    def place(self) -> Iterator[HttpPlace]:
        with http_place() as place:
            yield place
