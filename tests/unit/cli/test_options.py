"""A plugin's options: flags, then the environment, then mdc.toml, then defaults."""

import os
import re
import sys
from decimal import Decimal
from pathlib import Path

import click
import pytest

from mdc_core import installed
from mdc_core.cli.main import MainGroup, root
from mdc_core.cli.options import checks_command, command, option, plugin_group, select_command
from mdc_core.errors import ConfigError, UsageError
from mdc_core.logs import Log
from mdc_core.session import Session


@pytest.fixture
def run(acme, monkeypatch, tmp_path, clean_env):
    """Run a command as part of mdc, in a directory of its own; returns what it returns."""
    monkeypatch.syspath_prepend(acme)
    (tmp_path / "here" / "below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here" / "below")

    def run(name, made, *args):
        top = MainGroup("mdc", params=root.params)
        monkeypatch.setattr(top, "get_command", lambda ctx, name: made)
        monkeypatch.setattr(top, "list_commands", lambda ctx: [name])
        session = Session(os.environ, Log(), directory=".")
        with top.make_context("mdc", [name, *args], obj=session) as ctx:
            return top.invoke(ctx)

    yield run
    for name in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[name]


@plugin_group("stream")
@click.argument("symbols", nargs=-1)
@option("--limit", type=int)
def stream(plugin, symbols, limit):
    return plugin, symbols, limit


@select_command("stream", "name", default="acme")
@option("--root")
def store(plugin, root):
    return plugin, root


@checks_command("validate", "check")
@option("--on-fail", type=click.Choice(["drop", "stop"]))
def validate(plugins, on_fail):
    return plugins, on_fail


def toml(text, folder="here"):
    (Path.cwd().parents[1] / folder / "mdc.toml").write_text(text)


def test_defaults(run):
    chosen, symbols, limit = run("stream", stream, "acme", "SPY", "QQQ")
    assert (chosen.name, chosen.plugin.__name__) == ("acme", "Acme")
    options = chosen.options
    assert (options.feed, options.depth, options.ratio) == ("iex", 5, 0.5)
    assert (options.tick, options.adjust, options.cache_dir) == (Decimal("0.01"), False, None)
    assert (options.tags, options.note, symbols, limit) == ((), None, ("SPY", "QQQ"), None)


def test_every_type_as_a_flag(run):
    chosen, _, limit = run(
        "stream",
        stream,
        "acme",
        "--feed",
        "sip",
        "--depth",
        "7",
        "--ratio",
        "0.25",
        "--tick",
        "0.000000123456789012",
        "--adjust",
        "--cache-dir",
        "x/y",
        "--tags",
        "a b",
        "--tags",
        "c",
        "--note",
        "n",
        "--limit",
        "3",
    )
    options = chosen.options
    assert (options.feed, options.depth, options.ratio) == ("sip", 7, 0.25)
    assert str(options.tick) == "1.23456789012E-7"
    assert (options.adjust, options.cache_dir, options.note) == (True, Path("x/y"), "n")
    assert (options.tags, limit) == (("a b", "c"), 3)


def test_every_type_in_the_environment(run, monkeypatch):
    values = {"FEED": "sip", "DEPTH": "7", "TICK": "2", "ADJUST": "true", "TAGS": "a b"}
    for name, value in values.items():
        monkeypatch.setenv(f"MDC_STREAM_ACME_{name}", value)
    chosen, _, _ = run("stream", stream, "acme")
    options = chosen.options
    assert (options.feed, options.depth, options.tick) == ("sip", 7, Decimal(2))
    assert (options.adjust, options.tags) == (True, ("a", "b"))


def test_every_type_in_a_file(run):
    toml(
        '[stream.acme]\nfeed="sip"\ndepth=7\nratio=1\ntick=0.000000123456789012\n'
        'adjust=true\ncache-dir="x"\ntags=["a b","c"]\nnote="n"\nlimit=4\n'
    )
    chosen, _, limit = run("stream", stream, "acme")
    options = chosen.options
    assert (options.feed, options.depth, options.ratio) == ("sip", 7, 1.0)
    assert str(options.tick) == "1.23456789012E-7"
    assert (options.adjust, options.cache_dir, options.note) == (True, Path("x"), "n")
    assert (options.tags, limit) == (("a b", "c"), 4)


def test_flag_before_environment_before_project_before_user(run, monkeypatch):
    user = Path.cwd().parents[1] / "config" / "mdc"
    user.mkdir(parents=True)
    (user / "mdc.toml").write_text('[stream.acme]\ndepth = 2\nnote = "user"\n')
    assert run("stream", stream, "acme")[0].options.depth == 2
    toml("[stream.acme]\ndepth = 3\n")
    assert run("stream", stream, "acme")[0].options.depth == 3
    assert run("stream", stream, "acme")[0].options.note == "user"
    monkeypatch.setenv("MDC_STREAM_ACME_DEPTH", "4")
    assert run("stream", stream, "acme")[0].options.depth == 4
    assert run("stream", stream, "acme", "--depth", "5")[0].options.depth == 5


