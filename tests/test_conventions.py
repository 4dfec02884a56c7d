"""One option, one meaning: docs/conventions.md is compared with the tree of commands."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click

from mdc_core import registry
from mdc_core.cli.main import root
from mdc_core.cli.plugin_commands import SelectCommand
from mdc_core.cli.settable import ListType
from mdc_core.logs import Log
from mdc_core.session import Session
from tests.unit.cli.test_every_option import contexts, kind_of

PAGE = Path(__file__).resolve().parents[1] / "docs" / "conventions.md"
ASPECTS = ("value", "default", "meaning")


class Use(NamedTuple):
    """An option as a command has it."""

    flag: str
    command: str
    param: click.Option

    @property
    def value(self) -> tuple[Any, ...]:
        """What kind of value it takes, and of a choice between what."""
        kind = kind_of(self.param)
        return kind.name, tuple(getattr(kind, "choices", ())), self.param.multiple

    @property
    def default(self) -> str:
        """Its default as text, or what its help says of it."""
        found, said = self.param.default, re.search(r"\[default: (.*?)\]", self.param.help or "")
        if self.param.required or found in (None, (), False) or type(found).__name__ == "Sentinel":
            return said[1] if said else ""
        return str(found)

    @property
    def meaning(self) -> str:
        """Its help without the default."""
        return re.sub(r"\s*\[.*", "", self.param.help or "")


def uses() -> Iterator[Use]:
    """Every visible option of every command, and of every plugin that a command can take."""
    for words, ctx in sorted(contexts().items()):
        variants = list(_variants(ctx))
        for found in [ctx, *variants]:
            for param in found.command.get_params(found):
                plugin = getattr(param, "plugin", "") if variants else ""
                of_it = bool(plugin) == (found is not ctx)
                if isinstance(param, click.Option) and not param.hidden and of_it:
                    yield Use(_flag(param), " ".join([*words, plugin]).strip(), param)


def _variants(ctx: click.Context) -> Iterator[click.Context]:
    command = ctx.command
    if isinstance(command, SelectCommand):
        for name in registry.find(command.verb):
            args = [command.selector.opts[0], name]
            # Contexts below one root share what was chosen.
            above = root.make_context("mdc", [], obj=Session({}, Log()), resilient_parsing=True)
            yield command.make_context(command.name, args, parent=above, resilient_parsing=True)


def _flag(param: click.Option) -> str:
    return max(param.opts, key=len)


def table(title: str) -> list[list[str]]:
    """The rows of a table of the page, below its heading."""
    text = PAGE.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def exceptions() -> set[tuple[str, str, str]]:
    """Where an option differs from what it is elsewhere: (flag, command, aspect)."""
    return {
        (flag.strip("`"), command.strip(), aspect.strip())
        for flag, commands, aspects, _ in table("Exceptions")
        for command in commands.split(",")
        for aspect in aspects.split(",")
    }


def shown(command: str) -> str:
    """A command as the page names it: those of the vendors' feeds are one."""
    groups = "stream|mock|publish|providers check"
    return re.sub(rf"^({groups}) (?!sim$)\S+$", r"\1 NAME", command)


def found_exceptions() -> set[tuple[str, str, str]]:
    by_flag: dict[str, dict[str, Use]] = defaultdict(dict)
    for use in uses():
        by_flag[use.flag][use.command] = use
    found = set()
    for flag, commands in by_flag.items():
        for aspect in ASPECTS:
            said = {command: getattr(use, aspect) for command, use in commands.items()}
            each = {(shown(command), what) for command, what in said.items()}
            common, _ = Counter(what for _, what in sorted(each, key=str)).most_common(1)[0]
            found |= {(flag, command, aspect) for command, what in each if what != common}
    return found


def test_an_option_means_the_same_in_every_command() -> None:
    """Where it does not, the page has the reason; and no reason is left of what is mended."""
    found, told = found_exceptions(), exceptions()
    assert sorted(found - told) == [], "rename it, or give the reason in docs/conventions.md"
    assert sorted(told - found) == [], "this exception is no more"


TRAITS = {
    "archive": {"--root"},
    "answer": {"--json"},
    "change": {"--dry-run"},
    "file": {"--output", "--force"},
}


def flags_of() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {" ".join(words): set() for words in contexts()}
    for use in uses():
        name = next(n for n in (use.command, use.command.rpartition(" ")[0]) if n in found)
        found[name].add(use.flag)
    return found


def test_every_command_has_the_options_of_what_it_does() -> None:
    rows = {name.strip("`"): (set(does.split(", ")), why) for name, does, why in table("Commands")}
    found = flags_of()
    wanted = {shown(name) for name in found if not name.endswith(" sim")}
    assert set(rows) == wanted, "each command has a row in docs/conventions.md"
    for name, flags in found.items():
        if shown(name) not in rows:
            continue
        does, why = rows[shown(name)]
        excused = set(re.findall(r"`(--[\w-]+)`", why))
        for trait, needed in TRAITS.items():
            if trait in does:
                assert needed - excused <= flags, (name, trait)
            else:
                assert needed - excused - flags == needed - excused, (name, trait)


def test_an_archive_is_an_option_or_an_argument() -> None:
    """In every command that has `--root`."""
    for words, ctx in contexts().items():
        own = ctx.command.params
        if any("--root" in param.opts for param in own):
            assert any(isinstance(param, click.Argument) for param in own), words


def test_values_of_one_kind_have_one_type() -> None:
    """A length of time and a size have a unit, a list commas, a number of things no unit."""
    for use in uses():
        kind, words = kind_of(use.param), use.flag.removeprefix("--").split("-")
        if {"size", "bytes"} & set(words):
            assert kind.name == "size", use
        if {"every", "after", "days", "duration", "timeout", "tolerance", "age"} & set(words):
            assert kind.name == "time span", use
        if use.flag in ("--from", "--to", "--now", "--start"):
            assert kind.name in ("time", "day"), use
        if use.param.multiple and use.flag != "--fault":
            assert isinstance(use.param.type, ListType), use
        if use.flag == "--limit":
            assert use.param.opts == ["-n", "--limit"], use


def test_the_options_of_the_page_are_options() -> None:
    known = {flag for flags in flags_of().values() for flag in flags}
    for _, names, _ in table("Names"):
        for flag in re.findall(r"`(--[a-z-]+[a-z])`", names):
            assert flag in known, flag
