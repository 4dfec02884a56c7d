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
from mdc_core.schema import allowed_values, arrow_schema, field_names, kind_of
from mdc_core.wire.files import plain_file
from mdc_core.wire.lines.parse import LinesParser
from mdc_core.wire.lines.text import cell_text
from mdc_core.wire.writer import packer

__all__ = [
    "Codes",
    "ForwardFill",
    "GroupKeys",
    "GroupRuns",
    "Groups",
    "Lag",
    "LinesParser",
    "RunningMax",
    "allowed_values",
    "arrow_schema",
    "cell_text",
    "decimal_words",
    "decimals",
    "field_names",
    "kind_of",
    "narrowed",
    "packer",
    "plain_file",
    "remembered",
    "valid",
]
