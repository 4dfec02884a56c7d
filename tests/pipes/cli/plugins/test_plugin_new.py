"""`mdc plugin new` writes packages that pass their own tests, and that mdc uses at once."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from mdc_core.plugin_package import KINDS, new_package
from tests.kit.many import some

ROOT = Path(__file__).resolve().parents[4]


def test_new_packages_of_all_kinds_pass_their_own_tests(tmp_path):
    kinds = some(list(KINDS), 3)
    for kind in kinds:
        new_package(kind, f"my-{kind}", tmp_path / kind)
        for path in (tmp_path / kind).rglob("*"):
            text = "" if path.is_dir() else path.read_text().lower()
            assert "acme" not in text and "zephyr" not in text, path
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-rs"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(tmp_path / k / "src") for k in kinds)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SKIPPED" not in done.stdout


def test_the_wheel_has_the_example(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "mdc_core/examples/mdc-acme/pyproject.toml" in names
    assert "mdc_core/examples/mdc-acme/src/mdc_acme/stream.py" in names
    assert "mdc_core/examples/mdc-zephyr/src/mdc_zephyr/lines.py" in names


def test_mdc_uses_it_at_once(mdc, tmp_path):
    here = tmp_path / "here"
    done = mdc("plugin", "new", "wide", "--kind", "check")
    assert done.returncode == 0, done.stderr
    files = {path.partition("/")[2] for path in done.stdout.splitlines()}
    tests = {"tests/test_spread.py", "tests/rows.jsonl", "tests/findings.jsonl"}
    code = {"src/mdc_wide/__init__.py", "src/mdc_wide/spread.py"}
    assert files == {"pyproject.toml", *code, *tests}
    assert "cd mdc-wide; pip install -e '.[test]'; pytest" in done.stderr
    assert "market-data-collector>=0.1,<0.2" in (here / "mdc-wide" / "pyproject.toml").read_text()
    info = here / "mdc-wide" / "src" / "mdc_wide-0.1.0.dist-info"
    info.mkdir()
    entry = '[project.entry-points."mdc.validate"]\nwide = "mdc_wide.spread:WideSpread"\n'
    assert entry in (here / "mdc-wide" / "pyproject.toml").read_text()
    (info / "entry_points.txt").write_text("[mdc.validate]\nwide = mdc_wide.spread:WideSpread\n")
    rows = (here / "mdc-wide" / "tests" / "rows.jsonl").read_text()
    found = mdc("validate", "--check", "wide", stdin=rows, path=here / "mdc-wide" / "src")
    assert "bid 100 and ask 110 are far apart" in found.stdout


def test_a_hook_is_told_at_once(mdc, tmp_path):
    done = mdc("plugin", "new", "my-list", "--kind", "hook")
    assert done.returncode == 0, done.stderr
    source, ledger = tmp_path / "here" / "mdc-my-list" / "src", tmp_path / "list.jsonl"
    (source / "mdc_my_list-0.1.0.dist-info").mkdir()
    points = "[mdc.hooks]\nmy-list = mdc_my_list.ledger\n"
    (source / "mdc_my_list-0.1.0.dist-info" / "entry_points.txt").write_text(points)
    event = '{"type":"trade","symbol":"A","price":1,"size":1,"ts_event":"2024-01-02T15:00:00Z"}\n'
    stored = mdc("-q", "store", stdin=event, path=source, MY_LIST_LEDGER=str(ledger))
    assert (stored.returncode, stored.stderr) == (0, "")
    (line,) = ledger.read_text().splitlines()
    assert '"rows": 1' in line and "/A/trade/2024-01-02" in line


def test_it_needs_no_pytest(mdc, tmp_path):
    """Which is for the tests of the new package: mdc does not bring it along."""
    (tmp_path / "without" / "pytest").mkdir(parents=True)
    (tmp_path / "without" / "pytest" / "__init__.py").write_text("raise ImportError('not here')\n")
    args = ("plugin", "new", "wide", "--kind", "check", "--dry-run")
    done = mdc(*args, path=tmp_path / "without")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("transport", "own", "others"),
    [
        ("ws", {"stream", "sandbox"}, {"lines", "lines_sandbox"}),
        ("tcp", {"lines", "lines_sandbox"}, {"stream", "sandbox"}),
    ],
)
@pytest.mark.some(1)
def test_a_half_of_a_venue(transport, own, others, mdc, tmp_path):
    done = mdc("plugin", "new", "vee", "--kind", "venue", "--transport", transport)
    assert done.returncode == 0, done.stderr
    package = tmp_path / "here" / "mdc-vee"
    modules = {path.stem for path in (package / "src" / "mdc_vee").glob("*.py")}
    assert modules == {"__init__", "provider", "servers", *own}
    texts = [path.read_text() for path in package.rglob("*.*")]
    imported = {f"from mdc_vee.{name} import" for name in others}
    assert not [text for text in texts if any(word in text for word in imported)]
    points = tomllib.loads((package / "pyproject.toml").read_text())["project"]["entry-points"]
    assert list(points) == ["mdc.stream"] and list(points["mdc.stream"]) == ["vee"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    tests = subprocess.run(command, cwd=package, capture_output=True, text=True, check=False)
    assert tests.returncode == 0, tests.stdout
    info = package / "src" / "mdc_vee-0.1.0.dist-info"
    info.mkdir()
    target = points["mdc.stream"]["vee"]
    (info / "entry_points.txt").write_text(f"[mdc.stream]\nvee = {target}\n")
    words = ("stream", "vee", "SPY", "--mock", "--limit", "50")
    rows = mdc(*words, path=package / "src").stdout.splitlines()
    assert len([row for row in rows if '"provider":"vee"' in row and '"symbol":"SPY"' in row]) == 50


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        (("Wide", "--kind", "check"), 2, "'Wide' cannot be a name"),
        (("../x", "--kind", "check"), 2, "cannot be a name"),
        (("wide", "--kind", "chek"), 2, "'chek'"),
        (("wide", "--kind", "check", "--transport", "ws"), 2, "a half of a venue, not of a check"),
        (("wide", "--kind", "venue", "--transport", "udp"), 2, "'udp'"),
        (("wide", "--kind", "check", "--into", "."), 73, ". exists already"),
        (("wide", "--kind", "check", "--into", "/proc/x/y"), 73, "/proc/x/y"),
    ],
)
def test_what_cannot_be_made(args, status, words, mdc, tmp_path):
    done = mdc("plugin", "new", *args)
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert not list((tmp_path / "here").iterdir())


def test_a_dry_run_writes_nothing(mdc, tmp_path):
    done = mdc("plugin", "new", "far", "--kind", "stream", "--dry-run")
    assert "mdc-far/src/mdc_far/sandbox.py" in done.stdout.splitlines()
    assert not list((tmp_path / "here").iterdir())
