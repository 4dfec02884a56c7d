"""The bench runs, and has a figure for everything that it promises one for."""

import importlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

import mdc_core
from mdc_core.cli.parsing import stages_of
from mdc_core.logs import CollectingLog
from mdc_core.session import Session

pytest.importorskip("duckdb")
ROOT = Path(__file__).resolve().parents[3]
BENCH = ROOT / "bench"
PYTHON = os.environ.get("MDC_CLIENTS", "")
FEEDS = (
    "alpaca",
    "alpaca-msgpack",
    "polygon",
    "finnhub",
    "tiingo",
    "coinbase",
    "coinbase-book",
    "coinbase-exchange",
    "kraken",
    "kraken-futures",
    "kraken-futures-book",
    "binance",
    "binance-usdm",
    "okx",
)
CLIENTS = {
    "alpaca-msgpack": "alpaca-py",
    "polygon": "polygon-api-client",
    "coinbase": "coinbase-advanced-py",
    "kraken": "python-kraken-sdk",
    "binance": "python-binance",
}
# By group the references, and what is measured beside them.
ROWS = {
    "start": ("click", "help version"),
    "corpus": (
        "duckdb duckdb-auto",
        "validate store pipe then then-arrow pipe-arrow store-arrow cat cat-arrow to-arrow "
        "to-jsonl head",
    ),
    "find": ("hive", "find"),
    "find-type": ("hive-type", "find-type"),
    "feeds": (" ".join(f"{name}-loop" for name in FEEDS), " ".join(FEEDS)),
    "capture": ("not-kept", "capture"),
    "latency": ("latency-loop", "latency durable"),
    "clients": (
        " ".join(CLIENTS.values()),
        " ".join(f"beside-{client}" for client in CLIENTS.values()),
    ),
    "books": ("order-book", "book"),
}
# One of each kind, no more: each takes long.
RUN = ("version", "pipe-arrow", "find", "binance", "capture", "durable")
RUN_ROWS = {
    "start": ["click", "version"],
    "corpus": ["duckdb", "duckdb-auto", "pipe-arrow"],
    "find": ["hive", "find"],
    "capture": ["not-kept", "capture"],
    "feeds": ["binance-loop", "binance"],
    "latency": ["latency-loop", "durable"],
}
STAGES = {"pipe-arrow": 2, "latency-loop": 2, "durable": 3}


@pytest.fixture(scope="module")
def modules() -> Iterator[SimpleNamespace]:
    """The modules of the bench, which are scripts beside each other."""
    before = {*sys.modules}
    sys.path.insert(0, str(BENCH))
    try:
        names = ("run", "feed", "feeds", "peers", "vendors", "books", "report")
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    finally:
        sys.path.remove(str(BENCH))
        for name in {*sys.modules} - before:
            if str(BENCH) in str(getattr(sys.modules[name], "__file__", None)):
                del sys.modules[name]


