"""Look at feeds that run on this host, and tell them what to do.

Each `mdc stream` of a vendor's feed takes requests of its own user by a socket in
$XDG_RUNTIME_DIR/mdc (else below the directory for temporary files). Where several are running,
`--feed` names one, by its process, its provider or its run."""

import sys
import time
from collections.abc import Sequence
from decimal import Decimal, DecimalException
from itertools import chain
from typing import Any

import click

from mdc_core import control
from mdc_core.cli.options import Session, group, option
from mdc_core.cli.selection import ALLOW_EMPTY, JSON
from mdc_core.cli.show import answer, shown, table
from mdc_core.cli.types import SymbolArgument
from mdc_core.errors import NothingFoundError, UnavailableError

GROUP = "collect 7"
EXAMPLES = (
    "mdc ctl status --allow-empty",
    "mdc ctl status --json --allow-empty",
)
Symbols = Sequence[Sequence[str]]  # each argument may be a list
EVERY = 1.0  # seconds from one look to the next
CLEAR = "\x1b[H\x1b[2J"
FEED = option("--feed", metavar="FEED", help="which feed, by its process, provider or run id")
SYMBOLS = click.argument(
    "symbols", nargs=-1, required=True, metavar="SYMBOL...", type=SymbolArgument()
)


@group()
def command() -> None:
    """Look at feeds that run, and tell them what to do."""


@command.command("status")
@option("--watch", is_flag=True, help="look again each second, until Ctrl-C")
@ALLOW_EMPTY
@JSON
@click.pass_obj
def status(session: Session, watch: bool, allow_empty: bool, as_json: bool) -> None:
    """Show the feeds of this user that are running, and how each is.

    The rate and the lag (receive time less event time) are those since the last heartbeat; the
    circuit breaker is the worst of its connections. None at all is status 1."""
    while True:
        rows = [*control.running(control.folder(session.environ)).values()]
        if not rows and not (allow_empty or watch):
            raise NothingFoundError("no feed is running here", hint="mdc stream NAME SYMBOL...")
        if watch and sys.stdout.isatty():
            click.echo(CLEAR, nl=False)
        if as_json:
            answer(rows)
        else:
            heads = ("FEED", "PROCESS", "STATE", "UP", "BREAKER", "SYMBOLS", "EVENTS", "RATE")
            lines = [(*heads, "LAG P50", "LAG P99", "WAITING", "DROPPED"), *map(_line, rows)]
            table(lines, right=range(5, 12))
        if not watch:
            return
        time.sleep(EVERY)


@command.command("subscribe")
@SYMBOLS
@FEED
@click.pass_obj
def subscribe(session: Session, symbols: Symbols, feed: str | None) -> None:
    """Have a feed ask for more symbols, on the same connection where the vendor can."""
    _tell(session, feed, "subscribe", symbols)


@command.command("unsubscribe")
@SYMBOLS
@FEED
@click.pass_obj
def unsubscribe(session: Session, symbols: Symbols, feed: str | None) -> None:
    """Have a feed ask for these symbols no more."""
    _tell(session, feed, "unsubscribe", symbols)


@command.command("reset")
@SYMBOLS
@FEED
@click.pass_obj
def reset(session: Session, symbols: Symbols, feed: str | None) -> None:
    """Have the connections of these symbols made anew, so that a frozen book begins again.

    What is missed meanwhile is a gap, of all symbols of the connection."""
    _tell(session, feed, "reset", symbols)


def _tell(session: Session, feed: str | None, what: str, symbols: Symbols) -> None:
    path = control.find(control.folder(session.environ), feed)
    try:
        told = control.ask(path, {"do": what, "symbols": [*chain(*symbols)]})
    except OSError as error:
        raise UnavailableError(f"the feed has ended: {error}") from error
    click.echo(shown(told.get("told", "done")))


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    """One feed; what its answer does not say is `-`."""
    lines = [line for line in _list(row, "lines") if isinstance(line, dict)]
    up = sum(line.get("state") == "up" for line in lines)
    states = [line.get("breaker") for line in lines]
    worst = next((s for s in ("open", "half-open") if s in states), "closed" if lines else "-")
    symbols = len({str(symbol) for line in lines for symbol in _list(line, "symbols")})
    rate = _number(row.get("rate"), "{:,.1f}/s")
    return (
        *(shown(row.get(key) or "-") for key in ("provider", "pid", "state")),
        f"{up}/{len(lines)}",
        worst,
        f"{symbols:,}",
        _number(row.get("events"), "{:,}"),
        rate,
        *(_number(row.get(key), "{:,.1f} ms", 1000) for key in ("lag_p50", "lag_p99")),
        *(_number(row.get(key), "{:,}") for key in ("buffered", "dropped")),
    )


def _list(row: dict[str, Any], key: str) -> list[Any]:
    found = row.get(key)
    return found if isinstance(found, list) else []


def _number(value: Any, text: str, scale: int = 1) -> str:
    """A number of an answer, as a text of this form."""
    try:
        return "-" if value is None else text.format(Decimal(value) * scale)
    except (DecimalException, TypeError, ValueError):
        return "?"
