"""List the installed plugins.

Nothing is imported for the list; `--load` imports each one, and tells which are broken.
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

GROUP = "setup 2"
EXAMPLES = ("mdc plugins", "mdc plugins --json", "mdc plugins --load")


@make()
@JSON
@option("--load", was="--check", is_flag=True, help="import each plugin; 78 if one is broken")
@click.pass_obj
def command(session: Session, as_json: bool, load: bool) -> int:
    """List the plugins."""
    found, verbs = registry.find_all(), {"filter", "hooks", *verb_files()}
    refs = [ref for ref in found if ref.verb in verbs]
    rows = [_row(ref, _problem(ref) if load else "") for ref in refs]
    rows += [_row(ref, f"{registry.describe(ref)}: {why}") for ref, why in registry.strays()]
    if as_json:
        answer(rows)
    else:
        _table(rows, load)
    for ref in found:
        if ref.verb not in verbs:
            text = f"{registry.describe(ref)} cannot be used: there is no command mdc {ref.verb}"
            session.log.warning(text)
    for ref in refs:
        if ref.word != ref.name:
            session.log.warning(f"{registry.describe(ref)}: the name is taken; say {ref.word}")
    broken = [row for row in rows if row["problem"]]
    for row in broken:
        session.log.error(row["problem"])
    return ConfigError.exit_status if broken else 0


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


def _table(rows: list[dict[str, str]], load: bool) -> None:
    lines = [("VERB", "NAME", "FROM", "STATUS", "SUMMARY")]
    for row in rows:
        status = "broken" if row["problem"] else "ok" if load else "-"
        source = f"{row['distribution']} {row['version']}"
        lines.append((row["verb"], row["name"], source, status, row["summary"]))
    table(lines)
