"""A plugin that was chosen for a stage."""

from typing import Any, NamedTuple


class Chosen(NamedTuple):
    """A plugin, and its options."""

    name: str
    plugin: Any
    options: Any
