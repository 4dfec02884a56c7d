"""Silence, pings and logins; faults of a mock server; files of symbols; the pace of a tape."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.errors import DataError, UsageError
from mdc_core.events import Event, Gap, Trade
from mdc_core.live.sandbox.faults import Faults, parse_faults
from mdc_core.live.sandbox.playback import Playback, PlaybackPace
from mdc_core.live.session.deadlines import NEVER, Deadlines, Timing
from mdc_core.pipelines.symbols import read_symbols
from mdc_core.times import SECOND, from_ns
from tests.kit.many import many

steps = st.lists(
    st.tuples(st.sampled_from(["heard", "pinged", "ponged"]), st.integers(0, 30)), max_size=12
)


@settings(max_examples=many(50))
@given(steps, st.sampled_from([None, 5.0, 60.0]), st.booleans())
def test_a_connection_is_dead_when_it_is_silent_for_too_long(
    happened: list[tuple[str, int]], stale: float | None, pings: bool
) -> None:
    timing = Timing(stale, ping=10.0, pong=20.0)
    line = Deadlines(timing, 0, 7.5, pings=pings)
    heard = asked = 0
    due: int | None = None
    now = 0
    for what, later in happened:
        now += later * SECOND
        getattr(line, what)(now)
        if what == "heard":
            heard, due = now, None
        elif what == "pinged":
            asked, due = now, now + 20 * SECOND
        else:
            asked, due = now, None
    silent = NEVER if stale is None else heard + int(stale) * SECOND
    ping = NEVER if not pings else due if due is not None else max(heard, asked) + 10 * SECOND
    login = int(7.5 * SECOND)
    assert line.next() == min(silent, ping, login)
    edges = (now, silent - 1, silent, (due or now) - 1, due or now, ping - 1, ping)
    for moment in (edge for edge in edges if edge < NEVER - 1):
        why = line.passed(moment)
        if moment >= silent:
            assert why == f"nothing received for {stale:g} s"
        elif due is not None and moment >= due:
            assert why == "no answer to a ping for 20 s"
        else:
            assert why is None
        assert line.wants_ping(moment) == (moment >= ping)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", Faults()),
        ("disconnect-after=3", Faults(disconnect_after=3)),
        (" disconnect-after=3 , times=2,skip=0,", Faults(disconnect_after=3, times=2)),
        ("malformed-after=1,stall-after=9,slow=50ms", Faults(None, 1, 0, 1, 9, 0.05)),
    ],
)
def test_faults_as_they_are_written(text: str, faults: Faults) -> None:
    assert parse_faults(text) == faults


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reset=1", "no such fault: 'reset'"),
        ("times=2", "times and skip need disconnect-after=N"),
        ("skip=1", "times and skip need disconnect-after=N"),
        ("disconnect-after", "fault disconnect-after needs a whole number from 1, not ''"),
        ("disconnect-after=0", "needs a whole number from 1, not '0'"),
        ("disconnect-after=1,skip=-1", "fault skip needs a whole number from 0, not '-1'"),
        ("stall-after=1.5", "needs a whole number from 1, not '1.5'"),
        ("slow=fast", "fault slow needs a length of time, not 'fast'"),
        ("slow=0s", "fault slow needs a length of time, not '0s'"),
    ],
)
def test_faults_that_make_no_sense(text: str, said: str) -> None:
    if text == "slow=0s":
        assert parse_faults(text) == Faults()
        return
    with pytest.raises(UsageError) as raised:
        parse_faults(text)
    assert said in str(raised.value)


@given(
    st.builds(
        Faults,
        st.none() | st.integers(1, 9),
        st.integers(1, 3),
        st.just(0),
        st.none() | st.integers(1, 9),
        st.none() | st.integers(1, 9),
    ),
    st.integers(0, 10),
    st.integers(0, 4),
)
def test_the_next_fault(faults: Faults, played: int, disconnects: int) -> None:
    places = {faults.malformed_after, faults.stall_after}
    if disconnects < faults.times:
        places.add(faults.disconnect_after)
    later = [place for place in places if place is not None and place > played]
    assert faults.next_place(played, disconnects) == min(later, default=None)


def test_a_file_of_symbols(tmp_path: Path) -> None:
    path = tmp_path / "symbols"
    path.write_bytes(b"# mine\nSPY\n\n  QQQ  # ETF\r\nBTC/USD\nA#B\n#\n")
    assert read_symbols(path) == ["SPY", "QQQ", "BTC/USD", "A#B"]
    path.write_text("")
    assert read_symbols(path) == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"SPY\nQQQ IWM\n", "line 2 has more than one symbol: 'QQQ IWM'"),
        (b"\xff\n", "is not UTF-8 text"),
        (None, "no such file or directory: .*symbols"),
    ],
)
def test_a_file_of_symbols_that_is_none(data: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "symbols"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(DataError, match=said):
        read_symbols(path)


EVENTS: list[list[Event]] = [
    [Trade(seq=0), Gap(reason="x"), Trade(seq=1)],
    [],
    [Trade(seq=2), Trade(seq=3)],
]


def played(tape: Playback, skip: int = 0) -> list[int | None]:
    return [event.seq for event in tape.play(skip).events]


def test_a_tape_begins_anew_for_each_client_or_goes_on() -> None:
    again = Playback(lambda: EVENTS)
    assert [played(again), played(again), played(again, 3)] == [[0, 1, 2, 3], [0, 1, 2, 3], [3]]
    once = Playback(lambda: EVENTS, rewinds=False)
    stream = once.play().events
    assert [next(stream).seq, next(stream).seq] == [0, 1]
    assert played(once, 1) == [3]
    assert played(once) == []


@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=8).map(sorted),
    st.sampled_from([0.5, 1.0, 10.0]),
    st.integers(0, 30),
)
def test_an_event_is_due_as_it_happened(seconds: list[int], speed: float, late: int) -> None:
    clock = 100.0
    pace = PlaybackPace(speed, lambda: clock)
    assert pace.delay(Trade(ts_event=from_ns(seconds[0] * SECOND))) == 0
    clock += late
    for second in seconds:
        due = 100.0 + (second - seconds[0]) / speed
        delay = pace.delay(Trade(ts_event=from_ns(second * SECOND)))
        assert delay == pytest.approx(max(due - clock, 0.0))
    assert pace.delay(Trade()) == 0
    assert PlaybackPace(None, lambda: clock).delay(Trade(ts_event=from_ns(9**18))) == 0
