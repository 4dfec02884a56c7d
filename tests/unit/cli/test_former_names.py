"""Former names of options: they work like the options, as settings too, and are shown nowhere."""

from pathlib import Path
from typing import Any

import click
import pytest

from mdc_core.cli.settable import Option, as_now
from mdc_core.errors import ConfigError, UsageError
from tests.unit.cli.test_every_option import (
    WITH_OPTIONS,
    Commands,
    Words,
    contexts,
    needed,
    settable,
    table_of,
    values_of,
)

Former = tuple[Words, Option, str, str]


def every_former_name() -> list[Former]:
    """The command, its option, the former flag, and what its values are now."""
    return [
        (words, option, flag, form)
        for words in WITH_OPTIONS
        for option in settable(words)
        for flag, form in option.was.items()
    ]


ALL = every_former_name()
NAMES = [f"{' '.join(words)} {flag}" for words, _, flag, _ in ALL]


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


def written(option: Option, form: str) -> tuple[list[str], Any, list[str]]:
    """A value as the former flag takes it, as TOML, and how the flag of today is given."""
    if option.is_flag:
        return [], "true", []
    value = "3" if form != "{}" else values_of(option)[1]
    number = isinstance(option.type, click.types.IntParamType) or form != "{}"
    toml = value if number else f'"{value}"'
    return [value], f"[{toml}]" if option.multiple else toml, [as_now(form, value)]


def key_in_toml(option: Option, flag: str) -> str:
    """The former key: of a plugin's option that of its field."""
    keys = list(option.former_keys)
    return keys[list(option.was).index(flag)]


@pytest.mark.parametrize(("words", "option", "flag", "form"), ALL, ids=NAMES)
def test_a_former_name_means_the_same(
    words: Words, option: Option, flag: str, form: str, commands: Commands
) -> None:
    given, toml, now = written(option, form)
    commands.files()
    wanted = commands.read(words, option, [option.opts[-1], *now])
    assert commands.read(words, option, [flag, *given]) == wanted
    key = key_in_toml(option, flag)
    name = option.named(contexts()[words], key)[0]
    assert commands.read(words, option, [], **{name: given[0] if given else "1"}) == wanted
    table = ".".join(table_of(words, option))
    commands.files(f"[{table}]\n{key} = {toml}\n")
    assert commands.read(words, option, []) == wanted
    assert flag not in contexts()[words].command.get_help(contexts()[words]).split()


@pytest.mark.parametrize(("words", "option", "flag", "form"), ALL, ids=NAMES)
def test_both_names_at_once_are_wrong(
    words: Words, option: Option, flag: str, form: str, commands: Commands
) -> None:
    given, toml, now = written(option, form)
    commands.files()
    both = [flag, *given, option.opts[-1], *now, *needed(words, option)]
    with pytest.raises(UsageError, match=f"^{flag} is the former name of {option.opts[-1]}: "):
        commands.context(words, both)
    key = key_in_toml(option, flag)
    context = contexts()[words]
    old, new = option.named(context, key)[0], option.variables(context)[0]
    text, text_now = (given[0], now[0]) if given else ("1", "1")
    with pytest.raises(ConfigError, match=f"^{old} is the former name of {new}: "):
        commands.context(words, needed(words, option), **{old: text, new: text_now})
    table = ".".join(table_of(words, option))
    today = getattr(option, "field", option.key)
    commands.files(f"[{table}]\n{key} = {toml}\n{today} = {toml}\n")
    with pytest.raises(ConfigError, match=f"{key}: is the former name of {today}: "):
        commands.context(words, needed(words, option))


@pytest.mark.parametrize(
    ("words", "flag", "meant"),
    [
        (("cat",), "--wires", ["--format"]),
        (("head",), "--line", ["--limit"]),
        (("retain",), "--dais", ["--keep"]),
        (("stream", "sim"), "--fault", ["--defects"]),
        (("cat",), "--quite", ["--quiet"]),
        (("compress",), "--banch", []),
        (("cat",), "--zzzzzz", []),
    ],
)
def test_a_mistyped_name_is_told_by_that_of_today(
    words: Words, flag: str, meant: list[str], commands: Commands
) -> None:
    commands.files()
    with pytest.raises(click.UsageError) as raised:
        commands.context(words, [flag, "x"])
    said = raised.value.format_message().replace(",", "").split()
    assert said[:4] == ["no", "such", "option:", flag + ";" * bool(meant)]
    assert said[7:8] in (meant, [f"{word}?" for word in meant])
