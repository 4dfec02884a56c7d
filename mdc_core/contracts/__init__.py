"""What a plugin may be. The entry-point group is the verb, its name the word after it.

    mdc.stream    Stream (or Source)   a live feed        mdc stream NAME SYMBOL...
    mdc.backfill  History              a historical API   mdc backfill NAME SYMBOL...
    mdc.validate  Check                a judgement        mdc validate --check NAME
    mdc.filter    Filter               events to events   mdc NAME
    mdc.store     PartFormat           files of a format  mdc store --format NAME
    mdc.publish   Sink                 events to a place  mdc publish NAME URL
    mdc.import    Importer             files to events    mdc import --profile NAME PATH
    mdc.export    Exporter             events to files    mdc export --profile NAME

A plugin is pure: it returns effects (`Send`, `Refused`, `Request`, `Finding`) and never performs
them. No socket, clock, environment or log in it; the drivers have those. What goes wrong
is an error from `errors.py`; anything else is a bug and stops the command.
"""

from mdc_core.contracts.check import Check, Finding, Severity
from mdc_core.contracts.files import BadRow, Exporter, Importer, ImportRequest
from mdc_core.contracts.filter import Filter, Keep
from mdc_core.contracts.history import History, HistoryRequest, Page
from mdc_core.contracts.http import Request, Response
from mdc_core.contracts.live import (
    SCHEMES,
    Bad,
    Busy,
    Effect,
    Endpoint,
    Fetch,
    HangUp,
    Items,
    Lengths,
    Limits,
    Live,
    Reconnect,
    Refused,
    Sandbox,
    Send,
    Source,
    Stream,
    Subscription,
    Up,
)
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
from mdc_core.contracts.sink import Sink
from mdc_core.contracts.store import Part, PartFormat

__all__ = [
    "CONTRACT",
    "SCHEMES",
    "Argument",
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
    "Live",
    "Moment",
    "Options",
    "Page",
    "Part",
    "PartFormat",
    "Plugin",
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
