"""List the installed plugins.

Nothing is imported for the list; `--load` imports each one and reports those that are broken.
A plugin for a command that this version of mdc does not have is "unused".
"""

from typing import Any

import click

from mdc_core import installed, registry
from mdc_core.cli.options import Session, option
from mdc_core.cli.options import command as make
from mdc_core.cli.selection import JSON
from mdc_core.cli.show import answer, table
from mdc_core.errors import ConfigError
from mdc_core.installed import verb_files
from mdc_core.observers import observer
from mdc_core.suggest import near

GROUP = "setup 2"
EXAMPLES = ("mdc plugins", "mdc plugins --json", "mdc plugins --load")


@make()
@JSON
@option(
    "--load", was="--check", is_flag=True, help="import each plugin; status 78 if one is broken"
)
@click.pass_obj
def command(session: Session, as_json: bool, load: bool) -> int:
    """List the plugins."""
    rows = [
        _row(ref, _problem(ref) if load and _has_command(ref.verb) else "")
        for ref in registry.find_all()
    ]
    for ref, why in registry.strays():
        meant = near(ref.verb, installed.VERBS)
        other = ref.verb not in installed.VERBS and not meant  # of another version of mdc
        rows.append(_row(ref, "" if other else f"{registry.describe(ref)}: {why}"))
    for row in rows:
        row["status"] = _status(row, load)
    if as_json:
        answer(rows)
    else:
        _table(rows)
    _tell(session, rows, load)
    return ConfigError.exit_status if any(row["problem"] for row in rows) else 0


def _tell(session: Session, rows: list[dict[str, str]], load: bool) -> None:
    """Report what a user may want to change."""
    for ref in registry.find_all():
        if ref.word != ref.name:
            session.log.warning(f"{registry.describe(ref)}: the name is taken; say {ref.word}")
    for row in rows:
        if row["problem"]:
            session.log.error(row["problem"])
        elif load and row["status"] == "unused":
            who = f"plugin {row['verb']}:{row['name']} ({row['distribution']} {row['version']})"
            session.log.note(f"{who} is unused: there is no command mdc {row['verb']}")


def _has_command(verb: str) -> bool:
    """Whether this version of mdc has a use for plugins of a kind."""
    return verb in {"filter", "hooks", *verb_files()}


def _status(row: dict[str, str], load: bool) -> str:
    if row["problem"]:
        return "broken"
    if not _has_command(row["verb"]):
        return "unused"
    return "ok" if load else ""


def _row(ref: installed.PluginRef, problem: str) -> dict[str, str]:
    return {
        "verb": ref.verb,
        "name": ref.word,
        "distribution": ref.distribution,
        "version": ref.version,
        "module": f"{ref.module}:{ref.attribute}".rstrip(":"),
        "summary": registry.summary(ref),
        "problem": problem,
    }


def _problem(ref: installed.PluginRef) -> str:
    """What is wrong with a plugin, which is imported for that."""
    try:
        if ref.verb == "hooks":
            observer(ref)
            return ""
        return _fault(ref, registry.load(ref.verb, ref.word))
    except ConfigError as error:
        return str(error)


def _fault(ref: installed.PluginRef, plugin: Any) -> str:
    """What keeps an imported plugin from its contract, or its options from being flags."""
    from mdc_core.cli.plugin_options import options_of
    from mdc_core.contracts.faults import faults

    wrong = "; ".join(faults(plugin))
    if wrong:
        return f"{registry.describe(ref)}: {wrong}"
    try:
        options = options_of((ref.verb, ref.word), ref.word, plugin, prefixed=False)
    except ConfigError as error:
        return f"{registry.describe(ref)}: {error}"
    needed = [option.field for option in options if option.needed and ref.verb == "validate"]
    if needed:
        text = f"option {needed[0]} of a check has no default: it runs only where that is set"
        return f"{registry.describe(ref)}: {text}"
    return ""


def _table(rows: list[dict[str, str]]) -> None:
    lines = [("VERB", "NAME", "FROM", "STATUS", "SUMMARY")]
    for row in rows:
        source = f"{row['distribution']} {row['version']}"
        lines.append((row["verb"], row["name"], source, row["status"] or "-", row["summary"]))
    table(lines)
