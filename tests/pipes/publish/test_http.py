"""Events to a web server: all of them, each once where the server keeps tokens, all accounted."""

import json
import threading
from collections.abc import Iterator

import pytest

from tests.conftest import Done, Shell
from tests.kit.deadline import DEADLINE
from tests.kit.http_place import Answer, HttpPlace, http_place

SIM = "mdc stream sim SPY AAPL --limit {} --seed 3"
SECRET = "Bearer of-something-secret"


@pytest.fixture
def place() -> Iterator[HttpPlace]:
    with http_place() as found:
        yield found


def told_of_the_first(shell: Shell, place: HttpPlace, line: str, word: str) -> Done:
    """Run a line of shell, and another as soon as the place was asked for the first time."""

    def tell() -> None:
        place.came.wait(DEADLINE)
        shell(word)

    teller = threading.Thread(target=tell)
    teller.start()
    done = shell(line)
    teller.join()
    return done


def lines(shell: Shell) -> list[str]:
    return shell("cat events.jsonl").lines


def test_every_event_arrives(shell: Shell, place: HttpPlace) -> None:
    done = shell(f"{SIM.format(2500)} | tee events.jsonl | mdc -v publish http {place.url}?to=x")
    assert done.status == 0, done.err
    assert "publish: 2500 in = 2500 out + 0 rejected + 0 dropped" in done.err
    assert place.lines == lines(shell)
    assert [len(asked.body.splitlines()) for asked in place.asked] == [1000, 1000, 500]
    first = place.asked[0]
    assert (first.method, first.path) == ("POST", "/events?to=x")
    assert first.headers["Content-Type"] == "application/x-ndjson"
    assert "Authorization" not in first.headers
    run_id = json.loads(shell("head -n 1 events.jsonl").out)["run_id"]
    tokens = [asked.token.rpartition(":")[0] for asked in place.asked]
    assert tokens == [f"{run_id}:0-1000", f"{run_id}:1000-2000", f"{run_id}:2000-2500"]


def test_then_is_as_a_pipe(shell: Shell, place: HttpPlace) -> None:
    done = shell(f"{SIM.format(30)} then head -n 20 then publish http {place.url} --batch 7 -v")
    assert done.status == 0, done.err
    assert "publish: 20 in = 20 out + 0 rejected + 0 dropped" in done.err
    assert place.lines == shell(f"{SIM.format(30)} | mdc head -n 20").lines
    assert len(place.asked) == 3


def test_a_file_compressed_by_put(shell: Shell, place: HttpPlace) -> None:
    shell(f"{SIM.format(10)} > events.jsonl")
    done = shell(f"mdc publish http {place.url} events.jsonl --method PUT --compression gzip")
    assert done.status == 0, done.err
    assert place.asked[0].method == "PUT"
    assert place.asked[0].headers["Content-Encoding"] == "gzip"
    assert place.lines == lines(shell)


def test_a_failure_makes_no_doubles(shell: Shell, place: HttpPlace) -> None:
    # Taken, but the answer was lost; then two that failed.
    place.answers = [Answer(200), Answer(0), Answer(503), Answer(500)]
    done = shell(
        f"{SIM.format(40)} | tee events.jsonl | mdc -v publish http {place.url} --batch 10"
    )
    assert done.status == 0, done.err
    assert "500 Internal Server Error; trying again" in done.err
    assert "publish: 40 in = 40 out + 0 rejected + 0 dropped" in done.err
    assert place.lines == lines(shell)
    tokens = [asked.token.split(":")[1] for asked in place.asked]
    assert tokens == ["0-10", "10-20", "10-20", "10-20", "10-20", "20-30", "30-40"]


def test_other_events_of_a_run_have_other_tokens(shell: Shell, place: HttpPlace) -> None:
    """Slices of one run, and the run behind a check that adds to it, all arrive."""
    shell(f"{SIM.format(60)} --defects crossed=3 > events.jsonl")
    sent = []
    for symbol in ("SPY", "AAPL"):
        part = f"mdc cat events.jsonl --symbol {symbol}"
        sent += shell(part).lines
        assert shell(f"{part} then publish http {place.url}").status == 0
    assert place.lines == sent
    sent += shell("mdc validate events.jsonl").lines
    shell(f"mdc validate events.jsonl then publish http {place.url}")
    assert place.lines == sent


