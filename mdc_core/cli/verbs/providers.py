"""Show the providers of market data, what each offers and what it needs.

A secret is never shown: only whether there is one, and where it was found."""

from contextlib import suppress
from typing import Any

import click
from click.shell_completion import CompletionItem

from mdc_core import installed, registry
from mdc_core.cli.options import Session, group
from mdc_core.cli.provider_check import check
from mdc_core.cli.provider_facts import (
    LIMITS,
    limit_texts,
    limits_of,
    pace,
    secret_state,
    secrets_of,
)
from mdc_core.cli.selection import JSON
from mdc_core.cli.show import answer, facts, section, shown, table
from mdc_core.contracts import Provider
from mdc_core.contracts.faults import faults
from mdc_core.errors import ConfigError, UsageError
from mdc_core.installed import PluginRef, verb_files
from mdc_core.sizes import size_text
from mdc_core.suggest import known, unknown

GROUP = "collect 5"
EXAMPLES = (
    "mdc providers list",
    "mdc providers show sim",
    "mdc providers show alpaca --json",
    "mdc providers limits",
    "mdc providers check alpaca --mock",
)


class ProviderName(click.ParamType):  # type: ignore[type-arg]
    """The name of an installed provider."""

    name = "name"

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> list[CompletionItem[str]]:
        """The names that begin like this; nothing is imported."""
        return [
            CompletionItem(name, help=registry.summary(next(iter(refs.values()))))
            for name, refs in _found().items()
            if name.startswith(incomplete)
        ]


@group()
def command() -> None:
    """The providers of market data."""


command.add_command(check, "check")


@command.command("list")
@JSON
@click.pass_obj
def list_providers(session: Session, as_json: bool) -> int:
    """List the providers, and whether each has the secrets that it needs.

    One that cannot be loaded is listed as broken, and the exit status is 78."""
    rows = []
    for name, refs in _found().items():
        try:
            rows.append(_facts(session, name, refs))
        except ConfigError as error:
            rows.append({**_head(name, refs), "problem": str(error)})
    if as_json:
        answer(rows)
    else:
        lines = [("NAME", "VERBS", "ASSETS", "STATUS", "FROM", "VENDOR")]
        table([*lines, *map(_line, rows)])
    broken = [row["problem"] for row in rows if row["problem"]]
    for problem in broken:
        session.log.error(problem)
    return ConfigError.exit_status if broken else 0


@command.command("show")
@click.argument("name", type=ProviderName())
@JSON
@click.pass_obj
def show(session: Session, name: str, as_json: bool) -> None:
    """Show what there is to know of one provider.

    What it offers by which verb, its limits, its secrets and whether they are set. The options
    of a verb are shown by `mdc stream NAME --help`."""
    found = _found()
    if name not in found:
        raise UsageError(unknown("provider", name, found), hint=known(found))
    row = _facts(session, name, found[name])
    if as_json:
        answer(row)
    else:
        click.echo("\n".join(_text(row)))


@command.command("limits")
@JSON
@click.pass_obj
def limits(session: Session, as_json: bool) -> None:
    """Show what each vendor allows, which mdc keeps to.

    Connections at once, symbols or subscriptions of one connection, messages to the vendor and
    new connections (openings) in a time. A symbol too many opens another connection where the
    vendor allows one. `-` is no limit that the vendor tells. One that cannot be loaded is left
    out: `mdc providers list` says why."""
    rows = []
    for name, refs in _found().items():
        with suppress(ConfigError):
            facts_of = _facts(session, name, refs)
            rows.append({"name": name, **{key: facts_of[key] for key in LIMITS}})
    if as_json:
        answer(rows)
        return
    lines = [("NAME", "CONNECTIONS", "SYMBOLS", "SUBSCRIPTIONS", "MESSAGES", "OPENINGS", "LARGEST")]
    table([*lines, *map(_limits_line, rows)])


