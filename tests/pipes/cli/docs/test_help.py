"""What `mdc --help` and `mdc help` show: groups that fit, every command, and recipes that work."""

import re
import shlex
from pathlib import Path

import click
import pytest

from mdc_core.cli.groups import GROUPS
from mdc_core.cli.main import root
from mdc_core.cli.recipes import RECIPES
from mdc_core.installed import verb_files
from mdc_core.session import Session
from tests.conftest import Shell

TASKS = [(task, command) for _, tasks in RECIPES for task, command in tasks]
CSV = "time,symbol,px,size\n2024-01-02T14:30:00Z,SPY,475.25,100\n"


def sections(text: str) -> dict[str, list[str]]:
    """The words that begin the lines of each section."""
    found: dict[str, list[str]] = {}
    for part in text.split("\n\n"):
        title, _, rows = part.partition(":\n")
        found[title] = re.findall(r"^  (\S+)", rows, re.MULTILINE)
    return found


def test_verbs_stand_in_groups_in_order_of_use(shell: Shell) -> None:
    done = shell("mdc --help")
    found = sections(done.out)
    titles = [title for title in GROUPS.values() if title in found]
    assert titles == [title for title in found if title in GROUPS.values()]
    assert titles[:3] == ["Collect", "Check", "Store and keep"]
    assert sorted(name for title in titles[:-1] for name in found[title]) == sorted(verb_files())
    assert (titles[-1], found[titles[-1]]) == ("Transform", ["book"])
    assert found["Store and keep"][0] == "store" and found["Look"][:2] == ["cat", "head"]
    assert "Commands" not in found


def test_filters_of_plugins_have_a_group(mdc, acme) -> None:
    found = sections(mdc("--help", path=acme).stdout)
    assert found["Transform"] == ["book", "thin"]


def test_help_of_a_command(shell: Shell) -> None:
    for words in ("", "store", "stream", "stream alpaca", "schema show", "help"):
        asked, told = shell(f"mdc {words} --help"), shell(f"mdc help {words}")
        assert (told.status, told.out, told.err) == (0, asked.out, "")
        assert told.out.startswith("Usage: mdc")
    wrong = shell("mdc help stroe")
    assert wrong.status == 2 and "no such command: 'stroe'; did you mean store?" in wrong.err
    wrong = shell("mdc help stream acpala")
    assert wrong.status == 2 and "did you mean alpaca?" in wrong.err


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("stroe", "no such command: 'stroe'; did you mean store?"),
        ("sql", "no such command: 'sql'; did you mean query or shell?"),
        ("login", "no such command: 'login'"),
    ],
)
def test_a_typo_is_told_in_two_lines(word: str, said: str, shell: Shell) -> None:
    done = shell(f"mdc {word}")
    assert (done.status, done.out) == (2, "")
    assert done.err == f"mdc: {said}\nhint: mdc --help\n"


def test_the_version(shell: Shell) -> None:
    asked = shell("mdc --version")
    assert asked.out.startswith("mdc 0.")
    for line in ("mdc version", "mdc -V"):
        assert shell(line) == asked


def commands(group: click.Group, ctx: click.Context) -> list[click.Context]:
    """Every command of a group, and of the groups in it."""
    found = [ctx]
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        below = command.make_context(name, [], parent=ctx, resilient_parsing=True)
        inner = below.command
        found += commands(inner, below) if isinstance(inner, click.Group) else [below]
    return found


@pytest.mark.parametrize("width", [78, 98])
def test_every_help_fits(width: int) -> None:
    top = root.make_context(
        "mdc", [], obj=Session({}), resilient_parsing=True, terminal_width=width
    )
    for ctx in commands(root, top):
        text = ctx.get_help()
        assert [line for line in text.splitlines() if len(line) > width] == [], ctx.command_path
        if len(ctx.command_path.split()) == 2:
            examples = text.partition("\nExamples:\n")[2]
            shown = " ".join(examples.replace("\\\n", "").split())
            wanted = " ".join(" ".join(ctx.command.examples).split())  # type: ignore[attr-defined]
            assert shown == wanted


