"""Which events of a codec are looked at, and that the quick looks find what the full ones do."""

import random
from collections import Counter
from decimal import Decimal
from itertools import pairwise

import pytest

from mdc_core.contracts import Send
from mdc_core.errors import DataError
from mdc_core.events import Event, Quote, Trade
from mdc_core.flaws import EVERY, FIRST, EventSample, flaw_of
from mdc_core.times import to_ns


def frames_of(items: list[object], seed: int) -> list[list[object]]:
    dice, frames = random.Random(seed), list[list[object]]()
    while items:
        size = dice.randrange(1, 150)
        frames.append(items[:size])
        items = items[size:]
    return frames


@pytest.mark.parametrize("seed", range(5))
def test_the_first_of_each_type_are_looked_at_and_then_one_in_so_many(seed: int) -> None:
    items: list[object] = [Trade() if n % 2 else Quote() for n in range(20_000)]
    sample, looked = EventSample(), list[object]()
    for frame in frames_of(list(items), seed):
        places = list(sample.places(frame))
        assert places == sorted(set(places))
        looked += [frame[place] for place in places]
    by_id = {id(item): place for place, item in enumerate(items)}
    numbers = [by_id[id(item)] for item in looked]
    assert numbers[: 2 * FIRST] == list(range(2 * FIRST))
    rest = numbers[2 * FIRST - 1 :]
    assert {after - before for before, after in pairwise(rest)} == {EVERY}
    kinds = Counter(type(items[number]) for number in rest)
    assert kinds[Trade] and kinds[Quote]  # no pattern hides a type


def test_what_is_no_event_is_always_looked_at() -> None:
    sample = EventSample()
    for _ in range(2 * FIRST):
        assert list(sample.places([Send("x")])) == [0]
        sample.places([Trade()])
    frame = [Trade(), Send("x"), Trade()]
    assert all(1 in sample.places(frame) for _ in range(200))
    assert list(sample.places([Quote()])) == [0]  # the first of a type, however late it comes


def is_flawed(**fields: object) -> bool:
    event: Event = Trade(symbol="S", **fields)  # type: ignore[arg-type]
    return flaw_of(event) is not None


def fits(number: Decimal) -> bool:
    """By arithmetic: whole units of the eighteenth decimal, and at most 18 digits before it."""
    if not number.is_finite():
        return False
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    value = int("".join(map(str, digits)))
    if value and len(digits) + exponent > 18:
        return False
    return exponent >= -18 or value % 10 ** min(-18 - exponent, len(digits) + 1) == 0


def test_numbers_fit_or_do_not_whatever_their_form() -> None:
    dice = random.Random(3)
    texts = ["NaN", "-NaN", "sNaN", "NaN123", "Infinity", "-Infinity", "0E-999", "0E+999", "-0"]
    for _ in range(20_000):
        digits = "".join(dice.choices("0123456789", (6, *[1] * 9), k=dice.randrange(1, 40)))
        point = dice.randrange(len(digits) + 1)
        text = dice.choice(["", "-"]) + (digits[:point] or "0") + "." + digits[point:]
        texts.append(text + dice.choice(["", "", f"E{dice.randrange(-25, 25)}"]))
    numbers = [Decimal(text) for text in texts]
    assert [is_flawed(price=n) for n in numbers] == [not fits(n) for n in numbers]
    assert 1_000 < sum(map(fits, numbers)) < 19_000


TIMES = [
    "2024-01-02T14:30:00.123456789Z",
    "2262-04-11T23:47:16.854775807Z",
    "2262-04-11T23:47:16.854775808Z",
    "1677-09-21T00:12:43.145224192Z",
    "1677-09-21T00:12:43.145224191Z",
    "2024-02-29T23:59:59.999999999Z",
    "2023-02-29T23:59:59.999999999Z",
    "2024-01-02T14:30:60.000000000Z",
    "2024-01-02T24:00:00.000000000Z",
    "2024-01-02T14:30:00,123456789Z",
]


def test_times_are_sound_or_are_not_whatever_came_before() -> None:
    dice = random.Random(4)
    texts = list(TIMES)
    for _ in range(20_000):
        text = list(dice.choice(TIMES))
        for _ in range(dice.randrange(1, 3)):
            text[dice.randrange(30)] = dice.choice("0123456789-:.TZ +²٣")
        texts.append("".join(text))

    def is_time(text: str) -> bool:
        try:
            to_ns(text)
        except DataError:
            return False
        return text[-1] == "Z"

    assert [is_flawed(ts_event=text) for text in texts] == [not is_time(text) for text in texts]
    assert sum(map(is_time, texts)) > 1_000
