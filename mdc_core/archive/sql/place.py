"""The place of a row, a column for those who name it: what `*` stands for leaves it out.

DuckDB has no hidden columns for tables of Arrow. So that the rows of `SELECT * ... ORDER BY row`
are events, each `*` over tables of the archive alone is given the words that say so.
"""

import re
from collections.abc import Iterator
from typing import Any

from mdc_core.archive.sql.reading import PLACE
from mdc_core.archive.sql.tree import Ask, Tree, nodes, parsed
from mdc_core.events import EVENT_TYPES

_NAMED = re.compile(rf"\b{PLACE}\b", re.IGNORECASE)
_CHOSEN = re.compile(rb"\s*(NOT|I?LIKE|SIMILAR|GLOB)\b", re.IGNORECASE)


def names_place(sql: str) -> bool:
    """Whether a statement may name the place of a row."""
    return bool(_NAMED.search(sql))


def without_place(ask: Ask, sql: str) -> str:
    """The statement, with each `*` over tables of the archive leaving out the place."""
    text = sql.encode()
    for star in sorted(_stars(parsed(ask, sql)), key=_end, reverse=True):
        end = _end(star)
        if not star["exclude_list"] and not _CHOSEN.match(text[end:]):
            text = text[:end] + f" EXCLUDE ({PLACE})".encode() + text[end:]
        elif PLACE not in star["exclude_list"] and text[:end].endswith(b")"):
            text = text[: end - 1] + f", {PLACE}".encode() + text[end - 1 :]
    return text.decode()


def _end(star: Tree) -> int:
    return int(star["query_location"]) + int(star["query_location_length"])


def _stars(tree: Tree) -> Iterator[Tree]:
    """Each `*` that stands for columns of the archive's tables, and has a place in the text."""
    every = list(nodes(tree))
    own = {
        str(name.get("key")).lower()
        for node in every
        for name in (node.get("cte_map") or {}).get("map", [])
    }
    for node in every:
        tables = dict(_tables(node.get("from_table"), own))
        for item in node.get("select_list") or []:
            plain = item.get("class") == "STAR" and not (item["columns"] or item["replace_list"])
            if plain and not item["rename_list"] and item["query_location_length"]:
                name = str(item["relation_name"]).lower()
                if tables.get(name) if name else tables and all(tables.values()):
                    yield item


def _tables(node: Any, own: set[str]) -> Iterator[tuple[str, bool]]:
    """The tables of a FROM by the names that they have there, and whether each is an archive's."""
    if not node or node.get("type") == "EMPTY":
        return
    if node.get("type") == "JOIN":
        yield from _tables(node.get("left"), own)
        yield from _tables(node.get("right"), own)
        return
    table = str(node.get("table_name")).lower()
    known = node.get("type") == "BASE_TABLE" and table in EVENT_TYPES and table not in own
    yield str(node.get("alias") or table).lower(), known
