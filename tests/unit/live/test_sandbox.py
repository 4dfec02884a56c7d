"""The mock server: pace, places of faults, one client after another."""

import socket
from decimal import Decimal
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.protocol import State
from websockets.sync.client import connect
from websockets.uri import parse_uri

from mdc_core.errors import ConfigError, DataError, UsageError
from mdc_core.events import Begin, End, Event, Trade
from mdc_core.live.sandbox.faults import Faults, parse_faults
from mdc_core.live.sandbox.playback import Playback, PlaybackPace
from mdc_core.times import SECOND, from_ns
from tests.kit.deadline import DEADLINE


def numbers(feed: Any) -> list[int]:
    return [int(e.price) for events in feed for e in events if isinstance(e, Trade)]


def at(seconds: float) -> Event:
    return Trade(symbol="SPY", ts_event=from_ns(int(seconds * SECOND)), price=Decimal(1))


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def test_the_pace_is_that_of_the_events_times_the_speed() -> None:
    clock = Clock()
    pace = PlaybackPace(10.0, clock)
    assert pace.delay(at(50)) == 0.0
    assert pace.delay(at(55)) == 0.5
    clock.time += 0.2
    assert pace.delay(at(55)) == pytest.approx(0.3)
    clock.time += 1
    assert pace.delay(at(60)) == 0.0  # behind: at once
    assert pace.delay(at(20)) == 0.0  # out of order: at once
    assert PlaybackPace(None, clock).delay(at(1)) == 0.0
    assert pace.delay(Trade(symbol="SPY")) == 0.0


def test_a_paced_server_plays_everything(desk: Any, acme: Any) -> None:
    with desk.server([at(0), at(1), at(2)], speed=1000.0) as server:
        assert numbers(desk.feed(server.url())) == [1, 1, 1]


def test_each_client_is_played_the_tape_from_its_beginning(desk: Any, acme: Any) -> None:
    with desk.server(acme.trades(25)) as server:
        assert numbers(desk.feed(server.url())) == list(range(25))
        assert numbers(desk.feed(server.url())) == list(range(25))


def test_a_pipe_is_played_once(desk: Any, acme: Any) -> None:
    rows = [Begin(run_id="r", stage="s"), *acme.trades(30), End(run_id="r", stage="s")]
    tape = Playback(lambda: [rows], rewinds=False)
    faults = Faults(disconnect_after=10, skip=5)
    with desk.server([], faults, tape=tape) as server:
        assert numbers(desk.feed(server.url())) == [*range(10), *range(15, 30)]
        assert numbers(desk.feed(server.url())) == []


@pytest.mark.parametrize("rewinds", [True, False])
def test_after_a_stall_the_next_client_is_played_the_rest(
    desk: Any, acme: Any, rewinds: bool
) -> None:
    rows = acme.trades(30)
    tape = Playback(lambda: [rows], rewinds=rewinds)
    with desk.server([], Faults(stall_after=10), tape=tape) as server:
        with connect(server.url()) as client:
            client.send('{"token":"s3cret/ä-value","symbols":["SPY","AAPL"]}')
            while not str(client.recv(DEADLINE)).startswith("[{"):  # ten ticks
                pass
        assert not server.done.is_set()
        assert numbers(desk.feed(server.url())) == list(range(10, 30))
        assert server.done.wait(DEADLINE)


def test_two_clients_at_once_get_the_same(desk: Any, acme: Any) -> None:
    with desk.server(acme.trades(300)) as server:
        feeds = [iter(desk.feed(server.url())) for _ in range(2)]
        first = [next(feed) for feed in feeds]
        for head, rest in zip(first, feeds, strict=True):
            assert numbers([head, *rest]) == list(range(300))


def test_an_error_of_the_tape_is_kept_for_whoever_started_the_server(desk: Any, acme: Any) -> None:
    def broken() -> Any:
        yield acme.trades(3)
        raise ConfigError("no more")

    with desk.server([], tape=Playback(broken)) as server:
        with pytest.raises(DataError, match=r"the mock server has failed: .* 1011 the data"):
            numbers(desk.feed(server.url()))
        assert server.done.wait(DEADLINE)
    assert isinstance(server.error, ConfigError)


def test_a_client_that_leaves_does_no_harm(desk: Any, acme: Any) -> None:
    with desk.server(acme.trades(3)) as server:
        with connect(server.url()) as client:
            client.send('{"token":"s3cret/ä-value","symbols":["SPY"]}')
            client.socket.close()
        assert numbers(desk.feed(server.url())) == [0, 1, 2]
    assert server.error is None


def test_slow_waits_before_each_frame(desk: Any, acme: Any) -> None:
    with desk.server(acme.trades(25), parse_faults("slow=1ms")) as server:
        assert numbers(desk.feed(server.url())) == list(range(25))


def test_a_port_that_is_taken(desk: Any, acme: Any) -> None:
    with (
        desk.server([]) as server,
        pytest.raises(ConfigError, match=r"cannot listen on 127\.0\.0\.1.*in use"),
    ):
        desk.server([], port=server.port)


def test_it_listens_on_loopback_only(desk: Any) -> None:
    with desk.server([]) as server:
        assert server.url() == f"ws://127.0.0.1:{server.port}/feed"
        assert server._server.socket.getsockname() == ("127.0.0.1", server.port)


def test_faults_as_they_are_written() -> None:
    assert parse_faults("") == Faults()
    assert parse_faults("disconnect-after=5, times=2,skip=0,slow=50ms") == Faults(
        disconnect_after=5, times=2, skip=0, slow=0.05
    )
    assert parse_faults("malformed-after=1,stall-after=3") == Faults(
        malformed_after=1, stall_after=3
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("explode", "no such fault: 'explode'"),
        ("disconnect-after", "disconnect-after needs a whole number from 1, not ''"),
        ("disconnect-after=0", "from 1, not '0'"),
        ("disconnect-after=1,skip=-1", "from 0, not '-1'"),
        ("disconnect-after=1.5", "not '1.5'"),
        ("slow=5", "slow needs a length of time"),
        ("times=2", "times and skip need disconnect-after"),
    ],
)
def test_faults_that_make_no_sense(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        parse_faults(text)
    assert caught.value.exit_status == 2


def test_the_next_place_of_a_fault() -> None:
    faults = Faults(disconnect_after=10, times=1, malformed_after=4, stall_after=20)
    assert [faults.next_place(n, 0) for n in (0, 4, 10, 20)] == [4, 10, 20, None]
    assert [faults.next_place(n, 1) for n in (0, 4, 10)] == [4, 20, 20]


def test_a_client_that_goes_on_talking_does_not_hold_up_the_end(desk: Any, acme: Any) -> None:
    with desk.server(acme.trades(3)) as server:
        client = ClientProtocol(parse_uri(server.url()))
        with socket.create_connection(("127.0.0.1", server.port), 20) as line:

            def say(*texts: str) -> None:
                for text in texts:
                    client.send_text(text.encode())
                line.sendall(b"".join(client.data_to_send()))

            client.send_request(client.connect())
            line.sendall(b"".join(client.data_to_send()))
            while client.state is not State.OPEN:
                client.receive_data(line.recv(4096))
            say('{"token":"s3cret/ä-value","symbols":["SPY"]}')
            # The server's close frame is seen and not answered before a hundred words more.
            raw = b""
            while not raw.endswith(b"\x88\x02\x03\xe8"):
                raw += line.recv(4096)
            say(*["pong"] * 100)
            client.receive_data(raw)
            line.sendall(b"".join(client.data_to_send()))
            assert line.recv(4096) == b""
        assert server.done.wait(DEADLINE)
