"""Times in SQL: what DuckDB lacks for TIMESTAMPTZ_NS, and what it would get wrong in silence.

The columns are TIMESTAMPTZ_NS, as DuckDB reads them from the Parquet files: compared with text
that has an offset or a zone, AT TIME ZONE and casts are right to the nanosecond. Many functions
do not take that type, and by way of others they round, so that the last nanosecond of a day is
in the next. Those here take it and round nothing up.
"""

import re
from collections.abc import Iterator
from typing import Any

from mdc_core.archive.sql.tree import Ask, nodes, parsed
from mdc_core.errors import UsageError

_WORD = re.compile(r"\w+")

# The microsecond in which a time is: before 1970 as well.
_FLOOR = "make_timestamp((epoch_ns(t) - (epoch_ns(t) % 1000 + 1000) % 1000) // 1000)"
# What could be taken for it, and last all else.
_OTHERS = ("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S", "TIMESTAMPTZ", "DATE", "")
_OF_A_TIME = """
century day dayname dayofmonth dayofweek dayofyear decade epoch epoch_ms epoch_us era hour isodow
isoyear julian last_day microsecond millennium millisecond minute month monthname quarter second
week weekday weekofyear year yearweek
"""
# What stands before and behind the time, in each form of a function.
_FUNCTIONS = {name: [("", "")] for name in _OF_A_TIME.split()}
_OF_A_PART = ("date_part", "datepart", "date_trunc", "datetrunc")
_FUNCTIONS |= {name: [("part, ", "")] for name in _OF_A_PART}
_FUNCTIONS["time_bucket"] = [("width, ", ""), ("width, ", ", origin")]
_TIMES = {"date_trunc", "datetrunc", "time_bucket"}  # what they give is a time again
_BOTH = "SELECT epoch_ns(TRY_CAST($1 AS TIMESTAMP_NS)), epoch_ns(TRY_CAST($1 AS TIMESTAMPTZ_NS))"
_WITHOUT_ZONE = {"TIMESTAMP", "DATETIME", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_US"}
_WITHOUT_ZONE |= {"TIMESTAMP_NS"}


def macros(sql: str) -> Iterator[str]:
    """The functions that a statement may call and that take TIMESTAMPTZ_NS, as statements."""
    words = set(_WORD.findall(sql.lower()))
    if "extract" in words:
        words.add("date_part")
    for name, shapes in _FUNCTIONS.items():
        if name in words:
            yield _macro(name, shapes)


def _macro(name: str, shapes: list[tuple[str, str]]) -> str:
    back = "::TIMESTAMPTZ_NS" if name in _TIMES else ""
    forms = []
    for before, behind in shapes:
        own = f"system.main.{name}({before}{{}}{behind})"
        forms.append(f"({before}t TIMESTAMPTZ_NS{behind}) AS {own.format(_FLOOR)}{back}")
        forms += [f"({before}t {kind}{behind}) AS {own.format('t')}" for kind in _OTHERS]
    return f"CREATE OR REPLACE MACRO {name} {', '.join(forms)}"


def check_times(ask: Ask, sql: str) -> None:
    """Raise UsageError for what would be wrong in silence.

    A cast leaves the offset or zone of a text out. Behind %n, strftime writes what is in
    DuckDB's memory, and fewer digits.
    """
    for node in nodes(parsed(ask, sql)):
        if node.get("class") == "CAST":
            kind = str((node.get("type_expr") or {}).get("type_name")).upper()
            for text in _texts([node.get("child")] if kind in _WITHOUT_ZONE else []):
                without, right = ask(_BOTH, [text])
                if without is not None and without != right:
                    said = f"'{text}' as {kind} would lose its offset"
                    raise UsageError(said, hint=f"TIMESTAMPTZ_NS '{text}'")
        elif str(node.get("function_name")).lower() == "strftime":
            given = [one.get("expression") for one in node.get("arguments") or []]
            for text in _texts(given):
                if "%n" in text.replace("%%", "__")[:-2]:
                    said = f"'{text}': DuckDB is wrong about what comes behind %n"
                    raise UsageError(said, hint="strftime(..., '%n') || strftime(..., the rest)")


def _texts(nodes: list[Any]) -> Iterator[str]:
    """The texts among some nodes."""
    for node in nodes:
        literal = (node or {}).get("literal") or {}
        if literal.get("kind") == "STRING":
            yield str(literal["text"])


def hint_of(error: str) -> str | None:
    """What works, where DuckDB has nothing for TIMESTAMPTZ_NS."""
    if "TIMESTAMPTZ_NS" not in error:
        return None
    if "explicit cast" in error and "No function" not in error:
        return "CAST(... AS TIMESTAMPTZ_NS), such as CAST(now() AS TIMESTAMPTZ_NS)"
    return (
        "(ts_event AT TIME ZONE 'UTC') is a TIMESTAMP_NS, which DuckDB rounds to microseconds;"
        " epoch_ns(ts_event) is exact"
    )
