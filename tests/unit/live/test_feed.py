"""A feed from a real server on loopback: what comes, what breaks, what is told of it."""

import threading
from typing import Any

import msgspec
import pytest

from mdc_core.errors import BusyError, DataError, RefusedError, UnavailableError
from mdc_core.events import Connection, Event, Gap, Integrity, Trade
from mdc_core.live.buffer import Buffer
from mdc_core.live.sandbox.faults import Faults, parse_faults
from mdc_core.live.sandbox.playback import Playback
from mdc_core.live.session.deadlines import Timing
from mdc_core.plugin import Limits, Subscription
from mdc_core.wire.quarantine import Quarantine
from tests.kit.deadline import DEADLINE


def flat(feed: Any) -> list[Event]:
    return [event for events in feed for event in events]


def numbers(events: list[Event]) -> list[int]:
    return [int(e.price) for e in events if isinstance(e, Trade) and e.price is not None]


def states(events: list[Event]) -> list[tuple[str | None, str | None]]:
    return [(e.state, e.channel) for e in events if isinstance(e, Connection)]


def holes(events: list[Event]) -> list[tuple[str | None, str | None]]:
    return [(e.symbol, e.channel) for e in events if isinstance(e, Gap)]


def test_events_come_whole_in_order_and_stamped(desk: Any, acme: Any) -> None:
    with desk.server(acme.trades(105)) as server:
        events = flat(desk.feed(server.url()))
    assert numbers(events) == list(range(105))
    assert states(events) == [("up", "acme-1")]
    assert {(e.provider, e.channel) for e in events} == {("acme", "acme-1")}
    received = [e.ts_recv for e in events if isinstance(e, Trade)]
    assert received == sorted(received)
    # One time for the frames that were read together; the clock moves on with each look at it.
    assert 1 <= len(set(received)) <= 11
    assert len(set(received[:10])) == 1
    assert received[0] is not None and received[0].startswith("2024-01-02T14:30:00.0000")


def test_a_reconnect_is_told_and_its_gap_has_the_right_ends(desk: Any, acme: Any) -> None:
    faults = Faults(disconnect_after=20, skip=7)
    with desk.server(acme.trades(50), faults) as server:
        events = flat(desk.feed(server.url()))
    assert numbers(events) == [*range(20), *range(27, 50)]
    assert states(events) == [
        ("up", "acme-1"),
        ("down", "acme-1"),
        ("resubscribed", "acme-2"),
    ]
    gap, other = (e for e in events if isinstance(e, Gap))
    place = events.index(gap)
    before = [e for e in events[:place] if isinstance(e, Trade)][-1]
    told = events[place - 1]
    assert isinstance(told, Connection)
    assert (gap.start, gap.end, gap.reason, gap.count) == (
        before.ts_recv,
        told.ts_recv,
        "disconnect",
        None,
    )
    assert (gap.ts_event, gap.ts_recv) == (gap.start, gap.end)
    assert (gap.provider, gap.channel, gap.symbol, gap.extra) == ("acme", "acme-2", "SPY", None)
    assert other == msgspec.structs.replace(gap, symbol="AAPL")
    down = next(e for e in events if isinstance(e, Connection) and e.state == "down")
    assert down.reason == "connection lost"
    assert gap.start < down.ts_recv < gap.end
    assert events[place + 1] is other and isinstance(events[place + 2], Trade)
    assert desk.waits == [1.0]


def test_every_one_of_several_disconnects_has_its_gap(desk: Any, acme: Any) -> None:
    faults = parse_faults("disconnect-after=10,times=3")
    with desk.server(acme.trades(45), faults) as server:
        events = flat(desk.feed(server.url()))
    assert numbers(events) == list(range(45))
    assert holes(events) == [(s, f"acme-{n}") for n in (2, 3, 4) for s in ("SPY", "AAPL")]
    assert states(events)[-1] == ("resubscribed", "acme-4")
    assert desk.waits == [1.0, 2.0, 4.0]


