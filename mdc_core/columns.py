"""Columns for those who work on them: not stable, any version of mdc may change them.

    from mdc_core.columns import GroupKeys, decimals

A plugin that can do with `rows` and `number` of `mdc_core.plugin` has a promise instead.
"""

# Made by tools/docs.py from the table in tools/door.py: change that one.
from mdc_core.batch import decimal_words, decimals, valid
from mdc_core.decimals import narrowed
from mdc_core.grouped import (
    Codes,
    ForwardFill,
    GroupKeys,
    GroupRuns,
    Groups,
    Lag,
    RunningMax,
    remembered,
)
from mdc_core.mapping.columns.clock import WallClock
from mdc_core.mapping.heads import CsvHead, csv_head, head_of, json_column, json_head, json_row
from mdc_core.mapping.importer import Settled, TableImporter, row_texts
from mdc_core.mapping.options import MappingOptions, NamedColumns
from mdc_core.mapping.plan import TableSample
from mdc_core.mapping.tables import opened_table, table_head
from mdc_core.orderbook.builder import BookBuilder, BooksMade
from mdc_core.orderbook.snapshots import BookChecksums
from mdc_core.schema import allowed_values, arrow_schema, field_names, kind_of
from mdc_core.wire.files import plain_file
from mdc_core.wire.lines.csv_text import csv_header, csv_lines
from mdc_core.wire.lines.parse import LinesParser
from mdc_core.wire.lines.text import cell_text
from mdc_core.wire.writer import packer

__all__ = [
    "BookBuilder",
    "BookChecksums",
    "BooksMade",
    "Codes",
    "CsvHead",
    "ForwardFill",
    "GroupKeys",
    "GroupRuns",
    "Groups",
    "Lag",
    "LinesParser",
    "MappingOptions",
    "NamedColumns",
    "RunningMax",
    "Settled",
    "TableImporter",
    "TableSample",
    "WallClock",
    "allowed_values",
    "arrow_schema",
    "cell_text",
    "csv_head",
    "csv_header",
    "csv_lines",
    "decimal_words",
    "decimals",
    "field_names",
    "head_of",
    "json_column",
    "json_head",
    "json_row",
    "kind_of",
    "narrowed",
    "opened_table",
    "packer",
    "plain_file",
    "remembered",
    "row_texts",
    "table_head",
    "valid",
]
