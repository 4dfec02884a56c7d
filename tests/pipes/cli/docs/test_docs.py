"""What derives from the command tree is up to date, complete, and can be read."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mdc_core import installed, registry
from mdc_core.cli.lazy import verb_files
from mdc_core.cli.strays import OF_ALL

ROOT = Path(__file__).resolve().parents[4]
READER = {"MANWIDTH": "80", "PATH": "/usr/bin:/bin"}
PAGES = sorted((ROOT / "man").glob("*.1"))


@pytest.fixture
def docs(clean_env, monkeypatch):
    monkeypatch.setenv(installed.LIMIT, "")
    monkeypatch.syspath_prepend(ROOT / "tools")
    spec = importlib.util.spec_from_file_location("docs", ROOT / "tools" / "docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_files_are_up_to_date(clean_env):
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "docs.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_each_plugin_that_an_option_chooses_has_a_section_of_its_own():
    text = (ROOT / "docs" / "help.md").read_text()
    sections = {part.partition("\n")[0]: part for part in text.split("\n## ")[1:]}
    assert len(sections) == text.count("\n## ")
    csv, lean = sections["mdc import --profile csv"], sections["mdc import --profile lean"]
    assert "Options of csv:\n  --map " in csv and "Options of lean" not in csv
    assert "Options of lean:\n" in lean and "--map " not in lean
    assert "Options of" not in sections["mdc import"]


def test_a_stale_file_is_named(docs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    assert docs.main([]) == 0
    assert docs.main(["--check"]) == 0
    (tmp_path / "man" / "mdc.1").write_text("old")
    (tmp_path / "man" / "mdc-gone.1").write_text("of a command that is gone")
    assert docs.main(["--check"]) == 1
    assert capsys.readouterr().err == "stale: man/mdc.1\nstale: man/mdc-gone.1\n"
    assert docs.main([]) == 0
    assert docs.main(["--check"]) == 0
    assert not (tmp_path / "man" / "mdc-gone.1").exists()


def test_every_command_has_help_options_with_help_and_examples(docs):
    pages = list(docs.pages())
    assert {page.words[1] for page in pages if len(page.words) == 2} == {
        *verb_files(),
        *registry.find("filter"),
    }
    for page in pages:
        command = page.ctx.command
        assert command.help, page.title
        for param in command.get_params(page.ctx):
            if isinstance(param, click.Option) and not param.hidden:
                assert param.get_help_record(page.ctx)[1], f"{page.title} {param.opts[0]}"
        # A subcommand of a verb such as `schema` is shown by the examples of the verb.
        if len(page.words) <= 2 or page.words[1] in installed.VERBS:
            assert command.examples, f"{page.title} has no EXAMPLES"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.some(30)
def test_a_man_page_renders_without_a_warning(page):
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(page)],
        capture_output=True,
        text=True,
        check=False,
        env=READER,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_man_page_shows_what_was_typed():
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    done = subprocess.run(
        ["man", "-l", "-P", "cat", str(ROOT / "man" / "mdc-schema.1")],
        capture_output=True,
        text=True,
        check=True,
        env=READER,
    )
    for text in (
        "mdc-schema - Show the event types",
        "mdc schema show trade --json-schema",
        "EXIT STATUS",
        "SEE ALSO",
        "mdc-schema-list(1)",
    ):
        assert text in done.stdout


def test_the_page_of_mdc_tells_where_settings_come_from():
    text = (ROOT / "man" / "mdc.1").read_text().replace("\\-", "-")
    sections = [
        line.removeprefix(".SH ").strip('"') for line in text.splitlines() if ".SH " in line
    ]
    wanted = {"COMMANDS", "CONFIGURATION", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES"}
    assert wanted <= {*sections}
    for name in {*OF_ALL} - {"MDC_UPDATE_GOLDEN"}:
        assert name in text
    for word in ("mdc config show", "mdc config path", "~/.config/mdc/mdc.toml", '.SS "Collect"'):
        assert word in text
