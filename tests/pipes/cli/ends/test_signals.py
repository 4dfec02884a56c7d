"""Ctrl-C and SIGTERM, sent to real processes."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = """\
import sys
from mdc_core.cli.signals import stopping_source
with stopping_source() as stop:
    print("ready", flush=True)
    stop.event.wait()
    print("end", bool(stop), stop.exit_status, flush=True)
    if sys.argv[1] == "stubborn":
        while True:
            sys.stdin.read()
"""
WAITS = """\
import signal
from mdc_core.cli.signals import stopping_source
with stopping_source() as stop:
    print("ready", flush=True)
    with stop.event._cond:  # as within wait(), before it waits
        signal.raise_signal(signal.SIGINT)
    stop.event.wait()
    print("end", bool(stop), flush=True)
"""
FILTER = """\
import sys
from mdc_core.cli.signals import following_input
with following_input() as stop:
    print("ready", flush=True)
    read = sys.stdin.buffer.raw.read(10)
    rest = sys.stdin.buffer.raw.read(10)
    print(read, rest, stop.exit_status, flush=True)
sys.exit(stop.exit_status)
"""


@pytest.fixture
def start():
    started = []

    def start(code, *args):
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", code, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_signal_at_the_very_moment_at_which_a_source_begins_to_wait(start):
    process = start(WAITS)
    out = process.stdout.read()  # communicate() misses what came along with the first line
    assert (out, process.wait()) == ("end True\n", 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_source_stops_and_finishes(start, number):
    process = start(SOURCE, "obedient")
    process.send_signal(number)
    out, _ = process.communicate()
    assert (out, process.returncode) == (f"end True {128 + number}\n", 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_a_source_at_once(start, number):
    process = start(SOURCE, "stubborn")
    process.send_signal(number)
    assert process.stdout.readline().startswith("end")
    process.send_signal(number)
    assert process.wait() == 128 + number


def test_a_filter_goes_on_after_ctrl_c(start):
    process = start(FILTER)
    process.send_signal(signal.SIGINT)
    process.stdin.write("abc")
    process.stdin.close()
    process.stdin = None
    assert process.stdout.readline() == "b'abc' b'' 0\n"
    assert process.wait() == 0


def test_a_second_ctrl_c_ends_a_filter_at_once(start):
    process = start(FILTER)
    # The kernel merges equal signals that are pending: send until one is the second.
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
    assert process.returncode == 130


def test_sigterm_ends_the_input_of_a_filter_that_waits_for_more(start):
    process = start(FILTER)
    process.stdin.write("abc")
    process.stdin.flush()
    process.send_signal(signal.SIGTERM)
    line = process.stdout.readline()
    assert line in ("b'abc' b'' 143\n", "b'' b'' 143\n")
    assert process.wait() == 143


ELSEWHERE = ("convert -o x.jsonl", "count -", "export - --profile csv --output out.d")
HERE = ("store", "validate", "validate then store", "cat -", "convert", "tail -n 3 -")


@pytest.mark.parametrize("verbs", [*HERE, *ELSEWHERE])
@pytest.mark.some(3)
def test_sigterm_ends_a_command_whose_sender_goes_on(shell, tmp_path, verbs):
    """What came is kept, and it says why it ended; nobody closes its input."""
    assert shell("mdc -q stream sim SPY --limit 200 > some.jsonl").status == 0
    events = (tmp_path / "some.jsonl").read_bytes().splitlines(keepends=True)[1:-1]
    # More than a pipe holds: when it is written, the command has begun to read.
    sent = events * ((1 << 20) // sum(map(len, events)) + 2)
    command = [str(Path(sys.executable).with_name("mdc")), "-v", *verbs.split()]
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(
            command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE
        )
    try:
        process.stdin.write(b"".join(sent))
        process.stdin.flush()
        process.send_signal(signal.SIGTERM)
        errors = process.stderr.read().decode()
        assert process.wait() == 143, errors
    finally:
        process.kill()
        process.communicate()
    assert "ended by SIGTERM: the rest of the input is not read" in errors
    if verbs in ELSEWHERE:
        # The last line may have been cut in two.
        assert re.search(r"[1-9]\d* in = [1-9]\d* out \+ [01] rejected \+ 0 dropped", errors)
        return
    if "store" in verbs:
        assert shell("mdc -q cat data > out").status == 0
    got = [json.loads(line) for line in (tmp_path / "out").read_bytes().splitlines()]
    got = [event for event in got if event["type"] in ("trade", "quote")]
    assert got and len(got) <= len(sent)
    if verbs == "validate":
        assert got == [json.loads(line) for line in sent[: len(got)]]


STRIKES = """\
import atexit, os, sys
place, number = os.environ["STRIKE"].split(":")
class Strike:
    def find_spec(name, path, target=None):
        if name == place:
            os.kill(os.getpid(), int(number))
