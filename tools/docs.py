"""Write what derives from the code: man/, completions/, the door, and what is generated in docs/.

python tools/docs.py            write them
python tools/docs.py --check    exit 1, naming the files that are stale
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import door
import guide

from mdc_core import __version__, installed, plugin_files, registry
from mdc_core.cli.groups import grouped
from mdc_core.cli.lazy import HelpfulCommand
from mdc_core.cli.main import root
from mdc_core.cli.plugin_commands import SelectCommand
from mdc_core.cli.recipes import recipes
from mdc_core.cli.scripts import FILES, script
from mdc_core.cli.settable import Option
from mdc_core.schema import data_dictionary
from mdc_core.session import Session

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 78
STATUSES = (
    ("0", "Done."),
    ("1", "Findings or rejections, with --strict."),
    ("2", "The command line cannot be carried out as it stands."),
    ("65", "Bad or truncated data."),
    ("69", "The vendor is unavailable after all retries."),
    ("70", "A bug."),
    ("73", "Cannot write."),
    ("75", "Try again later: a rate limit."),
    ("77", "Refused: wrong credentials, or no entitlement."),
    ("78", "Misconfigured: a setting, a missing secret or a missing extra."),
    ("130, 143", "Interrupted before anything could be finished."),
    ("141", "The reader of standard output went away."),
)


class Page(NamedTuple):
    """One command as it is documented."""

    words: tuple[str, ...]
    ctx: click.Context

    @property
    def title(self) -> str:
        """The command as it is typed."""
        return " ".join(self.words)

    @property
    def name(self) -> str:
        """The name of its man page."""
        return "-".join(word for word in self.words if not word.startswith("-"))


def pages() -> Iterator[Page]:
    """Every command, groups before what is in them."""
    os.environ[installed.LIMIT] = os.environ[plugin_files.PATH] = ""
    for ref in registry.find_all():
        registry.load(ref.verb, ref.name)
    yield from walk(root_context(), ("mdc",))


def root_context() -> click.Context:
    """The context of `mdc` alone."""
    return root.make_context(
        "mdc", [], resilient_parsing=True, terminal_width=WIDTH, obj=Session({})
    )


def walk(ctx: click.Context, words: tuple[str, ...]) -> Iterator[Page]:
    """A command, and those below it."""
    yield Page(words, ctx)
    group = ctx.command
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        below = command.make_context(name, [], parent=ctx, resilient_parsing=True)
        yield from walk(below, (*words, name))


def variants(page: Page) -> Iterator[Page]:
    """A page for each plugin that `--format NAME` or the like can choose."""
    command = page.ctx.command
    if not isinstance(command, SelectCommand):
        return
    flag = command.selector.opts[0]
    for name in registry.find(command.verb):
        # Contexts below one root share what was chosen.
        ctx = command.make_context(
            page.words[-1], [flag, name], parent=root_context(), resilient_parsing=True
        )
        yield Page((*page.words, flag, name), ctx)


def files() -> dict[Path, str]:
    """Every derived file and its text."""
    found = door.files(ROOT / "mdc_core")
    every = list(pages())
    for page in every:
        found[ROOT / "man" / f"{page.name}.1"] = man(page, every)
    found[ROOT / "docs" / "help.md"] = help_md(every)
    found[ROOT / "docs" / "data-dictionary.md"] = data_dictionary()
    found[ROOT / "docs" / "plugins.md"] = guide.guide()
    for shell, name in FILES.items():
        found[ROOT / "completions" / name] = script(shell, root)
    return found


def help_md(every: list[Page]) -> str:
    """The --help of every command."""
    out = ["# Commands", "", "What every command says when it is asked for `--help`.", ""]
    for title, names in grouped():
        out += [f"- {title}: {', '.join(f'[{name}](#mdc-{name})' for name in names)}"]
    out += ["- [What to type for common tasks](#mdc-help-recipes)", ""]
    for page in every:
        for variant in [page, *variants(page)]:
            out += [
                f"## {variant.title}",
                "",
                "```text",
                variant.ctx.get_help().rstrip(),
                "```",
                "",
            ]
    told = "\n".join(recipes(WIDTH)).rstrip()
    out += ["## mdc help recipes", "", "```text", told, "```", ""]
    return "\n".join(out)


def man(page: Page, every: list[Page]) -> str:
    """A man page."""
    command, ctx = page.ctx.command, page.ctx
    doc = (command.help or command.get_short_help_str()).strip().split("\n\n")
    usage = ctx.command.collect_usage_pieces(ctx)
    out = [
        f'.TH {roff(page.name.upper())} 1 "" "mdc {__version__}" "mdc manual"',
        ".SH NAME",
        f"{roff(page.name)} \\- {roff(' '.join(doc[0].split()).rstrip('.'))}",
        ".SH SYNOPSIS",
        f".B {roff(page.title)}",
        *([roff(" ".join(usage))] if usage else []),
        ".SH DESCRIPTION",
    ]
    for number, paragraph in enumerate(doc):
        out += [".PP"] if number else []
        out += [roff(line.strip()) for line in paragraph.splitlines()]
    out += _options(page)
    for variant in variants(page):
        out += _options(variant, only_plugins=True)
    out += _commands(page)
    out += [".SH EXIT STATUS"]
    for status, text in STATUSES:
        out += [".TP", f".B {status}", roff(text)]
    out += _surroundings(page)
    examples = command.examples if isinstance(command, HelpfulCommand) else ()
    if examples:
        out += [".SH EXAMPLES", ".nf", *(roff(e) for e in examples), ".fi"]
    out += _see_also(page, every)
    return "\n".join(out) + "\n"


CONFIGURATION = """\
An option that is not given has the value of its variable, MDC_COMMAND_OPTION, else of mdc.toml:
its command is a table, and plugins are tables in it ([stream.alpaca] feed = "sip"). `mdc config
show` says which value comes from where, `mdc config path` where mdc.toml is looked for."""
ENVIRONMENT = (
    ("MDC_ROOT", "the archive, for commands with --root"),
    ("MDC_COMMAND_OPTION", "an option of a command: MDC_STORE_PARTITION; MDC_STREAM_ALPACA_FEED"),
    ("MDC_WIRE", "the encoding of events in a pipe: jsonl or arrow"),
    ("MDC_CONFIG", "a file to read in place of mdc.toml"),
    ("MDC_LOG_FORMAT, MDC_QUIET, MDC_VERBOSE, MDC_TZ", "as the options of these names"),
    ("MDC_STATE", "where catalogs and journals of archives on object stores are"),
    ("MDC_PLUGIN_PATH", "plugins of single files, and folders of them, with colons between"),
    ("MDC_LOAD_PLUGINS", "the distributions whose plugins are looked at"),
    ("NO_COLOR, TERM, COLUMNS", "whether a terminal has colours, and how wide it is"),
    ("ALPACA_KEY_ID, ALPACA_KEY_ID_FILE", "a secret, or the file it is in: `mdc providers show`"),
)
PLACES = (
    ("mdc.toml", "settings: the nearest one from the working directory upwards"),
    ("~/.config/mdc/mdc.toml", "the user's, behind that; $XDG_CONFIG_HOME moves it"),
    ("~/.local/state/mdc/quarantine", "lines that could not be read; $XDG_STATE_HOME moves it"),
    ("~/.local/state/mdc/archives", "catalogs and journals of archives on object stores"),
    ("ROOT/_mdc", "catalog, journals and locks of an archive"),
)


def _surroundings(page: Page) -> list[str]:
    """Where settings come from, which variables and files there are: in full on the first page."""
    if page.words != ("mdc",):
        return [".SH FILES", roff("mdc.toml, and others that mdc(1) names with the variables.")]
    out = [".SH CONFIGURATION", roff(" ".join(CONFIGURATION.split()))]
    for title, rows in (("ENVIRONMENT", ENVIRONMENT), ("FILES", PLACES)):
        out += [f".SH {title}"]
        for name, text in rows:
            out += [".TP", f".B {roff(name)}", roff(text)]
    return out


def _options(page: Page, *, only_plugins: bool = False) -> list[str]:
    out: list[str] = []
    section = ""
    for param in page.ctx.command.get_params(page.ctx):
        record = param.get_help_record(page.ctx)
        plugin = getattr(param, "plugin", "")
        if record is None or not isinstance(param, click.Option) or (only_plugins and not plugin):
            continue
        title = f"OPTIONS OF {plugin.upper()}" if plugin else "OPTIONS"
        if title != section:
            out += [f'.SH "{roff(title)}"']
            section = title
        out += [".TP", f".B {roff(record[0])}", roff(record[1])]
        if isinstance(param, Option) and param.expose_value:
            out += [".br", roff(f"Environment: {', '.join(param.variables(page.ctx))}")]
    return out


def _commands(page: Page) -> list[str]:
    group = page.ctx.command
    if not isinstance(group, click.Group):
        return []
    parts = grouped() if page.words == ("mdc",) else [("", group.list_commands(page.ctx))]
    out = [".SH COMMANDS"]
    for title, names in parts:
        out += [f'.SS "{roff(title)}"'] if title else []
        for name in names:
            command = group.get_command(page.ctx, name)
            assert command is not None
            out += [".TP", f".B {roff(name)}", roff(command.get_short_help_str(300))]
    return out


def _see_also(page: Page, every: list[Page]) -> list[str]:
    below, verb = page.words[:-1], page.words[1:]
    kin = next(
        (names for _, names in grouped() if list(verb) == [n for n in names if n in verb]), []
    )
    near = {
        other.name
        for other in every
        if other.words[:-1] == page.words
        or other.words == below
        or (other.words[:-1] == below and (len(verb) > 1 or other.words[-1] in kin))
    } - {page.name}
    names = sorted(near)
    return [".SH SEE ALSO", ",\n".join(f".BR {roff(n)} (1)" for n in names)]


def roff(text: str) -> str:
    """Text that troff prints as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r"(?<=\w)\|(?=\w)", r"|\\:", text)  # a list of choices may break behind each
    return "\n".join(
        f"\\&{line}" if line.startswith((".", "'")) else line for line in text.splitlines()
    )


def main(args: list[str]) -> int:
    """Write the files, or compare them."""
    if args != ["--check"]:
        for path, text in door.files(ROOT / "mdc_core").items():  # plugins need them to be loaded
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
    wanted = files()
    folders = [ROOT / "man", ROOT / "completions"]
    present = {path for folder in folders for path in folder.glob("*") if path.is_file()}
    stale = [p for p, text in wanted.items() if not p.exists() or p.read_text("utf-8") != text]
    extra = sorted(present - set(wanted))
    if args == ["--check"]:
        for path in [*stale, *extra]:
            print(f"stale: {path.relative_to(ROOT)}", file=sys.stderr)
        return 1 if stale or extra else 0
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted[path], "utf-8")
    for path in extra:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