def test_the_backoff_starts_again_after_a_healthy_connection(desk: Any, acme: Any) -> None:
    faults = parse_faults("disconnect-after=1500,times=3")
    with desk.server(acme.trades(5000), faults) as server:
        events = flat(desk.feed(server.url(), retries=1))
    assert numbers(events) == list(range(5000))
    assert desk.waits == [1.0, 1.0, 1.0]


def test_a_server_that_dies_is_given_up_after_the_retries(desk: Any, acme: Any) -> None:
    with desk.server([], tape=Playback(lambda: endless(acme))) as server:
        feed = desk.feed(server.url(), retries=2)
        events: list[Event] = []
        with pytest.raises(UnavailableError, match="given up after 3 tries") as caught:
            for some in feed:
                events += some
                if any(isinstance(event, Trade) for event in some):  # not before, or it never was
                    server.close()
    assert caught.value.exit_status == 69
    assert states(events) == [("up", "acme-1"), ("down", "acme-1"), ("down", "acme-1")]
    tries = [event for event in events if isinstance(event, Connection)]
    assert tries[1].retry_at is not None and tries[2].retry_at is None
    gaps = events[-2:]
    assert holes(gaps) == holes(events) == [("SPY", "acme-1"), ("AAPL", "acme-1")]
    heard = events[-5].ts_recv  # before the two that are down
    assert [(e.start, e.end) for e in gaps if isinstance(e, Gap)] == [(heard, None)] * 2
    assert desk.waits[-1] == 2.0 * desk.waits[-2]


def endless(acme: Any) -> Any:
    while True:
        yield acme.trades(100)


def test_a_real_feed_takes_a_normal_close_for_a_disconnect(desk: Any, acme: Any) -> None:
    with desk.server(acme.trades(5)) as server:
        feed = desk.feed(server.url(), end_on_close=False)
        events: list[Event] = []
        for some in feed:
            events += some
            if numbers(events) == [*range(5), *range(5)]:
                break
    assert ("resubscribed", "acme-2") in states(events)
    down = next(e for e in events if isinstance(e, Connection) and e.state == "down")
    assert down.reason == "connection closed by the server: 1000"


def test_nobody_there(desk: Any) -> None:
    with pytest.raises(UnavailableError, match=r"ws://127\.0\.0\.1:9: Connection refused"):
        flat(desk.feed("ws://127.0.0.1:9", retries=0))


def test_a_refusal_is_not_tried_again(desk: Any, acme: Any) -> None:
    def wrong(subscription: Subscription) -> Any:
        return acme.Stream(subscription, None, {"ACME_TOKEN": "wrong"})

    with (
        desk.server(acme.trades(5)) as server,
        pytest.raises(RefusedError, match="acme says no") as caught,
    ):
        flat(desk.feed(server.url(), session=desk.session(wrong)))
    assert caught.value.exit_status == 77
    assert desk.waits == []


def test_one_connection_too_many_is_tried_again_later(
    desk: Any, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acme.Sandbox, "limits", Limits(connections=0))
    with (
        desk.server(acme.trades(5)) as server,
        pytest.raises(BusyError, match="acme is full") as caught,
    ):
        flat(desk.feed(server.url(), retries=1))
    assert caught.value.exit_status == 75
    assert desk.waits == [10.0]  # a limit counts each try


def test_a_client_that_does_not_subscribe_in_time_is_told(
    desk: Any, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acme.Stream, "opened", lambda self, now: ())
    monkeypatch.setattr(acme.Sandbox, "patience", 0.0)
    with (
        desk.server(acme.trades(5)) as server,
        pytest.raises(RefusedError, match="acme says no"),
    ):
        flat(desk.feed(server.url()))


def test_a_frame_that_cannot_be_read_is_set_aside(desk: Any, acme: Any, tmp_path: Any) -> None:
    quarantine = Quarantine(tmp_path / "aside.jsonl")
    session = desk.session()
    with desk.server(acme.trades(30), Faults(malformed_after=20)) as server:
        events = flat(desk.feed(server.url(), session=session, quarantine=quarantine))
    quarantine.close()
    assert numbers(events) == list(range(30))
    (finding,) = (e for e in events if isinstance(e, Integrity))
    assert (finding.check, finding.severity) == ("frame", "error")
    assert finding.message is not None and "Input data was truncated" in finding.message
    assert events.index(finding) == 21
    assert session.rejected == quarantine.count == 1
    (line,) = quarantine.path.read_text().splitlines()
    assert f'"ts_recv":"{finding.ts_recv}"' in line
    assert '"text":"[{\\"T\\":"' in line


