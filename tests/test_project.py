"""What the project says about itself is true: README, feature table, changelog, metadata."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from mdc_core import __version__
from tests.conftest import Shell

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
GROUPS = PYPROJECT["project"]["entry-points"]
ENTRY_POINTS = [(verb, *pair) for verb, names in GROUPS.items() for pair in names.items()]
FEATURES = re.findall(r"`(tests/[\w/.]+)::(\w+)`", (ROOT / "docs" / "features.md").read_text())


def steps() -> list[tuple[str, str | None]]:
    """The shell blocks of the README, each with the output shown right behind it."""
    found: list[tuple[str, str | None]] = []
    blocks = list(BLOCK.finditer(README))
    for block, behind in zip(blocks, [*blocks[1:], None], strict=True):
        if block[1] == "sh":
            shown = behind and not README[block.end() : behind.start()].strip()
            found.append((block[2], behind[2] if behind and shown else None))
    return found


def test_every_command_of_the_readme_does_what_is_shown(shell: Shell, tmp_path: Path) -> None:
    if not shutil.which("jq"):
        pytest.skip("jq is not installed")
    assert len(steps()) >= 8
    for number, (script, shown) in enumerate(steps()):
        done = shell(f"exec 2>&1; set -e +o pipefail\n{script}")
        assert done.status == 0, f"{script}\n{done.out}"
        if shown is not None:
            # `...` in the shown output stands for the rest of the line.
            lines = [re.escape(line).replace(r"\.\.\.", ".*") for line in shown.splitlines()]
            assert re.fullmatch("\n".join(lines), done.out.rstrip("\n")), f"{number}: {done.out}"
    assert (tmp_path / "again.jsonl").read_text().count('{"type":"trade"') > 0


def test_the_plugin_of_the_readme_works(shell: Shell, tmp_path: Path) -> None:
    (code,) = (text for kind, text in BLOCK.findall(README) if kind == "python")
    (tmp_path / "wide.py").write_text(f'"""Wide quotes."""\n\n{code}')
    info = tmp_path / "wide-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wide\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[mdc.validate]\nwide = wide:Wide\n")
    head = b'{"type":"quote","symbol":"A","ts_event":"2024-01-02T00:00:00Z"'
    lines = b"".join(head + b',"bid_price":1,"ask_price":%s}\n' % ask for ask in (b"2", b"2.5"))
    done = shell("mdc validate --check wide", stdin=lines, PYTHONPATH=str(tmp_path))
    assert done.status == 0, done.err
    found = [event["message"] for event in done.events if event["type"] == "integrity"]
    assert found == ["spread of 1.5"]


def test_the_two_commands_to_begin_with_are_the_ones_there_are() -> None:
    shown = set(re.findall(r"^\$ (python3 run\.py \w+)", README, re.MULTILINE))
    said = str(ast.get_docstring(ast.parse((ROOT / "run.py").read_text())))
    assert shown == {"python3 run.py demo", "python3 run.py test"}
    assert shown <= set(re.findall(r"^python3 run\.py \w+", said, re.MULTILINE))
    assert "python3 run.py test" in (ROOT / ".ci" / "run").read_text()
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "tests"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.strip()) == (1, said)


@pytest.mark.parametrize(("file", "name"), FEATURES)
def test_a_feature_names_a_test_that_is_there(file: str, name: str) -> None:
    names = {
        node.name
        for node in ast.walk(ast.parse((ROOT / file).read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    assert name in names


def test_every_feature_has_a_test() -> None:
    rows = [
        line
        for line in (ROOT / "docs" / "features.md").read_text().splitlines()
        if line.startswith("| ")
    ][2:]
    assert len(FEATURES) == len(rows)


@pytest.mark.parametrize(("group", "name", "target"), ENTRY_POINTS)
def test_a_built_in_plugin_loads_and_says_what_it_is(group: str, name: str, target: str) -> None:
    module_name, _, attribute = target.partition(":")
    module = import_module(module_name)
    assert isinstance(getattr(module, attribute), type)
    assert module.__doc__
    assert module.__doc__.splitlines()[0].endswith("."), f"{group} {name}"


def test_the_changelog_has_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert "## [Unreleased]" in changelog
    assert f"## [{__version__}]" in changelog


def test_links_between_documents_lead_somewhere() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if not target.startswith("https://"):
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_lock_pins_everything_and_names_no_place() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    pinned = {name.lower() for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)}
    extras = PYPROJECT["project"]["optional-dependencies"]
    asked = [*PYPROJECT["project"]["dependencies"], *extras["test"], *extras["dev"]]
    asked += PYPROJECT["build-system"]["requires"]
    assert {re.split(r"[<>=\[ ]", line)[0] for line in asked} <= pinned
    assert lock.count("==") <= lock.count("--hash=sha256:")


def test_the_extra_all_is_all_of_those_for_users() -> None:
    extras = PYPROJECT["project"]["optional-dependencies"]
    (everything,) = extras["all"]
    name, named = everything.removesuffix("]").split("[")
    assert name == PYPROJECT["project"]["name"]
    assert named.split(",") == sorted(extras.keys() - {"all", "test", "dev"})


def test_core_dependencies_are_those_that_are_imported() -> None:
    modules = {"lz4": "lz4", "zstandard": "zstandard", "tzdata": "zoneinfo"}
    declared = {re.split(r"[<>=]", line)[0] for line in PYPROJECT["project"]["dependencies"]}
    imported = set()
    for path in [*(ROOT / "mdc_core").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            imported |= {name.partition(".")[0] for name in names}
    assert {name for name in declared if modules.get(name, name) not in imported} == set()


def tracked_texts() -> list[Path]:
    """The text files of the project."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [ROOT / name for name in done.stdout.split("\0") if name]
    return [path for path in files if path.is_file() and b"\0" not in path.read_bytes()]


def test_texts_name_no_place_of_one_machine() -> None:
    homes = "|".join(("work", "root", "home", "Users"))
    place = re.compile(rf"(?<![\w.)}}/])/(?:{homes})/\w")
    hosts = re.compile(r"(?:pypi|files\.pythonhosted|test\.pypi)\.org|/simple/")
    for path in tracked_texts():
        if path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8")
        for pattern in (place, hosts):
            found = pattern.search(text)
            assert found is None, f"{path.relative_to(ROOT)}: {found and found[0]}"
