"""The one door for plugin authors: everything a plugin may use, and nothing else.

    from mdc_core.plugin import Stream, Send, Trade, utc

What needs pyarrow is imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mdc_core.contracts import (
    Check,
    Endpoint,
    Filter,
    Finding,
    HangUp,
    History,
    HistoryRequest,
    Importer,
    ImportRequest,
    Options,
    Page,
    PartFormat,
    Request,
    Sandbox,
    Send,
    Source,
    Stream,
    Subscription,
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
from mdc_core.times import from_ms, from_ns, parse_moment, parse_span, to_ns, utc

if TYPE_CHECKING:
    from mdc_core import batch
    from mdc_core.batch import Keys, Previous, from_rows, integers, is_type, make, valid
    from mdc_core.schema import arrow_schema, field_names, kind_of

_LATER = {
    "Keys": "mdc_core.batch",
    "Previous": "mdc_core.batch",
    "from_rows": "mdc_core.batch",
    "integers": "mdc_core.batch",
    "is_type": "mdc_core.batch",
    "make": "mdc_core.batch",
    "valid": "mdc_core.batch",
    "arrow_schema": "mdc_core.schema",
    "field_names": "mdc_core.schema",
    "kind_of": "mdc_core.schema",
}


def __getattr__(name: str) -> Any:
    if name == "batch":
        return import_module("mdc_core.batch")
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"mdc_core.plugin has no {name!r}")


__all__ = [
    "EVENT_TYPES", "Auction", "Bar", "Book", "BusyError", "Cancel", "Check", "ConfigError",
    "Connection", "Correction", "DataError", "Delta", "Dividend", "Endpoint", "Event",
    "Filter", "Finding", "Flow", "Gap", "HangUp", "Heartbeat", "History", "HistoryRequest",
    "Imbalance", "ImportRequest", "Importer", "Indicator", "Integrity", "Keys", "Level",
    "MdcError", "Options", "Page", "PartFormat", "Previous", "Quote", "RefusedError",
    "Request", "Sandbox", "Send", "Source", "Split", "Status", "Stream", "Subscription",
    "Trade", "UnavailableError", "UsageError", "WriteError", "arrow_schema", "batch",
    "field_names", "from_ms", "from_ns", "from_rows", "integers", "is_type", "kind_of",
    "make", "parse_moment", "parse_span", "to_ns", "type_of", "utc", "valid",
]  # fmt: skip