def bench(out: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCH / "run.py"), "--quick", *args]
    command += ["--out", str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_row_has_its_figures(tmp_path: Path) -> None:
    done = bench(tmp_path, "--events", "200", "--only", *RUN)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    found: dict[str, list[str]] = {}
    for row in results["rows"]:
        found.setdefault(row["group"], []).append(row["name"])
        assert min(row["wall"], row["cpu"], row["ratio"], *row["ratios"].values()) > 0
        assert len(row["stages"]) == STAGES.get(row["name"], 1)
        assert all(stage["cpu"] > 0 and stage["rss"] > 0 for stage in row["stages"])
        assert row["reference"] == (row["name"] in ROWS[row["group"]][0].split())
    assert found == RUN_ROWS
    (kept,) = [row for row in results["rows"] if row["bytes_per_frame"] is not None]
    assert kept["name"] == "capture" and kept["bytes_per_frame"] > 10
    assert f"{kept['bytes_per_frame']:.0f} bytes a frame on the disk" in done.stdout
    delays = {row["name"]: row for row in results["rows"] if "p50_ms" in row}
    assert [*delays] == RUN_ROWS["latency"]
    assert all(0 < row["p50_ms"] <= row["p99_ms"] for row in delays.values())
    assert results["memory"]["rss"] == max(
        stage["rss"]
        for row in results["rows"]
        if not row["reference"]
        for stage in row["stages"]
        if stage["command"].startswith("mdc ")
    )
    assert results["machine"]["cores"] > 0
    assert (tmp_path / "results.md").read_text() == done.stdout
    lines = sum(line.startswith("| ") for line in done.stdout.splitlines())
    assert lines == sum(map(len, RUN_ROWS.values())) + 3 + len(delays) + 2


def test_every_row_is_a_command_that_there_is(modules: Any) -> None:
    found: dict[str, tuple[list[str], list[str]]] = {}
    for group in modules.run.all_groups():
        names = found.setdefault(group.name, ([], []))
        for works, told in zip((group.references, group.works), names, strict=True):
            told += [work.name for work in works]
            for work in works:
                for command in work.commands:
                    assert_known(command)
    assert found == {
        name: (references.split(), works.split()) for name, (references, works) in ROWS.items()
    }


def assert_known(command: tuple[str, ...]) -> None:
    """A command of ours parses; raises UsageError."""
    if Path(command[0]).name == "mdc" and "--help" not in command and "--version" not in command:
        words = [word for word in command[1:] if word != "-q"]
        assert stages_of(Session({}, CollectingLog()), words)


@contextmanager
def served(modules: Any, vendor: Any, events: int) -> Iterator[str]:
    with modules.feed.server_of(vendor, events) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield modules.feed.url_of(vendor, server)
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("name", FEEDS)
def test_a_bare_loop_reads_what_mdc_reads(name: str, modules: Any, tmp_path: Path) -> None:
    """All of a feed: the same events, and nothing that is told about them."""
    vendor, loop, path = modules.vendors.find(name), io.BytesIO(), tmp_path / "ours.jsonl"
    with served(modules, vendor, 200) as url:
        modules.feed.read(vendor, url, 200, loop)
        words = modules.feeds.stream_of(vendor, url, 200)[1:]
        secrets = dict.fromkeys(modules.feeds.SECRETS, "bench")
        with path.open("wb") as ours:
            mdc_core.pipeline(" ".join(words), environ=secrets).run(ours)
    lines, told = loop.getvalue().splitlines(), path.read_bytes().splitlines()
    assert modules.feeds.difference_of(lines, told) is None
    assert modules.feeds.difference_of(lines[:-1], told) is not None
    kinds = [json.loads(line)["type"] for line in told]
    assert {*kinds} <= {"begin", "connection", *modules.feeds.KINDS, "end"}
    assert len(lines) == sum(map(kinds.count, modules.feeds.KINDS)) == 200


@pytest.mark.skipif(not PYTHON, reason="MDC_CLIENTS names no environment with vendors' clients")
@pytest.mark.parametrize("name", CLIENTS)
def test_a_vendors_client_reads_what_a_bare_loop_reads(name: str, modules: Any) -> None:
    vendor, loop = modules.vendors.find(name), io.BytesIO()
    with served(modules, vendor, 200) as url:
        modules.feed.read(vendor, url, 200, loop)
        (reference,) = modules.peers.client_group(name, url, 200).references
        done = subprocess.run(reference.commands[0], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = loop.getvalue().splitlines()
    assert modules.feeds.difference_of(lines, done.stdout.splitlines()) is None


def test_order_books_are_those_of_another_library(modules: Any, tmp_path: Path) -> None:
    pytest.importorskip("order_book")
    path, ours = tmp_path / "books.jsonl", tmp_path / "ours.jsonl"
    events = modules.books.again(500, [*modules.books.made_up(1)])
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    (work,) = modules.peers.books_group(path).works
    with ours.open("wb") as file:
        mdc_core.pipeline(" ".join(work.commands[0][2:])).run(file)
    lines, theirs = ours.read_bytes().splitlines(), list(modules.books.apply(path, 10))
    assert modules.feeds.difference_of(lines, theirs) is None
    assert len(theirs) == 503
    told = modules.books.engine(path, 10)
    assert told["updates"] == 503 and min(told.values()) > 0


def test_what_is_absent_is_told(modules: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules.run, "clients_python", lambda: None)
    monkeypatch.setattr(modules.run, "has_order_book", lambda: False)
    clients, books = modules.run.absent()
    assert clients.startswith("Not measured: alpaca-py, ") and "MDC_CLIENTS" in clients
    assert books == "Not measured: `mdc book`; `order_book` is not installed beside mdc."


def test_a_command_that_fails_is_an_error_with_its_words(tmp_path: Path) -> None:
    tmp_path.joinpath("x-10-4.jsonl").write_text('{"type":"trade"\n')
    tmp_path.joinpath("archive").write_text("a file where a folder has to be")
    done = bench(tmp_path, "--events", "10", "--only", "cat")
    assert done.returncode == 1
    assert done.stderr.startswith("bench: ") and "exit status" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results.json").exists()