sys.meta_path.insert(0, Strike)
if place == "exit":
    atexit.register(Strike.find_spec, place, None)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "place",
    ["mdc_core.cli.main", "click", "mdc_core.registry", "msgspec", "mdc_core.cli.verbs.schema"],
)
def test_a_signal_while_mdc_is_imported(place, number, struck):
    status, out, err = struck(place, number, "schema", "list")
    told = {f"mdc{verb}: ended by SIGTERM\n" for verb in ("", " schema", " schema list")}
    said = {"", *told} if number == signal.SIGTERM else {""}
    assert (status, out) == (128 + number, "") and err in said


def test_ctrl_c_when_all_is_done_changes_nothing(struck):
    status, out, err = struck("exit", signal.SIGINT, "schema", "list", "--json")
    assert (status, err) == (0, "") and "trade" in out


@pytest.fixture
def struck(tmp_path, quiet_env):
    """What the real `mdc` does that is sent a signal as it imports a module, or at its end."""
    (tmp_path / "sitecustomize.py").write_text(STRIKES)

    def run(place, number, *args):
        env = {"PYTHONPATH": str(tmp_path), "STRIKE": f"{place}:{int(number)}"}
        command = [Path(sys.executable).with_name("mdc"), *args]
        done = subprocess.run(command, env=quiet_env | env, capture_output=True, text=True)
        status = done.returncode
        return 128 - status if status < 0 else status, done.stdout, done.stderr

    return run


EARLY = '''"""Is interrupted while it is imported."""
import os, signal
from mdc_core.plugin import *

os.kill(os.getpid(), signal.SIGINT)

class Pass(Filter):
    def __call__(self, batch):
        return batch

class Never(Source):
    simulated = True
    sandbox = Sandbox

    def events(self):
        while True:
            yield [Trade(symbol="A", price=1, size=1)]
'''


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["early", "-v"], 0, "early: 1 in = 1 out"),  # goes on to the end of its input
        (["-v", "early", "-", "then", "head"], 0, "head: 1 in = 1 out"),
        (["stream", "early", "A"], 0, "stream: "),  # stops, and says so in its end
        (["mock", "early"], 130, ""),  # is no stage
    ],
)
def test_ctrl_c_while_a_plugin_is_imported(words, status, said, tmp_path, install, mdc):
    folder = tmp_path / "early"
    points = "[mdc.filter]\nearly = early_f:Pass\n[mdc.stream]\nearly = early_f:Never\n"
    install(folder, "mdc-early", points)
    (folder / "early_f.py").write_text(EARLY)
    event = '{"type":"trade","symbol":"A","price":1,"size":1}\n'
    done = mdc(*words, path=folder, stdin=event)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    if words[0] == "stream":
        assert '"reason":"signal"' in done.stdout.splitlines()[-1]


class Session:
    """A pipe in a terminal of its own: a feed, and a store that acknowledges events."""

    def __init__(self, cwd, env, before=""):
        self._acks, theirs = os.pipe()
        os.set_inheritable(theirs, True)
        pipe = f"mdc stream sim SPY --rate 500 --speed 1x | mdc store --ack --root data >&{theirs}"
        line = f"{before} bash -c '{pipe}; echo ${{PIPESTATUS[*]}} > statuses'"
        pid, self._terminal = pty.fork()
        if not pid:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever runs the tests
            os.chdir(cwd)
            os.execvpe("bash", ["bash", "-c", line], env)
        self.pid = pid
        os.close(theirs)

    def acknowledged(self):
        """What is acknowledged next; nothing when the store has ended."""
        return os.read(self._acks, 1 << 16)

    def close(self):
        """Close the terminal, as somebody does whose connection breaks."""
        os.close(self._terminal)


@pytest.fixture
def in_terminal(tmp_path, quiet_env):
    started = []

    def start(before=""):
        started.append(Session(tmp_path, quiet_env, before))
        assert started[-1].acknowledged()
        return started[-1]

    yield start
    for session in started:
        subprocess.run(["pkill", "-KILL", "-s", str(session.pid)], check=False)
        os.waitpid(session.pid, 0)


def test_a_terminal_that_is_closed_ends_the_pipe_in_it(in_terminal, shell, tmp_path):
    """The feed does not live on, and what it sent is sealed."""
    session = in_terminal()
    session.close()
    acks = b""
    while more := session.acknowledged():
        acks += more
    end = json.loads(acks.splitlines()[-1])
    assert (end["type"], end["reason"]) == ("end", "eof")
    assert list((tmp_path / "data/_mdc/journal").iterdir()) == []
    done = shell("mdc count --root data --json")
    assert done.status == 0 and json.loads(done.out)["total"] > 0
    assert shell("mdc verify --deep --root data").status == 0


def test_nohup_lets_a_pipe_outlive_its_terminal(in_terminal):
    session = in_terminal("nohup")
    session.close()
    assert session.acknowledged() and session.acknowledged()
