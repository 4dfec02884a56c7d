"""Options of all commands mean the same before the verb and behind it."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mdc_core.cli.main import root
from mdc_core.session import Session
from tests.conftest import Shell, says_nothing

SIM = "stream sim SPY --limit 5"


@pytest.fixture(autouse=True)
def things(shell: Shell, tmp_path: Path) -> None:
    """An archive that is not at `data`, and settings that are not in mdc.toml."""
    shell(f"mdc {SIM} then store --root one")
    (tmp_path / "my.toml").write_text("quiet = true\n[head]\nlimit = 2\n")


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ("-q count one", "count one -q"),
        ("--quiet count one", "count --quiet one"),
        ("-v count one", "count one -v"),
        ("--log-format json count one", "count one --log-format json"),
        ("--config my.toml head one/SPY/trade/*", "head one/SPY/trade/* --config my.toml"),
        ("--config=my.toml head one/SPY/trade/*", "head --config=my.toml one/SPY/trade/*"),
        ("--root one count", "count --root one"),
        ("--root one verify --deep", "verify --root one --deep"),
        ("--root nowhere ls", "ls --root nowhere"),
        (f"-q {SIM} then count", f"{SIM} then count -q"),
        ("--root one cat then count", "cat --root one then count"),
        ("--root one tier status", "tier status --root one"),
        ("-q --root one pack create b.zip --dry-run", "pack create b.zip --root one -q --dry-run"),
        ("--log-format json catalog rebuild", "catalog rebuild --log-format json"),
        ("--config no.toml ls", "ls --config no.toml"),
        ("--log-format yaml ls", "ls --log-format yaml"),
    ],
)
@pytest.mark.some(6)
def test_on_either_side(before: str, behind: str, shell: Shell) -> None:
    one, other = shell(f"mdc {before}"), shell(f"mdc {behind}")
    assert (one.status, one.lines, clean(one.err)) == (other.status, other.lines, clean(other.err))
    assert one.out or one.err


def clean(err: str) -> str:
    """What is said, without times and ids, which differ from run to run, and hints of click."""
    err = err.replace("mdc ls: ", "mdc: ")  # before the verb it is not known yet
    words = (word for word in err.split() if not word.startswith('"20') and len(word) != 15)
    return " ".join(words).partition("hint: ")[0]


def test_what_they_do(shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc count one -q").err == ""
    assert shell("mdc count one --log-format json").err.startswith('{"ts"')
    assert len(shell("mdc cat one then head --config my.toml").events) == 2
    assert len(shell("mdc cat one then head", MDC_CONFIG="my.toml").events) == 2
    assert '"total": 5' in shell("mdc --root one count --json").out
    assert shell("mdc --root two stream sim A --limit 3 then cat then store -q").err == ""
    assert '"total": 3' in shell("mdc count --json --root two").out
    (tmp_path / "mdc.toml").write_text("[head]\nlimit = 1\n")
    assert len(shell("mdc cat one then head --config my.toml").events) == 2
    done = shell("mdc --root one inspect x.jsonl")
    assert done.status == 2 and says_nothing(done.out)
    assert "mdc inspect: takes no --root" in done.err
    (tmp_path / "mdc.toml").write_text("config = 'my.toml'\n")
    assert shell("mdc ls --root one").status == 78


def test_a_command_of_a_group_has_settings(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mdc.toml").write_text(
        "[catalog.rebuild]\nroot = 'one'\njson = true\n[pack.create]\nroot = 'one'\n"
        "[tier]\njson = true\n[tier.warm]\nafter = '1d'\n"
    )
    done = shell("mdc catalog rebuild --dry-run")
    assert (done.status, '"events": 5' in done.out) == (0, True), done.err
    done = shell("mdc pack create p.zip && mdc pack list p.zip")
    assert (done.status, "5 events" in done.err) == (0, True), done.err
    assert "is not used" not in done.err
    status = shell("mdc tier status --root one")
    assert (status.status, status.out.startswith("[")) == (0, True), status.err
    assert shell("mdc --root two catalog rebuild").err.startswith(
        "mdc catalog rebuild: no archive at two\n"
    )


def every_path() -> Iterator[tuple[str, ...]]:
    """The words of every command, those of groups among them."""

    def look(ctx: click.Context, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        group = ctx.command
        for name in group.list_commands(ctx) if isinstance(group, click.Group) else ():
            command = group.get_command(ctx, name)
            assert command is not None
            below = command.make_context(name, [], parent=ctx, resilient_parsing=True)
            yield (*words, name)
            yield from look(below, (*words, name))

    yield from look(root.make_context("mdc", [], obj=Session({}), resilient_parsing=True), ())


@pytest.mark.parametrize("flag", ["-q", "--verbose", "--log-format=json", "--config=my.toml"])
@pytest.mark.some(1)
def test_every_command_takes_them_wherever_they_stand(
    flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in every_path():
        for place in range(len(words) + 1):
            line = [*words[:place], flag, *words[place:], "--help"]
            with (
                pytest.raises(click.exceptions.Exit) as done,
                root.make_context("mdc", line, obj=Session({})) as ctx,
            ):
                root.invoke(ctx)
            assert done.value.exit_code == 0, line
    assert "no such option" not in capsys.readouterr().err


def test_between_a_verb_and_its_command(shell: Shell) -> None:
    assert shell("mdc -q stream sim SPY -n 2").err == shell("mdc stream -q sim SPY -n 2").err == ""
    one = shell("mdc catalog --root one rebuild --dry-run --json")
    assert (
        one.status == 0 and one.out == shell("mdc catalog rebuild --root one --dry-run --json").out
    )
    assert shell("mdc catalog --root nowhere rebuild").status == 65


PLUGIN = '''"""A check of one's own."""
from mdc_core.plugin import Check

class Mine(Check):
    def check(self, batch):
        return ()
'''


def test_which_plugins_there_are_on_either_side(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN)
    for line in (
        "--plugin mine.py plugins --json",
        "plugins --plugin mine.py --json",
        "plugins --json --plugin=mine.py",
        "plugins --json --plugin mine.py",
    ):
        assert '"name": "mine"' in shell(f"mdc {line}").out
    path = {"MDC_PLUGIN_PATH": str(tmp_path / "mine.py")}
    for line in ("--no-plugins plugins --json", "plugins --json --no-plugins"):
        assert '"name": "mine"' not in shell(f"mdc {line}", MDC_LOAD_PLUGINS="").out
    assert '"name": "mine"' in shell("mdc plugins --json", **path).out
    wanted = shell("mdc --plugin mine.py validate --check mine one/SPY/trade/*")
    done = shell("mdc validate --check mine one/SPY/trade/* --plugin mine.py")
    assert (done.status, done.lines) == (0, wanted.lines) and wanted.lines
    assert shell("mdc validate --check mine one/SPY/trade/*").status == 2
    said = shell("mdc cat one/SPY/trade/* then validate --check mine --plugin mine.py")
    assert said.status == 0, said.err
