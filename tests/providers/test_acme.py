"""A stranger's package, installed into an environment of its own beside mdc."""

import importlib.util
import json
import os
import site
import sqlite3
import subprocess
import sys
import venv
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ACME = ROOT / "examples" / "mdc-acme"
CODE = ACME / "src" / "mdc_acme"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("hatchling") is None, reason="needs hatchling to build the example"
)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment with mdc and mdc-acme."""
    folder = tmp_path_factory.mktemp("acme") / "env"
    venv.create(folder, with_pip=True)
    interpreter = folder / "bin" / "python"
    # mdc and what it needs come from here; mdc-acme is built and installed.
    purelib = run(interpreter, "-c", "import sysconfig as s; print(s.get_path('purelib'))")
    lines = [f"import site; site.addsitedir({path!r})" for path in site.getsitepackages()]
    lines += [str(ROOT), str(ROOT / "plugins")]
    (Path(purelib.stdout.strip()) / "beside.pth").write_text("\n".join(lines) + "\n")
    options = "--quiet --no-index --no-deps --no-build-isolation --disable-pip-version-check"
    copy = folder.parent / "mdc-acme"
    copy_tree(ACME, copy)
    run(interpreter, "-m", "pip", "install", *options.split(), str(copy))
    return interpreter


def copy_tree(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())


def run(python: Path, *words: str, text: str = "", cwd: Path | None = None):
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), *words],
        input=text,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=env,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done


def mdc(python: Path, *words: str, text: str = "") -> list[dict]:
    program = "from mdc_core.cli.main import main; import sys; sys.exit(main())"
    done = run(python, "-c", program, *words, text=text)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("stream.py", 60),
        ("history.py", 40),
        ("spread.py", 20),
        ("feather.py", 25),
        ("large.py", 20),
        ("text_export.py", 25),
        ("text_import.py", 50),
        ("table.py", 45),
        ("ledger.py", 20),
    ],
)
def test_small(name: str, lines: int) -> None:
    text = (CODE / name).read_text()
    assert len([line for line in text.splitlines() if line.strip()]) <= lines


@pytest.mark.parametrize("path", sorted(ACME.glob("tests/*/test_*.py")), ids=lambda p: p.stem)
def test_tests_are_five_lines(path: Path) -> None:
    # A sink's test brings the place along, that of an observer says what it does.
    most = {"test_sink": 20, "test_ledger": 20}.get(path.stem, 5)
    assert len([line for line in path.read_text().splitlines() if line.strip()]) <= most


def test_it_streams(python: Path) -> None:
    rows = mdc(python, "stream", "acme", "X", "--mock", "--limit", "5")
    market = [row for row in rows if row["type"] in ("trade", "quote")]
    assert [row["seq"] for row in market] == [1, 2, 3, 4, 5]
    assert {(row["provider"], row["symbol"]) for row in market} == {("acme", "X")}
    assert rows[-1]["type"] == "end"
    assert rows[-1]["reason"] == "limit"


def test_its_check_judges(python: Path) -> None:
    rows = (ACME / "tests" / "check" / "rows.jsonl").read_text()
    out = mdc(python, "validate", "--check", "acme-spread", text=rows)
    found = [row["message"] for row in out if row["type"] == "integrity"]
    assert found == ["bid 100 and ask 110 are far apart", "bid 50 and ask 75.25 are far apart"]


def test_its_filter_keeps(python: Path) -> None:
    text = (ACME / "tests" / "filter" / "rows.jsonl").read_text()
    out = mdc(python, "acme-large", "--size", "250", text=text)
    kept = [(row["type"], row.get("size")) for row in out if row["type"] not in ("begin", "end")]
    assert kept == [("quote", None), ("trade", 250)]


def test_its_exporter_and_importer_are_one_format(python: Path, tmp_path: Path) -> None:
    text = (ACME / "tests" / "export" / "rows.jsonl").read_text()
    name = str(tmp_path / "ticks.txt")
    mdc(python, "export", "--profile", "acme-text", "-o", name, text=text)
    assert Path(name).read_bytes() == (ACME / "tests" / "export" / "ticks.txt").read_bytes()
    back = mdc(python, "import", "--profile", "acme-text", name)
    said = [json.loads(line)["price"] for line in text.splitlines()]
    assert [row["price"] for row in back if row["type"] == "trade"] == said


def test_its_sink_takes_each_event_once(python: Path, tmp_path: Path) -> None:
    text = (ACME / "tests" / "export" / "rows.jsonl").read_text()
    for _ in range(2):
        mdc(python, "publish", "acme-table", f"sqlite:{tmp_path}/events.db", text=text)
    with closing(sqlite3.connect(tmp_path / "events.db")) as file:
        lines = [line for (line,) in file.execute("SELECT line FROM events ORDER BY rowid")]
    assert [json.loads(line)["price"] for line in lines] == [
        json.loads(line)["price"] for line in text.splitlines()
    ]


def test_its_format_keeps_an_archive(python: Path, tmp_path: Path) -> None:
    text = (ACME / "tests" / "export" / "rows.jsonl").read_text()
    mdc(python, "store", "--root", str(tmp_path / "d"), "--format", "acme-feather", text=text)
    back = mdc(python, "cat", "--root", str(tmp_path / "d"))
    said = sorted(json.loads(line)["price"] for line in text.splitlines())
    assert sorted(row["price"] for row in back if row["type"] == "trade") == said


def test_its_own_tests_pass(python: Path) -> None:
    folder = python.parents[2] / "mdc-acme"
    done = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
    assert " passed" in done.stdout
    assert "failed" not in done.stdout
    assert sys.version_info >= (3, 11)
