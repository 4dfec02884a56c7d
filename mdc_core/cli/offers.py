"""What TAB offers for values: words of the archive at hand, of the vocabulary, of plugins.

Nothing here imports a plugin or pyarrow, writes, waits for anybody or says anything: what cannot
be read offers nothing. A catalog is asked by its indices, however many symbols it has.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mdc_core.cli.settable import ListType, path_of
from mdc_core.errors import MdcError
from mdc_core.session import Session

if TYPE_CHECKING:
    from sqlite3 import Connection

    from click.shell_completion import CompletionItem

MOST = 500  # words that are offered
RECENT = 20_000  # the newest files, whose dates are offered
Offered = Iterable[tuple[str, str]]  # words, each with its help
Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem[str]]"]


def completing(offer: Callable[[click.Context, str], Offered]) -> Completer:
    """A completer of click's: of a list the word behind the last comma, without those before."""

    def complete(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem[str]]":
        import sqlite3

        from click.shell_completion import CompletionItem

        done, comma, word = "", "", incomplete
        if isinstance(param.type, ListType):
            done, comma, word = incomplete.rpartition(",")
        given = set(done.split(","))
        with suppress(sqlite3.Error, OSError, MdcError, ValueError):
            ways = (way for way in offer(ctx, word) if way[0].startswith(word))
            fresh = islice((way for way in ways if way[0] not in given), MOST)
            return [CompletionItem(f"{done}{comma}{name}", help=told) for name, told in fresh]
        return []

    return complete


def _archive(ctx: click.Context) -> Path | None:
    """The archive that the command would read, as far as its line and settings say."""
    named = [param.name for param in ctx.command.params]
    for path in (*(ctx.params.get("paths") or ()), *filter(None, [ctx.params.get("where")])):
        if Path(str(path), "_mdc").is_dir():
            return Path(str(path))
    session = ctx.find_object(Session)
    if "root" not in named or session is None:
        return None
    top, source = ctx.find_root().params, ctx.get_parameter_source("root")
    own, kind = ctx.params.get("root"), click.core.ParameterSource
    if top.get("root") and source is not kind.COMMANDLINE:
        return Path(str(top["root"]))
    if own and source not in (kind.DEFAULT, None):
        return Path(str(own))
    session.use_config(top.get("config"))
    tables = [path_of(ctx)[:depth] for depth in (2, 1, 0)]
    settings = (session.config.settings(*table).get("root") for table in tables)
    in_files = next((setting.value for setting in settings if setting is not None), None)
    return Path(str(session.environ.get("MDC_ROOT") or in_files or "data"))


def _asked(ctx: click.Context, ask: Callable[["Connection"], Iterator[Any]]) -> list[Any]:
    """What the catalog of the archive answers; it is read as it is, whoever writes it."""
    import sqlite3

    root = _archive(ctx)
    if root is None:
        return []
    uri = Path(root, "_mdc", "catalog.sqlite").absolute().as_uri()
    with closing(sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=0.2)) as db:
        return list(islice(ask(db), MOST))


def _distinct(column: str, table: str, word: str) -> Callable[[Any], Iterator[Any]]:
    """The values of an indexed column that begin like a word, each found by the one before."""

    def ask(db: "Connection") -> Iterator[Any]:
        at: Any = word.encode() if column == "symbol" else word
        compared = ">="
        while True:
            statement = f"SELECT min({column}) FROM {table} WHERE {column} {compared} ?"
            (found,) = db.execute(statement, (at,)).fetchone()
            if found is None:
                return
            text = found.decode(errors="replace") if isinstance(found, bytes) else str(found)
            if not text.startswith(word):
                return
            yield text
            at, compared = found, ">"

    return ask


@completing
def symbols(ctx: click.Context, word: str) -> Offered:
    """The symbols of the archive, also those that share files with others."""
    from sqlite3 import OperationalError

    found: set[str] = set()
    for table in ("parts", "shares"):
        with suppress(OperationalError):  # an older catalog
            found |= {*_asked(ctx, _distinct("symbol", table, word))}
    return ((name, "") for name in sorted(found))


@completing
def runs(ctx: click.Context, word: str) -> Offered:
    """The runs whose events the archive has."""
    files = _asked(ctx, _distinct("run_id", "parts", word))
    return ((run, "") for run in dict.fromkeys(name.partition("-")[0] for name in files))


@completing
def dates(ctx: click.Context, word: str) -> Offered:
    """The days or months of the archive's newest files, of the chosen symbols if there are any."""
    chosen = [str(name).encode() for name in ctx.params.get("symbols") or ()]
    marks = ",".join("?" * len(chosen))
    which = f"WHERE symbol IN ({marks})" if chosen else ""

    def ask(db: "Connection") -> Iterator[Any]:
        newest = f"SELECT period FROM parts {which} ORDER BY number DESC LIMIT {RECENT}"
        statement = f"SELECT DISTINCT substr(period, 1, 10) AS day FROM ({newest}) ORDER BY 1 DESC"
        return (day for (day,) in db.execute(statement, chosen) if day[:1].isdigit())

    yield from ((day, "") for day in _asked(ctx, ask))
    yield from (("today", "UTC"), ("yesterday", "UTC"))


@completing
def event_types(ctx: click.Context, word: str) -> Offered:
    """The types of events, but for those by which commands talk to each other."""
    from mdc_core.events import EVENT_TYPES

    control = ("begin", "end", "heartbeat", "ack")
    types = ((name, kind.__doc__ or "") for name, kind in EVENT_TYPES.items())
    return (way for way in types if way[0] not in control)


@completing
def every_type(ctx: click.Context, word: str) -> Offered:
    """All types of events."""
    from mdc_core.events import EVENT_TYPES

    return ((name, kind.__doc__ or "") for name, kind in EVENT_TYPES.items())


@completing
def fields(ctx: click.Context, word: str) -> Offered:
    """The fields of the chosen types of events, or of all."""
    from mdc_core.events import EVENT_TYPES

    chosen = [EVENT_TYPES[name] for name in ctx.params.get("types") or () if name in EVENT_TYPES]
    kinds = chosen or EVENT_TYPES.values()
    names = ("type", *(name for kind in kinds for name in kind.__struct_fields__))
    return ((name, "") for name in dict.fromkeys(names))


@completing
def channels(ctx: click.Context, word: str) -> Offered:
    """The channels of the provider that the command is for, as its source says."""
    from mdc_core import registry
    from mdc_core.cli.declared import declared_channels
    from mdc_core.events import EVENT_TYPES

    names = declared_channels(registry.lookup("stream", path_of(ctx)[-1]))
    return ((name, getattr(EVENT_TYPES.get(name), "__doc__", None) or "") for name in names)


@completing
def calendars(ctx: click.Context, word: str) -> Offered:
    """The calendars: ours, those named in help, and what the library's source lists."""
    import re
    from importlib.util import find_spec

    from mdc_core.archive.coverage.calendars import CALENDARS

    spec = find_spec("exchange_calendars")
    places = list(spec.submodule_search_locations or ()) if spec else []
    found: dict[str, str] = dict(CALENDARS)
    for place in places:
        source = Path(place, "calendar_utils.py").read_text(encoding="utf-8")
        for name in re.findall(r'^    "([\w/]+)": ', source, re.MULTILINE):
            found.setdefault(name, "")
    pattern, equals, _ = word.rpartition("=")
    return ((f"{pattern}{equals}{name}", told) for name, told in found.items())
