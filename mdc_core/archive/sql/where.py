"""What the WHERE of a query says of symbols and times, so that no other parts are looked at.

DuckDB parses the query; its tree tells which tables are named, and by which comparisons with
constants each is limited. What is not understood limits nothing, so the worst that can happen
is that more is read than had to be: the query itself is still answered by DuckDB.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from mdc_core.archive.catalog.query import Query
from mdc_core.archive.sql.tree import Ask, Tree, parsed

_DAY = 86_400_000_000_000
_FLIPPED = {
    "COMPARE_EQUAL": "COMPARE_EQUAL",
    "COMPARE_LESSTHAN": "COMPARE_GREATERTHAN",
    "COMPARE_GREATERTHAN": "COMPARE_LESSTHAN",
    "COMPARE_LESSTHANOREQUALTO": "COMPARE_GREATERTHANOREQUALTO",
    "COMPARE_GREATERTHANOREQUALTO": "COMPARE_LESSTHANOREQUALTO",
}
_CONSTANT = {"CONSTANT", "CAST", "FUNCTION", "TYPE"}
_FUNCTIONS = {
    "+",
    "-",
    "trunc",
    "to_years",
    "to_months",
    "to_weeks",
    "to_days",
    "to_hours",
    "to_minutes",
    "to_seconds",
    "to_milliseconds",
    "to_microseconds",
    "make_date",
    "make_timestamp",
    "make_timestamp_ns",
    "date_trunc",
}
_HARMLESS = {"unnest", "range", "generate_series"}  # table functions that read no table of ours


class Comparison(NamedTuple):
    """A column (its names, `day` if it is cast to a date) and what it is compared with."""

    column: tuple[str, ...]
    day: bool
    low: Tree | None
    high: Tree | None
    among: list[Tree]
    below: bool = False  # `high` itself is excluded


def limits_of(ask: Ask, sql: str) -> dict[str, Query] | None:
    """What each table that a query names is limited to; None if the query does not tell."""
    tree = parsed(ask, sql)
    if tree.get("error", True):
        return None
    found = _Named(ask)
    found.visit(tree["statements"])
    return None if found.hidden else {k: either(v) for k, v in found.queries.items()}


class _Named:
    """The tables that are named in a query, each time with its limits."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.queries: dict[str, list[Query]] = {}
        self.hidden = False  # something may read tables that it does not name
        self._done: set[int] = set()

    def visit(self, node: Any) -> None:
        """Look at everything in a tree."""
        if isinstance(node, list):
            for item in node:
                self.visit(item)
        elif isinstance(node, dict):
            if node.get("type") == "SELECT_NODE":
                self._select(node)
            elif node.get("type") == "TABLE_FUNCTION":
                function = node.get("function") or {}
                self.hidden |= function.get("function_name") not in _HARMLESS
            elif node.get("type") == "BASE_TABLE" and id(node) not in self._done:
                self._add(node, Query())
            for item in node.values():
                self.visit(item)

    def _add(self, table: Tree, query: Query) -> None:
        self._done.add(id(table))
        self.queries.setdefault(str(table.get("table_name")).lower(), []).append(query)

    def _select(self, node: Tree) -> None:
        tables = list(_plain_tables(node.get("from_table")))
        comparisons = list(_comparisons(node.get("where_clause")))
        for table in filter(None, tables):
            alias = str(table.get("alias") or table.get("table_name")).lower()
            mine = [
                c
                for c in comparisons
                if c.column[:-1] == (alias,) or (len(c.column) == 1 and len(tables) == 1)
            ]
            self._add(table, self._limits(mine))

    def _limits(self, comparisons: list[Comparison]) -> Query:
        """All comparisons of one table with its symbol and its event time together."""
        symbols: list[frozenset[str]] = []
        starts, ends = [], []
        for one in comparisons:
            if one.column[-1] == "symbol" and one.among and not one.day:
                texts = self._values(one.among, "CASE typeof({x}) WHEN 'VARCHAR' THEN {x} END")
                if all(texts):
                    symbols.append(frozenset(texts))
            elif one.column[-1] == "ts_event":
                start, end = self._span(one)
                starts += [] if start is None else [start]
                ends += [] if end is None else [end]
        chosen = frozenset.intersection(*symbols) if symbols else frozenset[str]()
        chosen = chosen or next(iter(symbols), chosen)  # two exclude each other: any will do
        return Query(tuple(sorted(chosen)), (), max(starts, default=None), min(ends, default=None))

    def _span(self, one: Comparison) -> tuple[int | None, int | None]:
        """[start, end) of what a comparison lets pass."""
        moment = "{x}::DATE::TIMESTAMP" if one.day else "{x}"
        asked = [tree for tree in (one.low, one.high) if tree is not None]
        found = self._values(asked, f"epoch_ns(TRY_CAST({moment} AS TIMESTAMPTZ_NS))")
        low = found[0] if one.low is not None else None
        high = found[-1] if one.high is not None else None
        if high is not None and not one.below:
            high += _DAY if one.day else 1
        return low, high

    def _values(self, trees: list[Tree], expression: str) -> list[Any]:
        """What an expression makes of each constant; None for all if one is not constant."""
        if not trees or not _is_constant(trees):
            return [None] * len(trees)
        select = msgspec.json.decode(self.ask("SELECT json_serialize_sql('SELECT 1')", [])[0])
        select["statements"][0]["node"]["select_list"] = trees
        (sql,) = self.ask("SELECT json_deserialize_sql(?)", [msgspec.json.encode(select).decode()])
        names = [f"x{number}" for number in range(len(trees))]
        values = ", ".join(expression.format(x=name) for name in names)
        return list(self.ask(f"SELECT {values} FROM ({sql}) AS given({', '.join(names)})", []))


