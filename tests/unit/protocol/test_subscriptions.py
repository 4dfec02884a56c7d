"""What was asked of a vendor, compared with what it has acknowledged."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.plugin import Bad, Reconnect, Refused, Send, Subscriptions, Up
from tests.kit.many import many

SECOND = 1_000_000_000
Pair = tuple[str, str]
A, B, C = ("t", "A"), ("t", "B"), ("t", "C")


def requests(method: str, pairs: Iterable[Pair]) -> list[Send]:
    return [Send(f"{method} {' '.join(map('.'.join, pairs))}")]


def asked(*wanted: Pair, **options: Any) -> Subscriptions:
    """Subscriptions that wait for the answers."""
    subs = Subscriptions("acme", requests, wanted, **options)
    assert subs.begin(0) == requests("subscribe", wanted)
    return subs


def up(*wanted: Pair, **options: Any) -> Subscriptions:
    subs = asked(*wanted, **options)
    assert subs.accept(*wanted) == [Up()]
    return subs


def test_it_is_up_when_all_is_answered() -> None:
    subs = asked(A, B)
    assert subs.accept(A) == [] and not subs.is_up and not subs.is_settled
    assert subs.accept(B) == [Up()] and subs.is_up and subs.is_settled
    assert subs.accept(B) == []  # said twice
    assert [*subs.granted] == [A, B]


def test_what_is_refused_is_told_by_name_and_the_others_go_on() -> None:
    subs = asked(A, B, C, hint="as in A")
    assert subs.refuse("no such symbol", B) == []
    assert subs.accept(A) == []
    told = Refused("acme refuses B, C: no such symbol", ("B", "C"), hint="as in A")
    assert subs.refuse("no such symbol", C) == [Up(), told]


def test_a_symbol_of_which_some_channels_are_refused_keeps_the_others() -> None:
    words = {"t": "trade", "q": "quote"}
    subs = asked(A, ("q", "A"), B, ("q", "B"), channel=words.get)
    subs.accept(A)
    subs.refuse("not in the plan", ("q", "A"))
    subs.refuse("not in the plan", ("q", "B"))
    found = subs.refuse("no such symbol", B)
    assert found == [
        Up(),
        Refused("acme refuses A (quote): not in the plan", ("A",), ("quote",)),
        Refused("acme refuses B: not in the plan; no such symbol", ("B",)),
    ]


def test_if_all_are_refused_each_is_and_it_is_not_up() -> None:
    subs = asked(A, B)
    subs.refuse("no", A)
    assert subs.refuse("neither", B) == [
        Refused("acme refuses A: no", ("A",)),
        Refused("acme refuses B: neither", ("B",)),
    ]
    assert not subs.is_up


def test_one_by_one_the_last_channel_of_a_symbol_is_the_symbol() -> None:
    subs = up(A, ("q", "A"), B)
    assert subs.refuse("gone", A) == [Refused("acme refuses A (t): gone", ("A",), ("t",))]
    assert subs.refuse("gone", ("q", "A")) == [Refused("acme refuses A: gone", ("A",))]
    assert [*subs.granted] == [B]


def test_what_is_left_out_is_refused_once_the_time_is_over() -> None:
    subs = asked(A, B, within=5)
    subs.accept(A)
    assert subs.late(5 * SECOND - 1) == []
    assert subs.late(5 * SECOND) == [
        Up(),
        Refused("acme left out of the subscription: B", ("B",)),
    ]
    assert subs.late(60 * SECOND) == []
    assert subs.accept(B) == [] and B in subs.granted  # later than late


def test_no_answer_at_all_is_no_refusal() -> None:
    subs = asked(A, B)
    assert subs.late(60 * SECOND) == [Reconnect("acme does not answer the subscription")]
    assert not subs.is_settled and subs.late(61 * SECOND) == []


def test_refusals_that_do_not_say_of_what_are_about_what_is_not_granted() -> None:
    subs = asked(A, B, C)
    assert subs.refuse("limit") == [] and subs.refuse("limit") == []
    assert subs.accept(B) == [Up(), Refused("acme refuses A, C: limit", ("A", "C"))]
    subs = asked(A, B, C)
    subs.refuse("limit")
    subs.accept(B)
    assert subs.late(8 * SECOND)[-1] == Refused("acme refuses A, C: limit", ("A", "C"))


def test_words_about_nothing_that_is_known_are_set_aside() -> None:
    assert up(A).refuse("the moon is full") == [
        Bad("the moon is full", "acme says: the moon is full")
    ]


def test_many_that_are_refused_are_counted_in_the_text() -> None:
    subs = asked(A, *(("t", f"S{n}") for n in range(30)))
    subs.accept(A)
    _, refused = subs.late(8 * SECOND)
    assert isinstance(refused, Refused) and len(refused.symbols) == 30
    assert refused.text.endswith(" S18, S19 and 10 more")


def test_a_change_asks_for_what_is_new_then_leaves_what_is_no_longer_wanted() -> None:
    subs = up(A, B)
    assert subs.change([B, C], 0) == [Send("subscribe t.C")]
    assert subs.change([A], 0) is None  # not before this one is answered
    assert subs.accept(C) == [Send("unsubscribe t.A")]
    assert subs.leave(A) == [Up()] and [*subs.granted] == [B, C]
    assert subs.change([B], 0) == [Send("unsubscribe t.C")]
    assert subs.late(8 * SECOND) == [Up()]  # an end that is not acknowledged
    assert subs.change([B], 0) == [Up()]
    assert subs.leave(B) == [] and B in subs.granted  # which nobody has asked for


def test_what_is_left_after_the_time_for_answers_has_time_of_its_own() -> None:
    subs = up(A)
    subs.change([B, C], 0)
    subs.accept(B)
    told = Refused("acme left out of the subscription: C", ("C",))
    assert subs.late(8 * SECOND) == [told, Send("unsubscribe t.A")]
    assert subs.late(16 * SECOND - 1) == []
    assert subs.late(16 * SECOND) == [Up()]


def test_a_change_of_which_all_is_refused_leaves_the_old_subscription() -> None:
    subs = up(A, ("q", "A"))
    subs.change([B], 0)
    assert subs.refuse("no", B) == [Refused("acme refuses B: no", ("B",))]
    assert [*subs.wanted] == [*subs.granted] == [A, ("q", "A")]
    subs.change([("x", "A")], 0)  # as a whole, for nothing that is wanted is left of it
    assert subs.refuse("no", ("x", "A")) == [Refused("acme refuses A: no", ("A",))]
    assert subs.change([A], 0) == [Send("unsubscribe q.A")]


def test_a_change_that_the_vendor_refuses_as_a_whole_can_be_taken_back() -> None:
    subs = up(A)
    subs.change([B], 0)
    subs.take_back()
    assert subs.is_settled and [*subs.wanted] == [A]
    assert subs.change([A, B], 0) == [Send("subscribe t.B")]


def test_a_complete_answer_shows_what_is_left_out() -> None:
    subs = asked(A, B, C)
    assert subs.complete([A, C]) == [Up(), Refused("acme left out of the subscription: B", ("B",))]
    subs.change([A], 0)
    assert subs.complete([A, C]) == []  # not yet
    assert subs.complete([A]) == [Up()]
    assert subs.complete([]) == [Refused("acme left out of the subscription: A", ("A",))]


def test_pairs_that_are_one_to_the_vendor_are_asked_for_once() -> None:
    def key(pair: Pair) -> Pair:
        return pair[0], pair[1][:2].upper()

    first, second, other = ("t", "Ab1"), ("t", "aB2"), ("t", "XY")
    subs = Subscriptions("acme", requests, [first, second, other], key=key)
    assert subs.begin(0) == requests("subscribe", [first, other])
    assert subs.accept(("t", "AB")) == []
    assert subs.refuse("no", ("t", "xy")) == [Up(), Refused("acme refuses XY: no", ("XY",))]
    assert [*subs.granted] == [first, second]
    assert subs.change([second], 0) == [Up()]  # the vendor has nothing to do
    assert subs.change([first], 0) == [Up()]
    assert subs.change([other], 0) == requests("subscribe", [other])
    assert subs.accept(other) == requests("unsubscribe", [first])
    assert subs.leave(("t", "AB")) == [Up()]


def test_what_needs_no_request_to_end_is_forgotten() -> None:
    subs = up(A, B)
    subs.forget(B)
    assert subs.change([A], 0) == [Up()]


@settings(max_examples=many(100), deadline=None)
@given(st.lists(st.sampled_from(["accept", "refuse", "silence"]), min_size=1, max_size=8))
def test_each_is_granted_or_told_and_nothing_twice(answers: list[str]) -> None:
    pairs = [(channel, f"S{n}") for n in range(len(answers)) for channel in "tq"]
    subs = asked(*pairs)
    given: list[Any] = []
    for n, answer in enumerate(answers):
        for channel in "tq":
            if answer == "accept":
                given += subs.accept((channel, f"S{n}"))
            elif answer == "refuse":
                given += subs.refuse("no", (channel, f"S{n}"))
    given += subs.late(8 * SECOND)
    told = [symbol for item in given if isinstance(item, Refused) for symbol in item.symbols]
    granted = [symbol for channel, symbol in subs.granted if channel == "t"]
    if set(answers) == {"silence"}:
        assert isinstance(given.pop(), Reconnect) and not given
        return
    assert sorted(told + granted) == sorted(f"S{n}" for n in range(len(answers)))
    assert [item for item in given if isinstance(item, Up)] == [Up()] * bool(granted)


@pytest.mark.parametrize("wanted", [[], [A]])
def test_nothing_new_to_ask_for_is_up_at_once(wanted: list[Pair]) -> None:
    assert Subscriptions("acme", requests, ()).begin(0) == [Up()]
    assert up(A).change([A], 0) == [Up()]
