"""Times: text and nanoseconds, the same whichever way they are read."""

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.batch import integers
from mdc_core.errors import DataError
from mdc_core.moments import parse_moment, zone_of
from mdc_core.times import MAX_NS, MIN_NS, from_ms, from_ns, parse_span, span_text, to_ns, utc
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.reader import Reader
from tests.kit.many import many

AT = 1_704_205_800_000_000_000


@given(st.integers(MIN_NS, MAX_NS))
def test_text_and_nanoseconds(ns: int) -> None:
    text = from_ns(ns)
    assert len(text) == 30 and to_ns(text) == ns and utc(text) == text


def test_milliseconds_are_nanoseconds_of_six_zeros() -> None:
    beyond = 2**63 // 1_000_000
    for ms in (0, 1, 999, 1000, 1_704_205_800_007, -1, -1000, beyond, -beyond):
        assert from_ms(ms) == from_ns(ms * 1_000_000)
    with pytest.raises(DataError):
        from_ms(beyond + 1)


def test_a_time_in_utc_gets_nine_digits() -> None:
    second = "2024-01-02T14:30:05"
    assert utc(second + "Z") == second + ".000000000Z"
    for count in range(1, 10):
        digits = "123456789"[:count]
        assert utc(f"{second}.{digits}Z") == f"{second}.{digits.ljust(9, '0')}Z"
    assert utc("2024-01-02T09:30:05.25-05:00") == second + ".250000000Z"
    with pytest.raises(DataError):
        utc(second + ".1234567891Z")


@given(st.lists(st.integers(MIN_NS, MAX_NS), min_size=2, max_size=9))
def test_text_sorts_as_time_does(times: list[int]) -> None:
    assert [to_ns(text) for text in sorted(map(from_ns, times))] == sorted(times)


SPELLINGS = {
    "2024-01-02T14:30:00Z": AT,
    "2024-01-02T14:30:00.5Z": AT + 500_000_000,
    "2024-01-02T14:30:00.000000001Z": AT + 1,
    "2024-01-02 14:30:00Z": AT,
    "2024-01-02T14:30Z": AT,
    "2024-01-02T14:30:00": AT,
    "2024-01-02T15:30:00+01:00": AT,
    "2024-01-02T09:00:00-0530": AT,
    "2024-01-02": AT - 52_200_000_000_000,
    "2024-01-02T14": AT - 1_800_000_000_000,
}


@pytest.mark.parametrize(("text", "ns"), SPELLINGS.items())
def test_spellings_mean_the_same_in_a_block_and_alone(text: str, ns: int) -> None:
    assert to_ns(text) == ns
    for bad in (b"", b"no json\n"):  # with a bad line, the lines are read one by one
        line = b'{"type":"trade","ts_event":"%s"}\n' % text.encode()
        aside = Quarantine(Path("/dev/null"))
        (chunk,) = Reader(io.BytesIO(line + bad), "test", aside)
        aside.close()
        assert integers(chunk.batch, "ts_event")[0].tolist() == [ns]


@settings(max_examples=many(75))
@given(st.text("0123456789-:T.Z+ ", max_size=32))
def test_whatever_is_no_time_is_said(text: str) -> None:
    try:
        ns = to_ns(text)
    except DataError:
        return
    assert MIN_NS <= ns <= MAX_NS


@pytest.mark.parametrize("text", ["0s", "1s", "36h", "30d", "250ms", "90m", "1d1m1s", "3650d"])
def test_a_span_is_written_as_people_write_it(text: str) -> None:
    assert span_text(parse_span(text)) == text


@given(st.integers(0, MAX_NS))
def test_a_span_is_read_back(ns: int) -> None:
    assert parse_span(span_text(ns)) == ns


def test_spans_and_moments() -> None:
    assert parse_span("1h30m") == 5_400_000_000_000
    assert parse_span("250ms") == 250_000_000
    assert parse_span("1.5h") == parse_span("90m") == 5_400_000_000_000
    for text in ("", "5", "m", "1h 30m", "-5s", "1.5", ".5h", "0.5ns"):
        with pytest.raises(DataError):
            parse_span(text)
    assert parse_moment("2024-01-02T14:30") == AT
    assert parse_moment("2024-01-02", end=True) - parse_moment("2024-01-02") == 86_400 * 10**9


@given(st.integers(MIN_NS, MAX_NS), st.sampled_from(["America/New_York", "Asia/Kolkata", "UTC"]))
def test_a_moment_is_read_back_whatever_the_zone(ns: int, name: str) -> None:
    text = from_ns(ns)
    assert parse_moment(text, zone=zone_of(name)) == parse_moment(f"{text[:-1]} UTC") == ns


def test_a_day_begins_with_its_first_moment() -> None:
    # Midnight of that day was skipped: clocks went from 23:59:59 to 01:00.
    brazil = zone_of("America/Sao_Paulo")
    assert from_ns(parse_moment("2018-11-04", zone=brazil)).startswith("2018-11-04T03:00:00")
    assert parse_moment("2018-11-03", end=True, zone=brazil) == parse_moment(
        "2018-11-04", zone=brazil
    )