def test_the_nearest_file_upward_counts(run):
    toml("[stream.acme]\ndepth = 3\n")
    toml("[stream.acme]\ndepth = 6\n", folder="here/below")
    assert run("stream", stream, "acme")[0].options.depth == 6


def test_a_verbs_own_option_from_the_specific_and_the_general_name(run, monkeypatch):
    toml("[stream]\nlimit = 1\n")
    assert run("stream", stream, "acme")[2] == 1
    toml("[stream]\nlimit = 1\n[stream.acme]\nlimit = 2\n")
    assert run("stream", stream, "acme")[2] == 2
    monkeypatch.setenv("MDC_STREAM_LIMIT", "3")
    assert run("stream", stream, "acme")[2] == 3
    monkeypatch.setenv("MDC_STREAM_ACME_LIMIT", "4")
    assert run("stream", stream, "acme")[2] == 4


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--depth", "11"), "'--depth'.*11 is not in the range 1<=x<=10"),
        (("--depth", "x"), "'--depth'.*not a whole number"),
        (("--feed", "otc"), "'--feed'.*'iex', 'sip'"),
        (("--tick", "NaN"), "'--tick'.*not a number"),
        (("--tick", "1,5"), "'--tick'.*not a number"),
        (("--deph", "1"), "--deph.*--depth"),
    ],
)
def test_a_wrong_flag_is_wrong_usage(run, args, message):
    with pytest.raises(click.UsageError) as caught:
        run("stream", stream, "acme", *args)
    assert re.search(message, caught.value.format_message())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[stream.acme]\nfed='sip'\n", r"mdc\.toml: \[stream\.acme\] fed: .*did you mean feed"),
        ("[stream.acme]\nfeed='otc'\n", r"\[stream\.acme\] feed: .*'iex'.*'sip'"),
        ("[stream.acme]\nfeed=1\n", r"feed: must be one of iex, sip, not 1"),
        ("[stream.acme]\ndepth='7'\n", r"depth: must be a whole number, not '7'"),
        ("[stream.acme]\ndepth=true\n", r"depth: must be a whole number, not True"),
        ("[stream.acme]\ndepth=1.5\n", r"depth: must be a whole number"),
        ("[stream.acme]\ndepth=11\n", r"\[stream\.acme\] depth: 11 is not in the range 1<=x<=10"),
        ("[stream.acme]\nadjust='yes'\n", r"adjust: must be true or false"),
        ("[stream.acme]\ntags=1\n", r"tags: must be a list"),
        ("[stream.acme]\nratio='a'\n", r"ratio: must be a number"),
        ("[stream.acme]\ntick='a'\n", r"tick: 'a' is not a number"),
        ("[stream.acme]\nACME_TOKEN='s3cr3t'\n", "ACME_TOKEN is a secret"),
        ("acme_token='s3cr3t'\n", "acme_token is a secret"),
        ("stream = 1\n", "stream must be a table"),
        ("[stream\n", r"mdc\.toml: not TOML"),
        ("loud = true\n", r"mdc\.toml: loud: no such option"),
        ("log_format = 'xml'\n", r"log_format: .*'text', 'json'"),
    ],
)
def test_a_wrong_setting_names_file_and_key(run, text, message):
    toml(text)
    with pytest.raises(ConfigError, match=message) as caught:
        run("stream", stream, "acme")
    assert "s3cr3t" not in str(caught.value)


def test_a_wrong_variable_is_a_wrong_setting(run, monkeypatch):
    monkeypatch.setenv("MDC_STREAM_ACME_DEPTH", "many")
    with pytest.raises(ConfigError, match="MDC_STREAM_ACME_DEPTH"):
        run("stream", stream, "acme")


def test_help_survives_wrong_settings_and_says_where_to_set(run, capsys):
    toml("[stream.acme]\nfed='sip'\n")
    with pytest.raises(click.exceptions.Exit):
        run("stream", stream, "acme", "--help")
    out = capsys.readouterr().out
    assert "Acme's feed, for tests." in out
    assert "--feed [iex|sip]" in out and "which feed" in out
    assert "--adjust / --no-adjust" in out
    assert "MDC_STREAM_ACME_OPTION" in out and "[stream.acme] in mdc.toml" in out
    assert "ACME_TOKEN" in out
    assert "mdc stream acme SPY" in out