def _plain_tables(node: Tree | None) -> Iterator[Tree | None]:
    """The tables of a FROM for which WHERE can be applied before they are joined."""
    if node is None:
        return
    if node.get("type") == "BASE_TABLE":
        yield node
    elif (
        node.get("type") == "JOIN"
        and node.get("join_type") == "INNER"
        and node.get("ref_type") in ("REGULAR", "CROSS")
    ):
        yield from _plain_tables(node.get("left"))
        yield from _plain_tables(node.get("right"))
    else:
        yield None  # something else: a column without a table's name may be its


def _comparisons(node: Tree | None) -> Iterator[Comparison]:
    """The comparisons of columns with something, all of which must hold."""
    kind = (node or {}).get("type")
    if node is None:
        return
    if kind == "CONJUNCTION_AND":
        for child in node.get("children", []):
            yield from _comparisons(child)
    elif kind in _FLIPPED:
        yield from _compared(str(kind), node.get("left"), node.get("right"))
        yield from _compared(_FLIPPED[str(kind)], node.get("right"), node.get("left"))
    elif kind == "COMPARE_BETWEEN":
        column = _column(node.get("input"))
        if column:
            yield Comparison(*column, node.get("lower"), node.get("upper"), [])
    elif kind == "COMPARE_IN":
        first, *others = node.get("children", [None])
        column = _column(first)
        if column and others:
            yield Comparison(*column, None, None, others)


def _compared(kind: str, left: Tree | None, right: Tree | None) -> Iterator[Comparison]:
    column = _column(left)
    if column is None or right is None:
        return
    equal = kind == "COMPARE_EQUAL"
    low = right if equal or "GREATER" in kind else None
    high = right if equal or "LESS" in kind else None
    below = kind == "COMPARE_LESSTHAN"
    yield Comparison(*column, low, high, [right] if equal else [], below)


def _column(node: Tree | None) -> tuple[tuple[str, ...], bool] | None:
    """The names of a column, and whether it is cast to a date."""
    day = False
    if node and node.get("class") == "CAST":
        kind = node.get("type_expr") or node.get("cast_type") or {}
        name = str(kind.get("type_name") or kind.get("id")).upper()
        day, node = name == "DATE", node.get("child") if name == "DATE" else None
    if not node or node.get("class") != "COLUMN_REF":
        return None
    return tuple(str(name).lower() for name in node.get("column_names", [])), day


def _is_constant(node: Any) -> bool:
    """Whether a tree says the same at any time and for any row."""
    if isinstance(node, list):
        return all(map(_is_constant, node))
    if not isinstance(node, dict):
        return True
    kind = node.get("class")
    if kind is not None and kind not in _CONSTANT:
        return False
    if kind == "FUNCTION" and node.get("function_name") not in _FUNCTIONS:
        return False
    return all(map(_is_constant, node.values()))


def either(queries: list[Query]) -> Query:
    """What is wanted by one query or by another."""
    starts = [query.start for query in queries]
    ends = [query.end for query in queries]
    symbols: set[str] = set()
    if all(query.symbols for query in queries):
        symbols.update(*(query.symbols for query in queries))
    return Query(
        tuple(sorted(symbols)),
        (),
        None if None in starts else min(s for s in starts if s is not None),
        None if None in ends else max(e for e in ends if e is not None),
    )
