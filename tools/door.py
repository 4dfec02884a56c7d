"""What plugin authors may import: the table of which mdc_core/plugin.py and columns.py are made.

`python tools/docs.py` writes both files before all others. What is in `mdc_core.contracts` is in
the door by itself.
"""

import subprocess
import sys
from pathlib import Path

from mdc_core import contracts

AT_ONCE = {
    "errors": (
        "BusyError",
        "ConfigError",
        "DataError",
        "MdcError",
        "NothingFoundError",
        "RefusedError",
        "UnavailableError",
        "UsageError",
        "WriteError",
    ),
    "events": (
        "EVENT_TYPES",
        "Auction",
        "Bar",
        "Book",
        "Cancel",
        "Connection",
        "Correction",
        "Delta",
        "Dividend",
        "Event",
        "Flow",
        "Funding",
        "Gap",
        "Heartbeat",
        "Imbalance",
        "Indicator",
        "Integrity",
        "Level",
        "Liquidation",
        "News",
        "OpenInterest",
        "Quote",
        "Split",
        "Status",
        "Trade",
        "type_of",
    ),
    "suggest": ("known", "unknown"),
    "times": ("from_ms", "from_ns", "parse_span", "to_ns", "utc"),
}
# These are imported when they are first asked for: not each plugin needs pyarrow, numpy or pluggy.
LATER = {
    "contracts": contracts.__all__,
    "folders": ("files_below",),
    "messages": ("Messages", "rest_of"),
    "moments": ("parse_moment",),
    "protocol.answers": ("Awaited", "Unanswered"),
    "protocol.ladder": ("Ladder",),
    "protocol.numbers": ("SequenceCount", "Follow", "Missing", "Restarted", "scaled", "unscaled"),
    "protocol.refusals": ("left_out",),
    "protocol.subscriptions": ("Subscriptions",),
    "archive.merge": ("merge",),
    "batch": ("from_rows", "integers", "is_type", "make", "number", "plain", "unify"),
    "hooks": ("Hooks", "RunInfo", "hookimpl"),
    "quality.per_event": ("PerEvent",),
    "registry": ("book_checksum",),
    "wire.files": ("decode_batches",),
    "wire.lines.jsonl": ("encode_batch", "rows_of as rows"),
}
COLUMNS = {
    "batch": ("decimal_words", "decimals", "valid"),
    "decimals": ("narrowed",),
    "grouped": (
        "Codes",
        "ForwardFill",
        "GroupKeys",
        "GroupRuns",
        "Groups",
        "Lag",
        "RunningMax",
        "remembered",
    ),
    "mapping.columns.clock": ("WallClock",),
    "mapping.heads": ("CsvHead", "csv_head", "head_of", "json_column", "json_head", "json_row"),
    "mapping.importer": ("Settled", "TableImporter", "row_texts"),
    "mapping.options": ("MappingOptions", "NamedColumns"),
    "mapping.plan": ("TableSample",),
    "mapping.tables": ("opened_table", "table_head"),
    "orderbook.builder": ("BookBuilder", "BooksMade"),
    "orderbook.snapshots": ("BookChecksums",),
    "schema": ("allowed_values", "arrow_schema", "field_names", "kind_of"),
    "wire.files": ("plain_file",),
    "wire.lines.parse": ("LinesParser",),
    "wire.lines.csv_text": ("csv_header", "csv_lines"),
    "wire.lines.text": ("cell_text",),
    "wire.writer": ("packer",),
}
MADE = "# Made by tools/docs.py from the table in tools/door.py: change that one.\n"
DOOR = '''"""The one door for plugin authors: everything a plugin may use, and nothing else.

    from mdc_core.plugin import Stream, Send, Trade, utc

What a plugin does not need, pyarrow, numpy or pluggy for one, is not imported.
"""
'''
PLUMBING = '''"""Columns for those who work on them: not stable, any version of mdc may change them.

    from mdc_core.columns import GroupKeys, decimals

A plugin that can do with `rows` and `number` of `mdc_core.plugin` has a promise instead.
"""
'''


def files(core: Path) -> dict[Path, str]:
    """Both files below the core's folder, and their texts."""
    return {core / "plugin.py": plugin_py(), core / "columns.py": columns_py()}


def plugin_py() -> str:
    """The text of mdc_core/plugin.py."""
    later = {
        name.rpartition(" ")[2]: f"mdc_core.{module}:{name.partition(' ')[0]}"
        for module, names in LATER.items()
        for name in names
    }
    every = [*later, *(name for names in AT_ONCE.values() for name in names)]
    return _tidy(
        "plugin.py",
        DOOR
        + MADE
        + "from importlib import import_module\nfrom typing import TYPE_CHECKING, Any\n"
        + "".join(_imported(module, names) for module, names in AT_ONCE.items())
        + "if TYPE_CHECKING:\n"
        + "".join("    " + _imported(module, names) for module, names in LATER.items())
        + f"_LATER = {later!r}\n"
        + "def __getattr__(name: str) -> Any:\n    if name in _LATER:\n"
        + '        module, _, attribute = _LATER[name].partition(":")\n'
        + "        return getattr(import_module(module), attribute)\n"
        + '    raise AttributeError(f"mdc_core.plugin has no {name!r}")\n'
        + f"__all__ = {sorted(every)!r}\n",
    )


def columns_py() -> str:
    """The text of mdc_core/columns.py."""
    every = [name for names in COLUMNS.values() for name in names]
    lines = "".join(_imported(module, names) for module, names in COLUMNS.items())
    return _tidy("columns.py", PLUMBING + MADE + lines + f"__all__ = {sorted(every)!r}\n")


def _imported(module: str, names: tuple[str, ...] | list[str]) -> str:
    return f"from mdc_core.{module} import {', '.join(names)}\n"


def _tidy(name: str, text: str) -> str:
    """The text in the order and the layout that the project's own checks ask for."""
    where = ["--stdin-filename", f"mdc_core/{name}", "-"]
    for ruff in (["check", "-q", "--fix-only"], ["format", "-q"]):
        command = [sys.executable, "-m", "ruff", *ruff, *where]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        text = done.stdout
    return text
