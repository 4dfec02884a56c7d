"""What keeps a class from being a plugin is said before one is made of it."""

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from mdc_core.contracts import (
    Check,
    Effect,
    Endpoint,
    Exporter,
    Filter,
    History,
    Importer,
    PartFormat,
    Sandbox,
    Sink,
    Stream,
)
from mdc_core.contracts.faults import faults
from mdc_core.events import Event


class Right(Stream):
    channels = ("trade",)
    vendor = "Right"
    assets = ("equity",)

    def endpoints(self) -> Sequence[Endpoint]:
        return ()

    def receive(self, frame: str | bytes, now: int) -> Sequence[Event | Effect]:
        return ()


MISSING: dict[type, set[str]] = {
    Stream: {"endpoints", "receive"},
    History: {"first", "read"},
    Check: {"__call__"},
    Filter: {"__call__"},
    Importer: {"batches"},
    Exporter: {"write"},
    Sink: {"write", "flush"},
    PartFormat: {"write", "read"},
}


def test_a_class_that_is_right() -> None:
    assert list(faults(Right)) == []


@pytest.mark.parametrize("kind", MISSING, ids=lambda kind: kind.__name__)
def test_methods_that_are_missing(kind: type) -> None:
    """All that its contract does not do itself."""
    empty = type("Empty", (kind,), {})
    said = list(faults(empty))
    assert {text.partition("(")[0] for text in said if text.endswith("() is missing")} >= MISSING[
        kind
    ]


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (lambda self: (), "receive() must take (self, frame, now): too many positional"),
        (lambda self, frame: (), "receive() must take (self, frame, now): "),
        (lambda self, frame, now, more: (), "receive() must take (self, frame, now): missing"),
        (lambda self, frame, now, more=1: (), ""),
        (lambda self, *args: (), ""),
        (lambda *args: (), ""),
        (lambda self, frame, now, *, key: (), "receive() must take (self, frame, now): missing"),
    ],
)
def test_a_method_that_cannot_take_what_it_is_given(method: Any, said: str) -> None:
    method.__module__ = "acme"
    found = list(faults(type("Odd", (Right,), {"receive": method})))
    assert len(found) == bool(said)
    assert all(text.startswith(said) for text in found)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"secrets": "ACME_KEY"}, "secrets must be a tuple of words, not 'ACME_KEY'"),
        ({"secrets": ["A"]}, "secrets must be a tuple of words, not ['A']"),
        ({"optional_secrets": (1,)}, "optional_secrets must be a tuple of words, not (1,)"),
        ({"requires": ("",)}, "requires must be a tuple of words, not ('',)"),
        ({"channels": "trade"}, "channels must be a tuple of words, not 'trade'"),
        ({"vendor": None}, "vendor must be a name, not None"),
        ({"assets": ("equities",)}, "no such class of assets: 'equities'"),
        ({"limits": 3}, "limits must be Limits(...), not 3"),
    ],
)
def test_facts_of_the_wrong_kind(values: dict[str, Any], said: str) -> None:
    found = list(faults(type("Odd", (Right,), values)))
    assert any(text.startswith(said) for text in found), found


@pytest.mark.parametrize(
    ("secrets", "optional", "asked", "said"),
    [
        ((), (), (), ""),
        (("A", "B"), (), ("B", "A"), ""),
        (("A",), ("B",), ("A", "B"), ""),
        (("A",), (), ("B",), "its mock server asks for other secrets: B"),
        (("A",), (), ("A", "B"), "its mock server asks for other secrets: A, B"),
        (("A",), ("B",), ("A",), "its mock server asks for other secrets: A"),
        (("A",), (), (), "its mock server asks for other secrets: none"),
        ((), ("A",), (), "its mock server asks for other secrets: none"),
    ],
)
def test_a_mock_server_asks_for_the_same_secrets(
    secrets: tuple[str, ...], optional: tuple[str, ...], asked: tuple[str, ...], said: str
) -> None:
    class Server(Sandbox):
        test_secrets: ClassVar[dict[str, str]] = dict.fromkeys(asked, "x")

    facts = {"secrets": secrets, "optional_secrets": optional, "sandbox": Server}
    assert list(faults(type("Odd", (Right,), facts))) == ([said] if said else [])


def test_a_method_of_its_own_is_its_own_matter() -> None:
    class Own(Right):
        names: ClassVar[tuple[str, ...]] = ()

        def helper(self, *, a: int, b: int) -> int:
            return a + b

    assert list(faults(Own)) == []
