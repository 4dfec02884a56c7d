"""A statement as DuckDB parses it, without running it."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

Ask = Callable[[str, list[Any]], tuple[Any, ...]]
Tree = dict[str, Any]


def parsed(ask: Ask, sql: str) -> Tree:
    """The tree of a statement; `error` is true in it for what is no SELECT."""
    tree: Tree = msgspec.json.decode(ask("SELECT json_serialize_sql(?)", [sql])[0])
    return tree


def nodes(tree: Any) -> Iterator[Tree]:
    """All objects in a tree."""
    if isinstance(tree, list):
        for item in tree:
            yield from nodes(item)
    elif isinstance(tree, dict):
        yield tree
        for item in tree.values():
            yield from nodes(item)