def test_a_plain_file_can_be_sent_again_and_has_grown(shell: Shell, place: HttpPlace) -> None:
    """Nothing says what run it is of; what is in it and before it does."""
    line = '{"type":"trade","symbol":"SPY","ts_event":"2024-01-02T14:30:%02d.000000000Z","price":1}'
    trades = [line % second for second in (0, 1, 1, 1, 2, 3)]  # a batch may be as another one
    shell("cat > plain.jsonl", stdin="".join(f"{text}\n" for text in trades).encode())
    send = f"mdc publish http {place.url} --batch 1 --quiet"
    place.answers = [Answer(), Answer(0), Answer(), Answer(422)]
    assert shell(f"{send} plain.jsonl --retries 2").status == 0
    assert len(place.lines) == 5 and place.lines[1] == place.lines[2]
    assert shell(f"cat plain.jsonl | {send}").status == 0
    assert len(place.lines) == 6 and len({asked.token for asked in place.asked}) == 6
    shell("cat >> plain.jsonl", stdin=f"{line % 4}\n".encode())
    assert shell(f"{send} plain.jsonl").status == 0
    assert len(place.lines) == 7 and "14:30:04" in place.lines[-1]
    shell("tail -n +2 plain.jsonl > other.jsonl")  # other rows, whatever they say
    assert shell(f"{send} other.jsonl").status == 0
    assert len(place.lines) == 13


def test_again_after_a_failure_sends_nothing_twice(shell: Shell, place: HttpPlace) -> None:
    shell(f"{SIM.format(30)} > events.jsonl")
    place.answers = [Answer(200), Answer(404)]
    line = f"mdc publish http {place.url} events.jsonl --batch 10"
    failed = shell(line)
    assert failed.status == 73
    assert f"{place.url}: 404 Not Found" in failed.err
    assert "publish: 30 in = 10 out + 0 rejected + 20 dropped" in failed.err
    assert shell(line).status == 0
    assert place.lines == lines(shell)


def test_the_server_asks_for_patience(shell: Shell, place: HttpPlace) -> None:
    place.answers = [Answer(429, (("Retry-After", "0"),), b"slow down\nreally")]
    done = shell(f"{SIM.format(5)} | mdc publish http {place.url}")
    assert done.status == 0, done.err
    assert "429 Too Many Requests: slow down; trying again in" in done.err
    assert len(place.lines) == 5
    place.answers = [Answer(429, (("Retry-After", "86400"),))]
    assert shell(f"{SIM.format(5)} | mdc publish http {place.url}").status == 75
    place.answers = [Answer(429), Answer(429)]
    done = shell(f"{SIM.format(5)} | mdc publish http {place.url} --retries 1")
    assert done.status == 75
    assert "given up after 2 tries" in done.err


def test_nobody_there(shell: Shell) -> None:
    with http_place() as gone:
        url = gone.url
    done = shell(f"{SIM.format(5)} | mdc publish http {url} --retries 1")
    assert done.status == 69
    assert f"mdc publish: {url}: Connection refused (given up after 2 tries)" in done.err
    assert "publish: 5 in = 0 out + 0 rejected + 5 dropped" in done.err


@pytest.mark.parametrize("status", [401, 403])
def test_refused(shell: Shell, place: HttpPlace, status: int) -> None:
    place.answers = [Answer(status, (), f"who is {SECRET}?".encode())]
    secret = {"PUBLISH_HTTP_AUTHORIZATION": SECRET}
    done = shell(f"{SIM.format(5)} | mdc publish http {place.url}", **secret)
    assert done.status == 77
    assert str(status) in done.err
    assert "something-secret" not in done.err
    assert place.asked[0].headers["Authorization"] == SECRET
    assert len(place.asked) == 1