def test_a_frame_at_which_the_codec_fails_is_kept_and_the_feed_goes_on(
    desk: Any, acme: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    played = acme.Sandbox.feed
    monkeypatch.setattr(
        acme.Sandbox, "feed", lambda self, events: ["boom", *played(self, events), "boom"]
    )
    quarantine = Quarantine(tmp_path / "aside.jsonl")
    session = desk.session(owner="stream:acme (mdc-acme 1.0)")
    with desk.server(acme.trades(3)) as server:
        events = flat(desk.feed(server.url(), session=session, quarantine=quarantine))
    quarantine.close()
    assert numbers(events) == [0, 1, 2]
    said = [e.message for e in events if isinstance(e, Integrity)]
    assert said == ["stream:acme (mdc-acme 1.0) fails: ZeroDivisionError: a bug in the codec"] * 2
    assert session.rejected == quarantine.count == 2
    assert '"text":"boom"' in quarantine.path.read_text()


def test_a_codec_that_fails_at_every_frame_ends_the_feed(
    desk: Any, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acme.Sandbox, "feed", lambda self, events: ["boom"] * 200)
    with (
        desk.server(acme.trades(1)) as server,
        pytest.raises(DataError, match="acme cannot read what the vendor sends") as caught,
    ):
        flat(desk.feed(server.url()))
    assert caught.value.exit_status == 65


def test_a_login_that_is_not_answered_is_a_failed_attempt(
    desk: Any, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acme.Sandbox, "receive", lambda self, frame: [])
    monkeypatch.setattr(acme.Stream, "login_within", 0.01)
    events: list[Event] = []
    with desk.server(acme.trades(1)) as server:
        feed = desk.feed(server.url(), retries=1, passing=True)
        with pytest.raises(UnavailableError, match=r"not answered within 0\.01 s.*2 tries"):
            for some in feed:
                events += some
    assert [s for s, _ in states(events)] == ["down", "down"]
    gaps = [e for e in events if isinstance(e, Gap)]
    assert [gap.symbol for gap in gaps] == ["SPY", "AAPL"]
    assert all(gap.start is not None and gap.end is None for gap in gaps)


def test_stopping_ends_the_feed_and_keeps_what_has_come(desk: Any, acme: Any) -> None:
    with desk.server(acme.trades(40), Faults(stall_after=40)) as server:
        events: list[Event] = []
        for some in desk.feed(server.url(), end_on_close=False):
            events += some
            if len(numbers(events)) == 40:
                desk.stop.set()
    assert numbers(events) == list(range(40))
    assert states(events) == [("up", "acme-1")]
    assert not any(isinstance(e, Gap) for e in events)


@pytest.mark.parametrize(("silence", "stale"), [(0.01, None), (9.0, 0.01)])
def test_a_stale_line_is_connected_again(
    desk: Any, acme: Any, monkeypatch: pytest.MonkeyPatch, silence: float, stale: float | None
) -> None:
    """After what its provider says, unless a user says something else."""
    monkeypatch.setattr(acme.Stream, "silence", silence)
    faults = Faults(disconnect_after=None, stall_after=10)
    with (
        desk.server(acme.trades(10), faults) as server,
        pytest.raises(UnavailableError, match=r"nothing received for 0\.01 s"),
    ):
        session = desk.session(timing=Timing(stale=stale))
        flat(desk.feed(server.url(), session=session, retries=0, passing=True))


def test_a_codec_speaks_by_itself_whatever_arrives(
    desk: Any, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mdc_core.plugin import HangUp, Send

    def answer(self: Any, frame: str) -> Any:
        if frame == "still here":
            raise HangUp("no")
        return receive(self, frame)

    receive = acme.Sandbox.receive
    monkeypatch.setattr(acme.Stream, "every", 0.01)
    monkeypatch.setattr(acme.Stream, "tick", lambda self, now: [Send("still here")])
    monkeypatch.setattr(acme.Sandbox, "receive", answer)
    with (
        desk.server(acme.trades(10), Faults(stall_after=10)) as server,
        pytest.raises(RefusedError, match="acme says no"),
    ):
        flat(desk.feed(server.url(), passing=True))


@pytest.mark.parametrize("policy", ["drop-oldest", "drop-newest", "spill"])
def test_a_slow_taker_loses_what_the_gaps_say_and_nothing_else(
    desk: Any, acme: Any, policy: Any
) -> None:
    buffer = Buffer(20, policy)
    count = 3000
    with desk.server(acme.trades(count)) as server:
        feed = iter(desk.feed(server.url(), buffer=buffer))
        events = list(next(feed))
        assert server.done.wait(DEADLINE)  # the whole feed has come while we did nothing
        for some in feed:
            events += some
    told = sum(e.count or 0 for e in events if isinstance(e, Gap))
    assert told + len(numbers(events)) == count
    assert buffer.dropped.total() == told
    assert numbers(events) == sorted(set(numbers(events)))
    assert (told == 0) == (policy == "spill")


def test_blocking_makes_the_server_wait_and_loses_nothing(desk: Any, acme: Any) -> None:
    with desk.server(acme.trades(3000)) as server:
        events = flat(desk.feed(server.url(), buffer=Buffer(20, "block")))
    assert numbers(events) == list(range(3000))


def test_leaving_early_ends_the_thread(desk: Any, acme: Any) -> None:
    with desk.server([], tape=Playback(lambda: endless(acme))) as server:
        feed = desk.feed(server.url(), buffer=Buffer(20, "block"))
        iterator = iter(feed)
        assert next(iterator)
        iterator.close()
    assert not any(thread.is_alive() for thread in feed._threads)


def test_another_subscription_by_a_new_connection(desk: Any, acme: Any) -> None:
    session = desk.session()
    other = acme.trades(10, "MSFT")  # once for nobody, and once behind the stall
    with desk.server([*acme.trades(10), *other, *other], Faults(stall_after=20)) as server:
        feed = desk.feed(server.url(), session=session)
        events: list[Event] = []
        for some in feed:
            events += some
            if some and len(numbers(events)) == 10:
                feed.resubscribe(Subscription(("MSFT",)))
            if len(numbers(events)) == 20:
                break
    assert [e.symbol for e in events if isinstance(e, Trade)] == ["SPY"] * 10 + ["MSFT"] * 10
    down = next(e for e in events if isinstance(e, Connection) and e.state == "down")
    assert down.reason == "connecting again for other symbols"
    assert holes(events) == [("MSFT", "acme-2")]
    assert desk.waits == []


def test_another_subscription_on_the_same_connection(
    desk: Any, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mdc_core.plugin import Send

    def resubscribe(self: Any, subscription: Subscription, now: int) -> Any:
        return [Send(f'{{"token":"{acme.secret}","symbols":["MSFT"]}}')]

    def heard(self: Any, frame: str) -> Any:
        answer = receive(self, frame)
        if self.symbols == ["MSFT"]:
            changed.set()
        return answer

    receive = acme.Sandbox.receive
    monkeypatch.setattr(acme.Sandbox, "receive", heard)
    monkeypatch.setattr(acme.Stream, "resubscribe", resubscribe, raising=False)
    rows = [*acme.trades(10), *acme.trades(10, "MSFT")]
    pause = iter([rows[:10], rows[10:]])
    session = desk.session()
    changed = threading.Event()

    def lists() -> Any:
        yield next(pause)
        while not changed.is_set():
            yield acme.trades(1, "nobody")
        yield next(pause)

    with desk.server([], tape=Playback(lists)) as server:
        feed = desk.feed(server.url(), session=session)
        events: list[Event] = []
        for some in feed:
            events += some
            if some and len(numbers(events)) == 10:
                feed.resubscribe(Subscription(("MSFT",)))
    assert [e.symbol for e in events if isinstance(e, Trade)] == ["SPY"] * 10 + ["MSFT"] * 10
    assert [s for s, _ in states(events)] == ["up"]
    assert not any(isinstance(e, Gap) for e in events)