def _found() -> dict[str, dict[str, PluginRef]]:
    """The providers by name, each with its plugins by verb; nothing is imported."""
    found: dict[str, dict[str, PluginRef]] = {}
    for verb, (noun, _) in installed.VERBS.items():
        if noun == "provider" and verb in verb_files():
            for word, ref in registry.find(verb).items():
                found.setdefault(word, {})[verb] = ref
    return dict(sorted(found.items()))


def _head(name: str, refs: dict[str, PluginRef]) -> dict[str, Any]:
    """What is known of a provider without importing it."""
    verbs = {
        verb: {"distribution": ref.distribution, "version": ref.version}
        for verb, ref in refs.items()
    }
    summary = registry.summary(next(iter(refs.values())))
    return {"name": name, "summary": summary, "verbs": verbs, "problem": ""}


def _facts(session: Session, name: str, refs: dict[str, PluginRef]) -> dict[str, Any]:
    """What a provider's plugins say; raises ConfigError where one cannot be used."""
    plugins = {verb: _loaded(ref) for verb, ref in refs.items()}
    first = next(iter(plugins.values()))
    row = _head(name, refs)
    for verb, plugin in plugins.items():
        channels: tuple[str, ...] = getattr(plugin, "channels", ())
        row["verbs"][verb] |= {
            "channels": channels,
            "default_channels": getattr(plugin, "default_channels", channels),
            "simulated": getattr(plugin, "simulated", False),
        }
    return row | {
        "vendor": first.vendor,
        "assets": first.assets,
        "venues": first.venues,
        **limits_of(first.limits),
        "mock": any(getattr(plugin, "sandbox", None) for plugin in plugins.values()),
        "secrets": list(secrets_of(session, plugins.values())),
        "notes": first.notes,
    }


def _loaded(ref: PluginRef) -> type[Provider]:
    """A plugin; raises ConfigError where what it says of itself cannot be."""
    plugin: type[Provider] = registry.load(ref.verb, ref.word)
    if wrong := "; ".join(faults(plugin)):
        raise ConfigError(f"{registry.describe(ref)}: {wrong}")
    return plugin


def _limits_line(row: dict[str, Any]) -> tuple[str, ...]:
    largest = row["largest_message"]
    return (
        row["name"],
        *(
            "-" if row[key] is None else f"{row[key]:,}"
            for key in ("connections", "symbols_per_connection", "subscriptions_per_connection")
        ),
        pace(row, "messages") or "-",
        pace(row, "new_connections") or "-",
        size_text(largest) if largest else "-",
    )


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    missing = [s for s in row.get("secrets", ()) if s["required"] and not s["set"]]
    status = "broken" if row["problem"] else "needs secrets" if missing else "ready"
    assets = ",".join(row.get("assets", ())) or "-"
    words = (row["name"], ",".join(row["verbs"]), assets, status, _origin(row))
    return (*words, shown(row.get("vendor", "")) or "-")


def _origin(row: dict[str, Any]) -> str:
    plugins = row["verbs"].values()
    return ", ".join(dict.fromkeys(f"{p['distribution']} {p['version']}" for p in plugins))


def _text(row: dict[str, Any]) -> list[str]:
    verbs = [(verb, _channels(plugin)) for verb, plugin in row["verbs"].items()]
    try_it = f"yes: mdc stream {row['name']} SYMBOL... --mock"
    out = facts(
        [
            ("name", row["name"]),
            ("vendor", row["vendor"]),
            ("summary", row["summary"]),
            ("from", _origin(row)),
            *verbs,
            ("mock server", try_it if row["mock"] else "no"),
            *limit_texts(row),
            ("assets", ", ".join(row["assets"])),
            ("venues", ", ".join(row["venues"])),
        ]
    )
    out += section("secrets", [(s["name"], secret_state(s)) for s in row["secrets"]])
    return out + section("notes", [(note,) for note in row["notes"]])


def _channels(plugin: dict[str, Any]) -> str:
    every, defaults = ", ".join(plugin["channels"]), ", ".join(plugin["default_channels"])
    return every if every == defaults else f"{every}; by default {defaults}"