def test_what_is_never_taken_is_set_aside(shell: Shell, place: HttpPlace) -> None:
    place.answers = [Answer(200), Answer(422, (), b"no such symbol"), Answer(200)]
    line = f"mdc publish http {place.url} --batch 10 --quarantine aside.jsonl"
    done = shell(f"{SIM.format(30)} | tee events.jsonl | {line}")
    assert done.status == 0, done.err
    assert "publish: 30 in = 20 out + 10 rejected + 0 dropped" in done.err
    assert "422 Unprocessable Entity: no such symbol; and 9 more: rejected into aside.jsonl" in (
        done.err
    )
    whole = lines(shell)
    assert place.lines == whole[:10] + whole[20:]
    aside = [json.loads(text) for text in shell("cat aside.jsonl").out.splitlines()]
    assert [record["text"] for record in aside] == whole[10:20]
    place.answers = [Answer(400)]
    assert shell(f"{SIM.format(30)} | {line} --strict").status == 1
    place.answers = [Answer(400)] * 3
    nothing = shell(f"{SIM.format(30)} | {line}")
    assert nothing.status == 65
    assert "nothing was taken" in nothing.err


def test_lines_that_cannot_be_read_are_counted(shell: Shell, place: HttpPlace) -> None:
    shell(f"({SIM.format(5)} | grep type.:.trade; echo broken) > events.jsonl")
    count = int(shell("wc -l < events.jsonl").out) - 1
    done = shell(f"mdc publish http {place.url} events.jsonl")
    assert f"publish: {count + 1} in = {count} out + 1 rejected + 0 dropped" in done.err
    assert len(place.lines) == count


def test_a_truncated_input(shell: Shell, place: HttpPlace) -> None:
    done = shell(f"{SIM.format(9)} | head -n 5 | mdc publish http {place.url}")
    assert done.status == 65
    assert len(place.lines) == 4  # what came is there; the first line was `begin`


def test_a_quiet_feed_is_sent_while_it_lasts(shell: Shell, place: HttpPlace) -> None:
    line = (
        f"mkfifo in; mdc publish http {place.url} --every 50ms < in & exec 3> in; "
        f"{SIM.format(3)} > events.jsonl; head -n 4 events.jsonl >&3; "
        "read -r < here; tail -n +5 events.jsonl >&3; exec 3>&-; wait $!"
    )
    shell("mkfifo here")
    done = told_of_the_first(shell, place, line, "echo > here")
    assert done.status == 0, done.err
    assert place.lines == lines(shell)
    assert len(place.asked[0].body.splitlines()) <= 3


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("http ftp://host/x", 2, "needs a URL with http:// or https://"),
        ("http http://u:p@host/x", 2, "a password does not belong into a URL"),
        ("nowhere http://host", 2, "nowhere"),
        ("http", 2, "URL"),
    ],
)
def test_wrong_usage(shell: Shell, words: str, status: int, said: str) -> None:
    done = shell(f"{SIM.format(3)} | mdc publish {words}")
    assert done.status == status
    assert said in done.err


def test_dry_run(shell: Shell) -> None:
    done = shell(f"{SIM.format(12)} | mdc -v publish http http://127.0.0.1:9/x --dry-run")
    assert done.status == 0, done.err
    assert "publish: 12 in = 12 out + 0 rejected + 0 dropped" in done.err


def test_an_interrupt_lets_it_finish(shell: Shell, place: HttpPlace) -> None:
    shell(f"{SIM.format(600)} > events.jsonl; mkfifo in here")
    line = (
        f"set -m; mdc -v publish http {place.url} --batch 100 --every 20ms < in & p=$!; "
        "exec 3> in; "
        "head -n 200 events.jsonl >&3; read -r < here; kill -INT $p; "
        "tail -n +201 events.jsonl >&3; exec 3>&-; wait $p"
    )
    done = told_of_the_first(shell, place, line, "echo > here")
    assert done.status == 0, done.err
    assert place.lines == lines(shell)
    assert "publish: 600 in = 600 out + 0 rejected + 0 dropped" in done.err


@pytest.mark.parametrize("url", ["http://x.invalid", "https://x.invalid/events"])
def test_a_url_without_the_name_of_its_place(url: str, shell: Shell) -> None:
    done = shell(f"mdc publish {url} < /dev/null")
    assert (done.status, done.out) == (2, "")
    assert "hint: mdc publish http URL" in done.err
