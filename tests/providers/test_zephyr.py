"""The package of a serious venue: small, tried by its own tests, and run by `mdc`."""

import importlib
import io
import json
import subprocess
import sys
import tokenize
from pathlib import Path
from typing import Any

import pytest

from mdc_core.plugin import Book, Delta, Integrity, Subscription
from mdc_core.testing.golden import line_of, rows_of
from mdc_core.testing.stream.round_trip import Conversation
from tests.kit.deadline import DEADLINE
from tests.kit.installed import MDC, Run

ROOT = Path(__file__).resolve().parents[2]
ZEPHYR = ROOT / "examples" / "mdc-zephyr"
CODE = ZEPHYR / "src" / "mdc_zephyr"
ALL = ("--type", "trade,quote,book")


@pytest.fixture
def installed(tmp_path: Path, install: Any) -> Path:
    """A folder with the package and its entry points."""
    import tomllib

    points = tomllib.loads((ZEPHYR / "pyproject.toml").read_text())["project"]["entry-points"]
    lines = [f"{name} = {target}" for name, target in points["mdc.stream"].items()]
    folder = tmp_path / "installed"
    install(folder, "mdc-zephyr", "[mdc.stream]\n" + "\n".join(lines) + "\n", version="1.0.0")
    (folder / "mdc_zephyr").symlink_to(CODE)
    return folder


def rows(text: str, *names: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    return [row for row in found if not names or row["type"] in names]


def lines_of_code(path: Path) -> int:
    """Lines that are no blank, comment or docstring."""
    kinds = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        alone = token.type == tokenize.STRING and token.line.lstrip().startswith('"""')
        if token.type not in (*kinds, tokenize.ENDMARKER) and not alone:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines)


@pytest.mark.parametrize(("name", "most"), [("stream.py", 100), ("lines.py", 60)])
def test_small(name: str, most: int) -> None:
    assert 40 < lines_of_code(CODE / name) <= most


@pytest.mark.parametrize("path", sorted(ZEPHYR.glob("tests/*/test_*.py")), ids=lambda p: p.stem)
def test_tests_are_six_lines(path: Path) -> None:
    assert len([line for line in path.read_text().splitlines() if line.strip()]) <= 6


