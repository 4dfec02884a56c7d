"""What a plugin may be. The entry-point group is the verb, its name the word after it.

    mdc.stream    Stream (or Source)   a live feed        mdc stream NAME SYMBOL...
    mdc.backfill  History              a historical API   (no command yet: only its suite runs it)
    mdc.validate  Check                a judgement        mdc validate --check NAME
    mdc.filter    Filter               events to events   mdc NAME
    mdc.store     PartFormat           files of a format  mdc store --format NAME
    mdc.publish   Sink                 a place            mdc publish NAME URL
    mdc.import    Importer             files to events    mdc import --profile NAME PATH
    mdc.export    Exporter             events to files    mdc export --profile NAME
    mdc.hooks     an observer          whoever is told    every command

A plugin is pure: it returns effects (`Send`, `Request`, `Finding`) and never performs
them. No socket, clock, environment or log in it; the drivers have those. A `Source` and a
`Sink` are the exceptions: they own their connection. What goes wrong is an effect or an
error from `errors.py`; anything else is a bug, and is told by the plugin's name.

Help. The docstring of the plugin's module is its help, the first line the summary of lists,
and `EXAMPLES`, a tuple of commands, is shown with it: one module for each plugin. The
docstring of a class is for readers of the code.

Lifetimes. A constructor gets all that there is to know, and the base class keeps it:
`self.subscription` (a live feed), `self.wanted` (a history, an importer), `self.url` (a sink),
`self.options`, `self.credentials`. A `Stream` lives as long as its connection and a `History`
as long as its symbol, channel and range; after a reconnect there is a new one, and nothing may
be kept in the class or the module. Checks and filters live as long as the command. What is
returned belongs to the driver, which fills in `ts_recv`, `provider` and `channel` in place:
return each event once. A batch belongs to everybody: leave it as it is.

Mistakes of the user. Constructors are called before anything is read, wherever the plugin stands in
a pipeline: raise a UsageError there for options, or a URL, that make no sense. An importer's must
not look at the file, which may be a pipe that is kept for it afterwards.

Threads. An instance is called from one thread at a time. Instances of a `Stream` or `Source` are
called from threads of their own; everything else in the main thread, in order. Observers are
called in the thread in which the thing happens, and the work waits for them. A thread that a
plugin starts has a second to finish when the command does, and is then ended. What a plugin
prints goes to standard error: standard output belongs to mdc.

The process. A plugin is not locked in, and shares the process with others: it must not change the
working directory, empty `sys.path`, remove `sys.excepthook`, lower the recursion limit, close
descriptors that it has not opened, set signal handlers, fork without exec, or call `os._exit`. The
first five are noticed before the next batch is handed on, and end the stage as a failure of the
plugin; what it does behind that is its own.

Secrets. `secrets` are names of environment variables, such as `ACME_TOKEN`; their values are
`self.credentials`. They are masked in messages and captures; in the suites they are
"test-secret-1" and so on, and in a replay empty. `requires` names modules of an extra: a
plugin whose module is missing is refused with the `pip install` that brings it.

Versions. `CONTRACT` is the number of this promise: all that is said here and all that
`mdc_core.plugin` exports. It changes when a plugin that kept to it would no longer work; what is to
go is named under Deprecated in the changelog and works on for two minor versions. Say which one
you wrote for (`contract = 1`) and which mdc you need (`market-data-collector>=0.1,<0.2` among the
requirements of your distribution): another one is refused with status 78 before anything is
imported. `mdc_core.columns` is not part of it.

A single file. `mdc --plugin wide.py validate --check wide`, or `MDC_PLUGIN_PATH=wide.py:more/`
(files and directories of files, `FILE.py:CLASS` for one of several classes), needs no package: the
classes in it that derive from one of these are plugins, named like the file.

Which are loaded. Only the plugin that is named is imported; `mdc plugins` lists what is installed,
and `mdc plugins --load` imports each and says what it lacks. `mdc validate` without --load runs
every check that is installed. Where two have one name mdc's own wins, and others are reached as
DISTRIBUTION:NAME. `MDC_LOAD_PLUGINS=mdc-acme,mdc-zephyr` limits what is looked at to those
distributions, and empty to mdc itself (as `mdc --no-plugins` does).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdc_core.contracts.check import Check, Finding, Severity
    from mdc_core.contracts.files import BadRow, Exporter, Importer, ImportRequest
    from mdc_core.contracts.filter import Filter, Keep
    from mdc_core.contracts.history import History, HistoryRequest, Page
    from mdc_core.contracts.http import Request, Response
    from mdc_core.contracts.live.effects import (
        Bad,
        Busy,
        Effect,
        Fetch,
        Items,
        Maintenance,
        Reconnect,
        Refused,
        Send,
        Up,
    )
    from mdc_core.contracts.live.feeds import (
        SCHEMES,
        Endpoint,
        Lengths,
        Lines,
        Live,
        Source,
        Stream,
        Subscription,
    )
    from mdc_core.contracts.live.sandbox import HangUp, Sandbox
    from mdc_core.contracts.options import (
        CONTRACT,
        Argument,
        Moment,
        Options,
        Plugin,
        Size,
        Span,
        Symbols,
    )
    from mdc_core.contracts.provider import ASSETS, Asset, Limits, Provider
    from mdc_core.contracts.sink import Sink
    from mdc_core.contracts.store import Part, PartFormat

# Each is imported when it is first asked for: a check needs nothing of what a feed does.
_HOMES = {
    "check": "Check Finding Severity",
    "files": "BadRow Exporter Importer ImportRequest",
    "filter": "Filter Keep",
    "history": "History HistoryRequest Page",
    "http": "Request Response",
    "live.effects": "Bad Busy Effect Fetch Items Maintenance Reconnect Refused Send Up",
    "live.feeds": "SCHEMES Endpoint Lengths Lines Live Source Stream Subscription",
    "live.sandbox": "HangUp Sandbox",
    "options": "CONTRACT Argument Moment Options Plugin Size Span Symbols",
    "provider": "ASSETS Asset Limits Provider",
    "sink": "Sink",
    "store": "Part PartFormat",
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names.split():
            return getattr(import_module(f"mdc_core.contracts.{home}"), name)
    raise AttributeError(f"mdc_core.contracts has no {name!r}")


__all__ = [
    "ASSETS",
    "CONTRACT",
    "SCHEMES",
    "Argument",
    "Asset",
    "Bad",
    "BadRow",
    "Busy",
    "Check",
    "Effect",
    "Endpoint",
    "Exporter",
    "Fetch",
    "Filter",
    "Finding",
    "HangUp",
    "History",
    "HistoryRequest",
    "ImportRequest",
    "Importer",
    "Items",
    "Keep",
    "Lengths",
    "Limits",
    "Lines",
    "Live",
    "Maintenance",
    "Moment",
    "Options",
    "Page",
    "Part",
    "PartFormat",
    "Plugin",
    "Provider",
    "Reconnect",
    "Refused",
    "Request",
    "Response",
    "Sandbox",
    "Send",
    "Severity",
    "Sink",
    "Size",
    "Source",
    "Span",
    "Stream",
    "Subscription",
    "Symbols",
    "Up",
]
