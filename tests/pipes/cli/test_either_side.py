"""Options of all commands mean the same before the verb and behind it."""

from pathlib import Path

import pytest

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
    assert "mdc inspect has no --root" in done.err
    (tmp_path / "mdc.toml").write_text("config = 'my.toml'\n")
    assert shell("mdc ls --root one").status == 78


def test_a_command_of_a_group_has_settings(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mdc.toml").write_text(
        "[catalog.rebuild]\nroot = 'one'\njson = true\n[pack.create]\nroot = 'one'\n"
        "[tier]\njson = true\n[tier.warm]\nafter = '1d'\n"
    )
    done = shell("mdc catalog rebuild --dry-run")
    assert (done.status, '"rows": 5' in done.out) == (0, True), done.err
    done = shell("mdc pack create p.zip && mdc pack list p.zip")
    assert (done.status, "5 events" in done.err) == (0, True), done.err
    assert "is not used" not in done.err
    status = shell("mdc tier status --root one")
    assert (status.status, status.out.startswith("[")) == (0, True), status.err
    assert shell("mdc --root two catalog rebuild").err.startswith(
        "mdc catalog rebuild: no archive at two\n"
    )
