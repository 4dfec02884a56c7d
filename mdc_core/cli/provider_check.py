"""Prove credentials and entitlements by one connection, and say what the account may see.

Each channel is asked for once, of one symbol, and nothing is collected. What the vendor refuses
is told with its words, and so is a channel that this feed or market has not. Status 77: the
credentials, or all channels, are refused; 78: a secret is missing; 69: no connection, or no
answer; 75: the vendor asks for patience. Some channels refused is status 0."""

from typing import Any

import click

from mdc_core.cli import offers
from mdc_core.cli.options import SPAN, Chosen, ListOption, Session, option, plugin_group
from mdc_core.cli.provider_facts import limit_texts, limits_of, secret_state, secrets_of
from mdc_core.cli.selection import JSON
from mdc_core.cli.show import facts, json_text, section
from mdc_core.cli.types import SymbolArgument
from mdc_core.contracts import Source
from mdc_core.errors import ConfigError, UsageError
from mdc_core.live.access.account import VendorAccount
from mdc_core.live.access.check import AccessCheck, ChannelAccess
from mdc_core.live.access.place import FeedPlace
from mdc_core.logs import Mask
from mdc_core.suggest import known, unknown
from mdc_core.times import SECOND
from mdc_core.wire import stdout

_EXAMPLES = (
    "mdc providers check alpaca --mock",
    "mdc providers check tiingo btcusd --market crypto --mock --json",
)


@plugin_group("stream")
@click.argument("symbols", nargs=-1, type=SymbolArgument(), metavar="[SYMBOL]")
@option(
    "--type",
    "channels",
    cls=ListOption,
    help="only these of the provider's channels  [default: all]",
    shell_complete=offers.channels,
)
@option(
    "--mock",
    is_flag=True,
    help="connect to a mock of the provider's server on this host; needs no credentials",
)
@option("--url", help="another server than the vendor's: ws:// wss:// tcp:// tls:// udp://")
@option("--http-url", help="who is asked by HTTP  [default: the vendor, or who serves the feed]")
@option(
    "--timeout",
    type=SPAN,
    default="20s",
    show_default=True,
    help="how long it may take in all",
)
@JSON
@click.pass_obj
def check(
    session: Session,
    plugin: Chosen,
    symbols: tuple[tuple[str, ...], ...],
    channels: tuple[str, ...] | None,
    mock: bool,
    url: str | None,
    http_url: str | None,
    timeout: int,
    as_json: bool,
) -> None:
    """Prove credentials and entitlements by one connection."""
    kind = plugin.plugin
    symbol = _symbol(plugin, [name for some in symbols for name in some])
    chosen = _channels(plugin, channels)
    _must_go(plugin, mock=mock, url=url)
    secrets = [*secrets_of(session, [kind])]
    row: dict[str, Any] = {"name": plugin.name, "vendor": kind.vendor, "symbol": symbol}
    row |= {"servers": [], "login": "unknown", "message": "", "up_seconds": None}
    row |= {"secrets": secrets, "channels": [], "limits": limits_of(kind.limits)}
    try:
        credentials = _credentials(session, kind, mock=mock)
    except ConfigError as error:
        row |= {"login": "not tried", "message": str(error)}
        row["channels"] = [_told(ChannelAccess(name), session.log.mask) for name in chosen]
        _show(row, as_json)
        raise
    for secret in secrets if mock else ():
        there = bool(credentials[secret["name"]])
        secret |= {"set": there, "from": "mock server" if there else None, "problem": ""}
    place = FeedPlace(mock=mock, url=url, http_url=http_url)
    account = VendorAccount(*plugin, credentials, place=place, log=session.log)
    found = account.check(symbol, chosen, timeout / SECOND)
    row["servers"] = account.servers
    failure = found.failure
    row |= {"login": _login(found, credentials), "up_seconds": found.up_after}
    row["message"] = session.log.mask(str(failure)) if failure is not None else ""
    row["channels"] = [_told(one, session.log.mask) for one in found.channels.values()]
    _show(row, as_json)
    if failure is not None:
        raise failure


def _symbol(plugin: Chosen, named: list[str]) -> str:
    if len(named) > 1:
        raise UsageError("one symbol is enough", hint=f"mdc providers check {plugin.name} SYMBOL")
    symbol = named[0] if named else plugin.plugin.usual_symbol(plugin.options)
    if symbol is None:
        hint = f"mdc providers check {plugin.name} SYMBOL"
        raise UsageError(f"{plugin.name} names no symbol to ask for", hint=hint)
    return str(symbol)


def _channels(plugin: Chosen, named: tuple[str, ...] | None) -> tuple[str, ...]:
    """The channels to ask for."""
    every = plugin.plugin.channels
    for name in named or ():
        if name not in every:
            raise UsageError(unknown(f"channel of {plugin.name}", name, every), hint=known(every))
    return tuple(named or every)


def _must_go(plugin: Chosen, *, mock: bool, url: str | None) -> None:
    """Raise UsageError for what a provider cannot have."""
    if issubclass(plugin.plugin, Source):
        if mock or url:
            raise UsageError(f"{plugin.name} has no socket, so there is no --mock and no --url")
    elif mock and plugin.plugin.sandbox is None:
        hint = "name a server of yours with --url"
        raise UsageError(f"{plugin.name} has no mock server", hint=hint)


def _credentials(session: Session, kind: Any, *, mock: bool) -> dict[str, str]:
    if not mock:
        return session.secrets(kind.secrets, kind.optional_secrets)
    for secret in kind.sandbox.test_secrets.values():
        session.log.mask.add(secret)
    return dict(kind.sandbox.test_secrets)


def _login(found: AccessCheck, credentials: dict[str, str]) -> str:
    """What became of the login; one without credentials is none."""
    if found.login is not None:
        return "refused"
    if not found.is_accepted:
        return "unknown"
    return "accepted" if any(credentials.values()) else "not needed"


def _told(channel: ChannelAccess, mask: Mask) -> dict[str, str]:
    return {"name": channel.name, "state": channel.state, "message": mask(channel.message)}


def _show(row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        stdout.write_line(json_text(row))
        return
    up = row["up_seconds"]
    out = facts(
        [
            ("name", row["name"]),
            ("vendor", row["vendor"]),
            *(("server", server) for server in row["servers"]),
            ("symbol", row["symbol"]),
            ("login", row["login"]),
            ("up", up if up is None else f"after {up * 1000:.0f} ms"),
            *limit_texts(row["limits"]),
        ]
    )
    out += section("secrets", [(s["name"], secret_state(s)) for s in row["secrets"]])
    channels = [(c["name"], c["state"], c["message"]) for c in row["channels"]]
    out += section("channels", channels)
    stdout.write_line("\n".join(out))


check.describe(__doc__, _EXAMPLES)
