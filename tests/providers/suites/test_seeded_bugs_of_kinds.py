"""Bugs that were there when the expected output was recorded, in each kind of plugin."""

import importlib
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest

from mdc_core import testing
from tests.kit.suites import failing

ACME = Path(__file__).resolve().parents[3] / "examples" / "mdc-acme"


class TableSuite(testing.SinkSuite):
    """That of the example's sink."""

    nowhere, exactly_once = "sqlite:/nowhere/at/all.db", True

    @contextmanager
    def place(self) -> Iterator[Any]:
        with TemporaryDirectory() as folder:
            path = f"{folder}/events.db"
            yield Table(path)


class Table(SimpleNamespace):
    def __init__(self, path: str) -> None:
        super().__init__(path=path, url=f"sqlite:{path}")

    @property
    def lines(self) -> list[str]:
        with closing(sqlite3.connect(self.path)) as file:
            return [line for (line,) in file.execute("SELECT line FROM events ORDER BY rowid")]


# By kind: the module, its class, the suite and its attribute, the folder of its input.
KINDS: dict[str, tuple[str, str, type, str, str]] = {
    "history": ("history", "AcmeHistory", testing.HistorySuite, "history", "history"),
    "importer": ("text_import", "AcmeImport", testing.ImporterSuite, "importer", "import"),
    "exporter": ("text_export", "AcmeExport", testing.ExporterSuite, "exporter", "export"),
    "filter": ("large", "AcmeLarge", testing.FilterSuite, "filter", "filter"),
    "check": ("spread", "AcmeSpread", testing.CheckSuite, "check", "check"),
    "format": ("feather", "AcmeFeather", testing.PartFormatSuite, "part_format", ""),
    "sink": ("table", "AcmeTable", TableSuite, "sink", ""),
    "hook": ("ledger", "", testing.ObserverSuite, "observer", ""),
}
TOLD = {"test_calls", "test_events_unchanged"}
OF_ROWS = {"test_events", "test_batches", "test_batches_of_strange_rows", "test_wire"}
BUGS: dict[tuple[str, str], tuple[str, str, set[str]]] = {
    ("history", "other answers are pages"): (
        "        response.check()\n",
        "        if response.status == 429:\n            response.check()\n",
        {"test_other_answers"},
    ),
    ("history", "a refusal is an empty page"): (
        "        response.check()\n",
        "        if response.status != 200:\n            return Page([])\n",
        {
            "test_an_error_is_recorded",
            "test_asked_for",
            "test_other_answers",
            "test_pages",
            "test_wire",
        },
    ),
    ("history", "damage is the author's own error"): (
        "(msgspec.DecodeError, UnicodeError, RecursionError)",
        "UnicodeError",
        {"test_damaged_pages"},
    ),
    ("history", "a secret in the URL"): (
        'Request("https://api.acme.example/v1/trades", params',
        'Request("https://api.acme.example/v1/trades?k=" + token, params',
        {"test_pages", "test_an_error_is_recorded", "test_asked_for", "test_wire"},
    ),
    ("history", "another symbol"): (
        '"symbol": self.wanted.symbol,',
        '"symbol": "OTHER",',
        {"test_asked_for"},
    ),
    ("history", "the page after the next"): (
        '"page": answer.next}',
        '"page": answer.next and answer.next + "1"}',
        {"test_pages", "test_an_error_is_recorded", "test_asked_for", "test_wire"},
    ),
    ("importer", "a bad line ends it"): (
        'yield BadRow(line, f"{file}:{number}", "no trade of Acme\'s")',
        'raise DataError(f"{file}:{number}: no trade")',
        {
            "test_files",
            "test_damaged_files",
            "test_damaged_lines",
            "test_range",
            "test_repeatable",
            "test_symbol",
            "test_wire",
        },
    ),
    ("importer", "a bad line is passed over"): (
        'yield BadRow(line, f"{file}:{number}", "no trade of Acme\'s")',
        "continue",
        {"test_files", "test_damaged_lines"},
    ),
    ("importer", "symbols are not asked for"): (
        "if wanted.symbols and trade.symbol not in wanted.symbols:",
        "if False:",
        {"test_symbol"},
    ),
    ("importer", "the end is part of the range"): (
        "time < wanted.end)",
        "time <= wanted.end)",
        {"test_range"},
    ),
    ("importer", "nothing there is nothing to say"): (
        '            raise DataError(f"{path}: no files of Acme\'s")',
        "            return",
        {"test_nothing_there"},
    ),
    ("importer", "damage is the author's own error"): (
        "except (ValueError, ArithmeticError, DataError):",
        "except DataError:",
        {"test_damaged_files", "test_damaged_lines"},
    ),
    ("exporter", "what it cannot hold is lost"): (
        'raise UsageError("Acme\'s text has whole trades only", hint="--type trade")',
        'return b""',
        {"test_strange_rows"},
    ),
    ("exporter", "a table is an end"): (
        "                file.writelines(map(self.line, rows(batch)))",
        "                file.writelines(map(self.line, rows(batch)))\n"
        '            file.write(b"\\n")',
        {"test_tables", "test_round_trip", "test_odd_values"},
    ),
    ("exporter", "a price by way of a float"): (
        "{row.price:f}",
        "{float(row.price)}",
        {"test_odd_values"},
    ),
    ("exporter", "a symbol may be two lines"): (
        'if {*"|\\r\\n"} & {*row.symbol}:',
        "if False:",
        {"test_odd_values"},
    ),
    ("exporter", "no suffix"): ('suffix = ".txt"', 'suffix = ""', {"test_suffix"}),
    ("filter", "rows of a batch in another order"): (
        "if not gone])",
        "if not gone][::-1])",
        OF_ROWS | {"test_accounts", "test_batch_unchanged"},
    ),
    ("filter", "the first of each batch is gone"): (
        "if not gone])",
        "if not gone and number])",
        {"test_batches", "test_batches_of_strange_rows"},
    ),
    ("filter", "it needs what not every event has"): (
        "(row.size or 0) < least",
        "row.size < least",
        OF_ROWS | {"test_accounts", "test_batch_unchanged"},
    ),
    ("filter", "it makes events and does not say so"): (
        "        return Keep([number for number, gone in enumerate(small) if not gone])",
        "        from mdc_core.plugin import Indicator, from_rows\n"
        "        return [from_rows([Indicator(name='n', value=least)]) for gone in small]",
        OF_ROWS | {"test_accounts", "test_batch_unchanged"},
    ),
    ("check", "a finding names the row behind"): (
        "yield Finding(row,",
        "yield Finding(row + 1,",
        {"test_findings"},
    ),
    ("check", "once a batch"): (
        "for row in wide.nonzero()[0].tolist():",
        "for row in wide.nonzero()[0].tolist()[:1]:",
        {"test_batches"},
    ),
    ("format", "the options decide how it is read"): (
        "            for number in range(whole.num_record_batches):",
        "            for number in range(min(1, whole.num_record_batches)):",
        {"test_round_trip", "test_many_rows"},
    ),
    ("format", "a time goes into the file"): (
        "{**(part.schema.metadata or {}), **metadata}",
        '{b"t": __import__("uuid").uuid4().bytes}',
        {"test_deterministic"},
    ),
    ("format", "no suffix"): (
        'suffix = ".feather"',
        'suffix = "feather"',
        {"test_contract", "test_suffix"},
    ),
    ("sink", "the last row is lost"): (
        "in enumerate(lines)]",
        "in enumerate(lines[:-1])]",
        {"test_rows_arrive", "test_nothing_is_acknowledged_at_first", "test_a_token_is_kept_once"},
    ),
    ("sink", "what was sent is counted on"): (
        "        self.rows = 0\n",
        '        self.rows = getattr(self, "rows", 0)\n',
        {"test_nothing_is_acknowledged_at_first"},
    ),
    ("sink", "what comes again is an error"): (
        "INSERT OR IGNORE INTO events VALUES (?, ?, ?)",
        "INSERT INTO events VALUES (?, ?, ?)",
        {"test_a_token_is_kept_once"},
    ),
    ("sink", "nothing is committed"): (
        "self.file.commit()",
        "self.file.total_changes",
        {"test_rows_arrive", "test_a_token_is_kept_once"},
    ),
    ("sink", "any URL will do"): (
        'if scheme != "sqlite" or not path or "\\0" in path:',
        "if False:",
        {"test_a_url_that_makes_no_sense"},
    ),
    ("sink", "who is not there is a bug"): (
        'raise UnavailableError(f"{path}: {error}") from None',
        "raise",
        {"test_nobody_answers"},
    ),
    ("hook", "there is no such hook"): ("def committed(", "def comitted(", {"test_hooks", *TOLD}),
    ("hook", "an argument that it does not get"): (
        "def committed(path, rows):",
        "def committed(path, rows, size):",
        {"test_hooks", "test_secret", *TOLD},
    ),
    ("hook", "it needs what not every event has"): ("event.reason,", "event.reason[:9],", TOLD),
    ("hook", "it needs what JSON has"): ("file=str(path)", "file=path", TOLD),
    ("hook", "it changes what it is told"): (
        "    note(gap=",
        "    event.symbol = event.symbol or '?'\n    note(gap=",
        {"test_events_unchanged"},
    ),
    ("hook", "the main thread alone"): (
        "    if path :=",
        "    import signal\n    signal.signal(15, signal.getsignal(15))\n    if path :=",
        {"test_calls"},
    ),
    ("hook", "a secret that nobody knows"): (
        "@hookimpl\ndef gap",
        "@hookimpl\ndef secret(name):\n    return name\n\n@hookimpl\ndef gap",
        {"test_secret"},
    ),
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the example's package that can be imported, and its tests' input."""
    shutil.copytree(ACME / "src" / "mdc_acme", tmp_path / "mdc_acme")
    shutil.copytree(ACME / "tests", tmp_path / "tests")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("ACME_LEDGER", str(tmp_path / "ledger.jsonl"))
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "mdc_acme"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def suite_of(kind: str) -> Any:
    """The suite of the example's plugin of a kind."""
    module, name, suite, attribute, _ = KINDS[kind]
    plugin = importlib.import_module(f"mdc_acme.{module}")
    plugin = getattr(plugin, name) if name else plugin
    more: dict[str, Any] = {attribute: plugin}
    if kind == "importer":
        more["bad"] = {"ticks.txt:3": "no trade"}
    if kind == "exporter":
        importer = importlib.import_module("mdc_acme.text_import")
        more |= {"importer": importer.AcmeImport, "golden": "ticks.txt"}
    return type("Suite", (suite,), more)()


def found(kind: str, package: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    folder = package / "tests" / KINDS[kind][4]
    return failing(suite_of(kind), folder, monkeypatch, package / "scratch")


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_itself_passes(
    kind: str, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(kind, package, monkeypatch) == set()


@pytest.mark.parametrize(("kind", "bug"), BUGS)
@pytest.mark.some(15)
def test_a_bug_from_birth_is_found(
    kind: str, bug: str, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong, by = BUGS[kind, bug]
    file = package / "mdc_acme" / f"{KINDS[kind][0]}.py"
    assert file.read_text().count(right) == 1, f"{right} does not stand in the example once"
    file.write_text(file.read_text().replace(right, wrong))
    assert found(kind, package, monkeypatch) == by