def test_its_own_tests_pass(installed: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(ZEPHYR / "tests")],
        cwd=ZEPHYR,
        env={"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout and "skipped" not in done.stdout


@pytest.mark.parametrize("name", ["zephyr", "zephyr-lines"])
def test_it_streams_what_checks_find_right(mdc: Run, installed: Path, name: str) -> None:
    words = f"stream {name} SPY AAPL --mock --limit 600 then validate --strict"
    done = mdc(*words.split(), path=installed)
    assert done.returncode == 0, done.stdout + done.stderr
    for kind in ("trade", "quote"):
        numbers = [row["seq"] for row in rows(done.stdout, kind)]
        assert len(numbers) > 50
        assert numbers == list(range(1, len(numbers) + 1))
        assert {row["channel"] for row in rows(done.stdout, kind)} == {f"{name}-1/{kind}"}
    begin, *_ = rows(done.stdout)
    assert begin["origin"]["request"]["plugins"] == {f"stream:{name}": "mdc-zephyr 1.0.0"}


def test_the_simulated_market_has_what_the_channels_ask_for(mdc: Run, installed: Path) -> None:
    words = "stream zephyr SPY AAPL --mock --type book --limit 300 then validate --strict"
    done = mdc(*words.split(), path=installed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {row["type"] for row in rows(done.stdout)} - {"begin", "end"} == {
        *("connection", "book", "delta")
    }
    for symbol in ("SPY", "AAPL"):
        of = [row for row in rows(done.stdout, "book", "delta") if row["symbol"] == symbol]
        bids, asks = state(of)
        assert len(of) > 50 and max(bids) < min(asks)
    help_of = " ".join(mdc("stream", "zephyr", "--help", path=installed).stdout.split())
    values = help_of.partition(" Values of --type: ")[2]
    assert "[default: trade,quote]" in help_of and values.startswith("trade ")
    assert " quote " in values and " book " in values


def books(folder: Path) -> Path:
    """A file of a book and fifty changes of it."""
    head = {"symbol": "SPY", "v": "1.0.0"}
    levels = [{"price": 100 - n, "size": n + 1} for n in range(12)]
    asks = [{"price": 101 + n, "size": n + 1} for n in range(12)]
    time = "2024-01-02T14:30:{:02d}.000000000Z"
    found = [{"type": "book", **head, "ts_event": time.format(0), "bids": levels, "asks": asks}]
    for n in range(1, 51):
        side, price = ("bid", 100 - n % 12) if n % 2 else ("ask", 101 + n % 12)
        size = n % 5
        what = {"action": "modify" if size else "cancel", "side": side}
        delta = {"type": "delta", **head, "ts_event": time.format(n), **what}
        found.append(delta | {"price": price, "size": size})
    file = folder / "books.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in found))
    return file


def play(mdc: Run, installed: Path, file: Path, *words: str) -> Any:
    """What the client makes of a file that its mock server plays."""
    server = [MDC, "mock", "zephyr", str(file), "--once", *words]
    env = {"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(server, env=env, text=True, stdout=-1, stderr=-1) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        done = mdc("stream", "zephyr", "SPY", *ALL, "--mock", "--url", url, path=installed)
        assert process.wait(DEADLINE) == 0
    assert done.returncode == 0, done.stderr
    return done


def state(events: list[dict[str, Any]]) -> tuple[dict[float, float], dict[float, float]]:
    """The book at the end of these events."""
    sides: dict[str, dict[float, float]] = {"bid": {}, "ask": {}}
    for event in events:
        if event["type"] == "book":
            for side, name in (("bid", "bids"), ("ask", "asks")):
                sides[side] = {level["price"]: level["size"] for level in event[name]}
        else:
            sides[event["side"]][event["price"]] = event["size"]
    bids, asks = ({p: s for p, s in sides[side].items() if s} for side in ("bid", "ask"))
    return bids, asks


def test_a_book_and_its_changes_come_exactly(mdc: Run, installed: Path, tmp_path: Path) -> None:
    file = books(tmp_path)
    done = play(mdc, installed, file)
    played, got = (rows(text, "book", "delta") for text in (file.read_text(), done.stdout))
    names = ("type", "ts_event", "action", "side", "price", "size", "bids", "asks")
    assert [[row.get(n) for n in names] for row in got] == [
        [row.get(n) for n in names] for row in played
    ]
    assert rows(done.stdout, "integrity") == []


def test_a_book_that_lacks_changes_is_asked_for_again(
    mdc: Run, installed: Path, tmp_path: Path
) -> None:
    file = books(tmp_path)
    last = rows(file.read_text())[-1]
    late = {**last, "ts_event": "2024-01-02T14:31:50.000000000Z"}  # the answer comes before it
    file.write_text(file.read_text() + json.dumps(late) + "\n")
    done = play(mdc, installed, file, "--drop", "7", "--speed", "20x")
    got = rows(done.stdout, "book", "delta")
    assert len([row for row in got if row["type"] == "book"]) > 1
    assert state(got) == state(rows(file.read_text(), "book", "delta"))


def test_a_venue_is_not_asked_without_end(mdc: Run, installed: Path, tmp_path: Path) -> None:
    done = play(mdc, installed, books(tmp_path), "--twist", "1", "--speed", "40x")
    assert 10 > len(rows(done.stdout, "book")) > 1  # each answer is one, of fifty that are wrong
    assert "asks for SPY again too often, and waits" in done.stderr


@pytest.mark.parametrize("what", ["drop", "twist"])
@pytest.mark.parametrize("every", [2, 3, 7, 11])
def test_whatever_goes_wrong_the_book_is_that_of_the_venue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, every: int
) -> None:
    monkeypatch.syspath_prepend(str(CODE.parent))
    stream = importlib.import_module("mdc_zephyr.stream").Zephyr
    played = rows_of(books(tmp_path))
    wanted = Subscription(("SPY",), ("book",))
    server = stream.sandbox("/", {}, stream.sandbox.Options(**{what: every}))
    talk = Conversation(stream(wanted, None, dict(server.test_secrets)), server)
    talk.open()
    for event in played:
        talk.feed([event])
    found = [item for item in talk.given if isinstance(item, Book | Delta)]
    texts = [b"".join(line_of(event) + b"\n" for event in some) for some in (found, played)]
    ours, venues = (state(rows(text.decode())) for text in texts)
    if 50 % every or what == "twist":  # else the last change is the one that is dropped
        assert ours == venues
    alarms = [item for item in talk.given if isinstance(item, Integrity)]
    assert len(alarms) == (50 // every if what == "twist" else 0)


def test_both_feeds_have_the_facts_of_their_vendor(mdc: Run, installed: Path) -> None:
    done = mdc("providers", "list", "--json", path=installed)
    assert done.returncode == 0, done.stderr
    both = [row for row in json.loads(done.stdout) if row["name"].startswith("zephyr")]
    assert [row["name"] for row in both] == ["zephyr", "zephyr-lines"]
    for row in both:
        assert (row["vendor"], row["mock"]) == ("Zephyr Exchange", True)
        assert (row["connections"], row["symbols_per_connection"]) == (2, 100)
        assert [secret["name"] for secret in row["secrets"]] == ["ZEPHYR_KEY", "ZEPHYR_SECRET"]