def test_a_group_without_a_name_lists_them(run):
    with pytest.raises(UsageError, match="the name of a provider is missing") as caught:
        run("stream", stream)
    assert "acme" in caught.value.hint and "sim" in caught.value.hint


def test_a_plugin_that_an_option_names(run, monkeypatch):
    chosen, root = run("store", store, "--name", "acme", "--depth", "3", "--root", "r")
    assert (chosen.name, chosen.options.depth, root) == ("acme", 3, "r")
    monkeypatch.setenv("MDC_STORE_NAME", "broken")
    with pytest.raises(ConfigError, match="stream:broken"):
        run("store", store)
    assert run("store", store, "--name=acme")[0].name == "acme"
    with pytest.raises(UsageError, match="did you mean acme"):
        run("store", store, "--name", "acmee")


def test_a_plugin_that_a_file_names(run):
    toml("[store]\nname = 'broken'\n")
    with pytest.raises(ConfigError, match="stream:broken"):
        run("store", store)


def test_checks_all_or_named_or_not_skipped(run, capsys):
    plugins, _ = run("validate", validate)
    names = [chosen.name for chosen in plugins]
    assert "spread" in names and "ruined" not in names
    assert "validate:ruined (mdc-acme 1.2)" in capsys.readouterr().err
    plugins, _ = run("validate", validate, "--check", "spread", "--spread-most", "2.5")
    assert [(c.name, c.options.most) for c in plugins] == [("spread", Decimal("2.5"))]
    plugins, _ = run("validate", validate, "--skip", "spread", "--skip", "ruined")
    assert "spread" not in [chosen.name for chosen in plugins]
    assert "ruined" not in capsys.readouterr().err
    with pytest.raises(ConfigError, match="validate:ruined"):
        run("validate", validate, "--check", "ruined")
    with pytest.raises(UsageError, match="did you mean spread"):
        run("validate", validate, "--check", "spreed")


def test_skipping_everything_leaves_nothing(run):
    assert run("validate", validate, "--check", "spread", "--skip", "spread") == ([], None)


def test_settings_of_a_check(run, monkeypatch):
    toml("[validate]\non_fail = 'drop'\ncheck = ['spread']\n[validate.spread]\nmost = 3\n")
    plugins, on_fail = run("validate", validate)
    assert (plugins[0].options.most, on_fail) == (Decimal(3), "drop")
    monkeypatch.setenv("MDC_VALIDATE_SPREAD_MOST", "4")
    assert run("validate", validate)[0][0].options.most == Decimal(4)


def test_tables_for_nothing_are_reported(run, capsys):
    toml("[elsewhere]\n[validate.remote]\nmost = 1\n")
    run("validate", validate, "--check", "spread")
    err = capsys.readouterr().err
    assert "[elsewhere] is not used: no such table: 'elsewhere'" in err
    assert "[validate.remote] is not used: no such table: 'remote'" in err


@pytest.mark.parametrize(
    ("table", "meant"), [("validat", "validate"), ("validate.spreed", "spread")]
)
def test_a_misspelt_table_is_a_wrong_setting(run, table, meant):
    toml(f"[{table}]\n")
    with pytest.raises(ConfigError, match=rf"\[{table}\]: no such table: .*did you mean {meant}"):
        run("validate", validate, "--check", "spread")


def test_settings_outside_of_any_table_are_for_mdc_itself(run, capsys, monkeypatch):
    toml("log_format = 'json'\nquiet = true\n")

    @command()
    @click.pass_obj
    def loud(session):
        session.log.note("unheard")
        session.log.warning("heard")

    run("loud", loud)
    monkeypatch.setenv("MDC_LOG_FORMAT", "text")
    run("loud", loud)
    first, second = capsys.readouterr().err.splitlines()
    assert '"message": "heard"' in first
    assert second == "mdc loud: heard"


def test_an_option_that_mdc_has_already(run, acme):
    (acme / "acme_check.py").write_text(
        "from mdc_core.plugin import Options, Stream\n"
        "class Spread(Stream):\n    class Options(Options):\n        limit: int = 1\n"
    )
    (acme / "mdc_acme-1.2.dist-info" / "entry_points.txt").write_text(
        "[mdc.stream]\nclash = acme_check:Spread\n"
    )
    installed.scan.cache_clear()
    with pytest.raises(ConfigError, match="clash: there is an option --limit already"):
        run("stream", stream, "clash")
    installed.scan.cache_clear()


def test_a_field_of_a_type_that_cannot_be_an_option(run, acme):
    (acme / "acme_feed.py").write_text(
        "from mdc_core.plugin import Options, Stream\n"
        "class Acme(Stream):\n    class Options(Options):\n        odd: dict[str, int] = {}\n"
    )
    with pytest.raises(ConfigError, match="acme: option odd has a type"):
        run("stream", stream, "acme")
