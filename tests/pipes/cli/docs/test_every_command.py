"""What holds for every command that reads or changes an archive, whatever it does."""

import json
import shutil
from pathlib import Path
from typing import Any

import click
import pytest

from mdc_core.cli.main import root
from mdc_core.cli.settable import path_of
from mdc_core.session import Session
from tests.conftest import Shell, says_nothing

# Each command as it is run in a folder with the archive `data`; `{}` is for more options.
READING = {
    "advise": "mdc advise {}",
    "cat": "mdc cat --root data {}",
    "count": "mdc count --root data {}",
    "coverage": "mdc coverage {}",
    "du": "mdc du {}",
    "head": "mdc head data/SPY/trade/2* {}",
    "inspect": "mdc inspect $(ls data/SPY/trade/2* | head -1) {}",
    "lineage": "mdc lineage $(ls data/SPY/trade/2* | head -1) {}",
    "ls": "mdc ls {}",
    "pack list": "mdc pack list p.zip {}",
    "pack verify": "mdc pack verify p.zip {}",
    "plugins": "mdc plugins {}",
    "query": "mdc query {} 'SELECT count(*) AS n FROM trade'",
    "replay": "mdc replay --root data --speed max {}",
    "schema list": "mdc schema list {}",
    "schema log": "mdc schema log trade {}",
    "tail": "mdc tail --root data {}",
    "tier plan": "mdc tier plan {}",
    "tier status": "mdc tier status {}",
    "verify": "mdc verify {}",
}
CHANGING = {
    "catalog rebuild": "mdc catalog rebuild {}",
    "compact": "mdc compact --root data {}",
    "export": "mdc export data/SPY/trade/2* --profile csv --output out {}",
    "import": "mdc import --profile csv table.csv --type trade {}",
    "pack create": "mdc pack create new.zip {}",
    "pack import": "mdc pack import p.zip --root other {}",
    "plugin new": "mdc plugin new mine --kind check {}",
    "publish": "mdc publish http http://127.0.0.1:9 --retries 0 data/SPY/trade/2* {}",
    "recover": "mdc recover --root data {}",
    "retain": "mdc retain --yes --keep-size 1B {}",
    "rm": "mdc rm --symbol SPY --yes --allow-empty {}",
    "schema export": "mdc schema export schemas --force {}",
    "schema migrate": "mdc schema migrate --root data {}",
    "store": "mdc store {} < one.jsonl",
    "tier migrate": "mdc tier migrate --now 2030-01-01 {}",
}
EVERY = READING | CHANGING
OTHERS = {  # of no archive, or without an end
    "book",
    "completion",
    "compress",
    "config",
    "convert",
    "ctl",
    "frames",
    "help",
    "providers",
    "mock",
    "schema doc",
    "schema show",
    "shell",
    "stream",
    "validate",
    "version",
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `things` are made once, to be copied for each test."""
    return tmp_path_factory.mktemp("template")


@pytest.fixture(autouse=True)
def things(shell: Shell, template: Path, tmp_path: Path) -> None:
    """An archive of two runs, a pack of it, and a file that is not in it."""
    if not (template / "p.zip").exists():
        for seed in (1, 2):
            line = f"mdc stream sim SPY AAPL --limit 40 --seed {seed} then store"
            assert shell(line, cwd=template).status == 0
        assert shell("mdc pack create p.zip", cwd=template).status == 0
        (template / "one.jsonl").write_text(
            '{"type":"trade","symbol":"QQQ","ts_event":"2024-01-02T12:00:00Z","price":1,"size":1}\n'
        )
        (template / "table.csv").write_text("ts_event,symbol,price,size\n2024-01-02,SPY,1,1\n")
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)


def commands() -> dict[str, set[str]]:
    """The flags of every command that there is, but those of single plugins."""
    top = root.make_context("mdc", [], obj=Session({}), resilient_parsing=True)
    found: dict[str, set[str]] = {}

    def look(ctx: click.Context, group: click.Group) -> None:
        for name in group.list_commands(ctx):
            command = group.get_command(ctx, name)
            assert command is not None
            below = command.make_context(name, [], parent=ctx, resilient_parsing=True)
            if isinstance(below.command, click.Group) and hasattr(below.command, "verb"):
                found[name] = set()
            elif isinstance(below.command, click.Group):
                look(below, below.command)
            else:
                params = below.command.get_params(below)
                flags = {f for p in params for f in p.opts if f.startswith("-")}
                found[" ".join(path_of(below))] = flags

    look(top, root)
    return found


FLAGS = commands()
# These stand before the verb as well, where they are shown.
ANYWHERE = {"-q", "-v", "--quiet", "--verbose", "--log-format", "--config", "--tz"}


def having(flag: str) -> list[str]:
    """The commands of this file that have a flag."""
    return sorted(name for name in EVERY if flag in FLAGS.get(name, ()))


def tree(folder: Path) -> dict[str, bytes]:
    """Every file; SQLite's own beside the catalog come and go when it is read."""
    found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    return {
        name: path.read_bytes()
        for name, path in sorted(found.items())
        if not name.endswith(("-shm", "-wal", ".lock"))
    }


def test_every_command_is_here() -> None:
    known = {*EVERY, *OTHERS}
    assert {
        name for name in FLAGS if name not in known and name.partition(" ")[0] not in known
    } <= {name for name, flags in FLAGS.items() if not flags}


@pytest.mark.parametrize("name", having("--json"))
@pytest.mark.some(8)
def test_json_is_json_and_changes_no_status(name: str, shell: Shell) -> None:
    dry = "--dry-run" if "--dry-run" in FLAGS[name] else ""
    plain = shell(EVERY[name].format(dry))
    told = shell(EVERY[name].format(f"{dry} --json"))
    assert told.status == plain.status, (told.err, plain.err)
    said: Any = json.loads(told.out)
    assert isinstance(said, dict | list)
    assert told.out.endswith("\n") and told.out.isprintable() is False
    text = json.dumps(said)
    assert "Path(" not in text and "Decimal(" not in text and "NaN" not in text


@pytest.mark.parametrize("name", having("--dry-run"))
@pytest.mark.some(5)
def test_a_dry_run_changes_nothing(name: str, shell: Shell, tmp_path: Path) -> None:
    before = tree(tmp_path)
    done = shell(EVERY[name].format("--dry-run"))
    assert done.status == 0, done.err
    assert tree(tmp_path) == before
    assert done.out or done.err
    # And without it something would have come of it.
    if name not in ("publish", "recover", "schema migrate", "catalog rebuild"):
        shell(EVERY[name].format(""))
        assert tree(tmp_path) != before


@pytest.mark.parametrize("name", sorted(READING))
def test_reading_changes_nothing(name: str, shell: Shell, tmp_path: Path) -> None:
    before = tree(tmp_path)
    shell(READING[name].format(""))
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", sorted({*EVERY} - {"pack create", "plugin new", "export"}))
@pytest.mark.some(11)
def test_quiet_is_quiet(name: str, shell: Shell) -> None:
    """Where nothing is wrong, nothing is said but the answer."""
    loud, quiet = (shell(EVERY[name].format(f"{flag}")) for flag in ("", "-q"))
    if loud.status == 0:
        warned = [line for line in quiet.err.splitlines() if " in = " in line or "hint" in line]
        assert quiet.status == 0 and warned == []
        assert len(quiet.err) <= len(loud.err)


@pytest.mark.parametrize("name", having("--root"))
def test_an_archive_that_is_not_there(name: str, shell: Shell, tmp_path: Path) -> None:
    """Is told in one line with a hint, and not made by looking for it."""
    if name in ("store", "pack import", "import"):
        pytest.skip("makes one")
    line = EVERY[name].replace("--root data", "")
    if name != "lineage":  # asks the archive about a file that was moved out of it
        line = line.replace(" data/SPY/trade/2*", "")
    done = shell(line.format("--root nowhere"))
    assert done.status == 65, (done.status, done.err)
    assert "nowhere" in done.err and "Traceback" not in done.err
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("name", having("--type"))
def test_a_type_that_is_mistyped(name: str, shell: Shell, tmp_path: Path) -> None:
    if name == "import":
        pytest.skip("the option of the profile: see test_csv")
    before = tree(tmp_path)
    done = shell(EVERY[name].format("--type trad"))
    assert done.status == 2, done.err
    assert "no such event type: 'trad'; did you mean trade?" in done.err
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", having("--from"))
@pytest.mark.some(5)
def test_a_time_that_is_none(name: str, shell: Shell) -> None:
    for text in ("2024-02-30", "soon", "2024-01-02T25:00"):
        done = shell(EVERY[name].format(f"--from {text}"))
        assert done.status == 2, done.err
        assert done.err.startswith(f"mdc {name}: --from: not a")


@pytest.mark.parametrize("name", sorted(EVERY))
@pytest.mark.some(12)
def test_an_option_that_there_is_not(name: str, shell: Shell) -> None:
    done = shell(EVERY[name].format("--no-such-option"))
    assert done.status == 2 and says_nothing(done.out)
    words = f"mdc {name}"
    assert done.err.splitlines()[0].startswith(f"{words}: no such option: --no-such-option")
    assert f"hint: {words}" in done.err and "--help" in done.err


@pytest.mark.parametrize("name", sorted(name for name in EVERY if FLAGS.get(name)))
def test_help_says_what_it_is_and_how_it_is_used(name: str, shell: Shell) -> None:
    done = shell(f"mdc {name} --help")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"Usage: mdc {name} ")
    for flag in FLAGS[name] - ANYWHERE:
        assert flag in done.out
    assert "Settings:" in done.out and f"MDC_{name.upper().replace(' ', '_')}_OPTION" in done.out


@pytest.mark.parametrize("name", READING)
def test_what_only_reads_writes_nothing_anywhere(name: str, shell: Shell, tmp_path: Path) -> None:
    places = {"HOME": "home", "XDG_STATE_HOME": "home/state", "TMPDIR": "tmp"}
    for place in places.values():
        (tmp_path / place).mkdir(parents=True)

    def there() -> dict[str, tuple[int, int]]:
        # Files that are gone again leave a trace in the folder for temporary ones.
        found = {path: path.lstat() for path in tmp_path.rglob("*") if path.name != "tmp"}
        return {str(path): (stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}

    before = there()
    done = shell(
        EVERY[name].format(""), **{key: str(tmp_path / place) for key, place in places.items()}
    )
    assert done.status == 0, done
    assert there() == before
