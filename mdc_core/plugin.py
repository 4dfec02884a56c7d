"""The one door for plugin authors: everything a plugin may use, and nothing else.

    from mdc_core.plugin import Stream, Send, Trade, utc

What needs pyarrow, numpy or pluggy is imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mdc_core.contracts import (
    CONTRACT,
    Argument,
    BadRow,
    Check,
    Endpoint,
    Exporter,
    Filter,
    Finding,
    HangUp,
    History,
    HistoryRequest,
    Importer,
    ImportRequest,
    Keep,
    Moment,
    Options,
    Page,
    Part,
    PartFormat,
    Request,
    Sandbox,
    Send,
    Size,
    Source,
    Span,
    Stream,
    Subscription,
    Symbols,
)
from mdc_core.errors import (
    BusyError,
    ConfigError,
    DataError,
    MdcError,
    RefusedError,
    UnavailableError,
    UsageError,
    WriteError,
)
from mdc_core.events import (
    EVENT_TYPES,
    Auction,
    Bar,
    Book,
    Cancel,
    Connection,
    Correction,
    Delta,
    Dividend,
    Event,
    Flow,
    Gap,
    Heartbeat,
    Imbalance,
    Indicator,
    Integrity,
    Level,
    Quote,
    Split,
    Status,
    Trade,
    type_of,
)
from mdc_core.suggest import known, unknown
from mdc_core.times import from_ms, from_ns, parse_moment, parse_span, to_ns, utc

if TYPE_CHECKING:
    from mdc_core import batch
    from mdc_core.batch import (
        decimal_words,
        decimals,
        from_rows,
        integers,
        is_type,
        make,
        plain,
        valid,
    )
    from mdc_core.decimals import narrowed
    from mdc_core.grouped import Codes, ForwardFill, GroupKeys, GroupRuns, Lag, RunningMax
    from mdc_core.hooks import hookimpl
    from mdc_core.quality.per_event import PerEvent
    from mdc_core.schema import allowed_values, arrow_schema, field_names, kind_of
    from mdc_core.wire.jsonl import encode_batch
    from mdc_core.wire.parse import LinesParser
    from mdc_core.wire.text import cell_text
    from mdc_core.wire.writer import packer

_LATER = {
    "RunningMax": "mdc_core.grouped",
    "LinesParser": "mdc_core.wire.parse",
    "cell_text": "mdc_core.wire.text",
    "GroupKeys": "mdc_core.grouped",
    "ForwardFill": "mdc_core.grouped",
    "PerEvent": "mdc_core.quality.per_event",
    "Lag": "mdc_core.grouped",
    "GroupRuns": "mdc_core.grouped",
    "Codes": "mdc_core.grouped",
    "allowed_values": "mdc_core.schema",
    "arrow_schema": "mdc_core.schema",
    "decimal_words": "mdc_core.batch",
    "decimals": "mdc_core.batch",
    "encode_batch": "mdc_core.wire.jsonl",
    "field_names": "mdc_core.schema",
    "from_rows": "mdc_core.batch",
    "hookimpl": "mdc_core.hooks",
    "integers": "mdc_core.batch",
    "is_type": "mdc_core.batch",
    "kind_of": "mdc_core.schema",
    "make": "mdc_core.batch",
    "narrowed": "mdc_core.decimals",
    "packer": "mdc_core.wire.writer",
    "plain": "mdc_core.batch",
    "valid": "mdc_core.batch",
}


def __getattr__(name: str) -> Any:
    if name == "batch":
        return import_module("mdc_core.batch")
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"mdc_core.plugin has no {name!r}")


__all__ = [
    "CONTRACT",
    "EVENT_TYPES",
    "Argument",
    "Auction",
    "BadRow",
    "Bar",
    "Book",
    "BusyError",
    "Cancel",
    "Check",
    "Codes",
    "ConfigError",
    "Connection",
    "Correction",
    "DataError",
    "Delta",
    "Dividend",
    "Endpoint",
    "Event",
    "Exporter",
    "Filter",
    "Finding",
    "Flow",
    "ForwardFill",
    "Gap",
    "GroupKeys",
    "GroupRuns",
    "HangUp",
    "Heartbeat",
    "History",
    "HistoryRequest",
    "Imbalance",
    "ImportRequest",
    "Importer",
    "Indicator",
    "Integrity",
    "Keep",
    "Lag",
    "Level",
    "LinesParser",
    "MdcError",
    "Moment",
    "Options",
    "Page",
    "Part",
    "PartFormat",
    "PerEvent",
    "Quote",
    "RefusedError",
    "Request",
    "RunningMax",
    "Sandbox",
    "Send",
    "Size",
    "Source",
    "Span",
    "Split",
    "Status",
    "Stream",
    "Subscription",
    "Symbols",
    "Trade",
    "UnavailableError",
    "UsageError",
    "WriteError",
    "allowed_values",
    "arrow_schema",
    "batch",
    "cell_text",
    "decimal_words",
    "decimals",
    "encode_batch",
    "field_names",
    "from_ms",
    "from_ns",
    "from_rows",
    "hookimpl",
    "integers",
    "is_type",
    "kind_of",
    "known",
    "make",
    "narrowed",
    "packer",
    "parse_moment",
    "parse_span",
    "plain",
    "to_ns",
    "type_of",
    "unknown",
    "utc",
    "valid",
]