@pytest.mark.parametrize(("columns", "widest"), [("40", 38), ("80", 78), ("200", 98)])
def test_help_is_as_wide_as_the_terminal_up_to_what_can_be_read(
    columns: str, widest: int, shell: Shell
) -> None:
    for line in ("mdc --help", "mdc help recipes")[: 1 if columns == "40" else 2]:
        lengths = [len(line) for line in shell(line, COLUMNS=columns).out.splitlines()]
        assert widest - 10 < max(lengths) <= widest


def test_every_recipe_does_what_it_says(shell: Shell, tmp_path: Path) -> None:
    """One after the other, as they are printed."""
    told = shell("mdc help recipes", COLUMNS="200").out
    plain = " ".join(told.replace("\\\n", "").split())
    (tmp_path / "ticks.csv").write_text(CSV)
    assert shell("mdc stream sim SPY --limit 50 > events.jsonl").status == 0
    said = {}
    for task, command in TASKS:
        assert " ".join(f"{task} {command}".split()) in plain
        done = said[task] = shell(command.replace("--speed 10x", "--speed max"))
        assert done.status == 0, (command, done)
    assert len(said["See what events look like"].events) == 5
    assert len(said["The last five trades"].events) == 5
    assert {e["symbol"] for e in said["One symbol of one day"].events} == {"SPY"}
    assert "SPY" in said["Volume by symbol"].out
    assert (tmp_path / "prices.csv").read_text().startswith("ts_event,price\n")
    assert shell("mdc count --root theirs --json").out == shell("mdc count --root sim --json").out
    assert (tmp_path / "mdc-my-check").is_dir()


def test_a_recipe_that_is_broken_over_lines_is_still_what_it_was() -> None:
    from mdc_core.cli.lazy import broken

    for _, command in TASKS:
        for width in (20, 40, 60):
            lines = broken(command, width)
            joined = shlex.split("\n".join(lines).replace("\\\n", ""))
            assert [" ".join(word.split()) for word in joined] == shlex.split(command)


@pytest.mark.parametrize(
    ("command", "title", "rows"),
    [
        ("import", "Profiles", {"csv": "", "lean": ""}),
        ("export", "Profiles", {"csv": ""}),
        ("store", "Formats", {"jsonl": "", "parquet": ""}),
        ("store --format jsonl", "Formats", {"jsonl": "", "parquet": ""}),
        ("store", "Values of --preset", {"cold": "zstd 19: smallest", "none": "none: no"}),
        ("store", "Values of --layout", {"hive": "symbol=SPY/type=trade/date=2024-01-02"}),
        ("validate", "Checks", {"crossed": "", "price": "", "sequence": ""}),
        ("validate", "Values of --on-fail", {"drop": "it goes", "stop": "the command ends"}),
        ("coverage", "Values of --calendar", {"24/7": "Every day", "XNYS": "New York"}),
        ("stream alpaca", "Values of --type", {"luld": "Price bands", "trade": "A trade"}),
        ("stream sim", "Values of --type", {"delta": "", "quote": "The best bid"}),
    ],
)
def test_what_there_is_to_choose_from_is_listed(
    command: str, title: str, rows: dict[str, str], shell: Shell
) -> None:
    text = shell(f"mdc {command} --help", COLUMNS="100").out
    _, _, listed = text.partition(f"\n{title}:\n")
    found = dict(re.findall(r"^  (\S+) +(.+)", listed.partition("\n\n")[0], re.MULTILINE))
    for name, told in rows.items():
        assert len(found[name]) > 5 and found[name].startswith(told), (name, found)


def test_all_symbols_of_a_feed_are_explained(shell: Shell) -> None:
    assert "`'*'` is every symbol" in " ".join(shell("mdc stream alpaca --help").out.split())
