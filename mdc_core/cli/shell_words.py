"""What TAB offers in `mdc shell`: commands, tables, columns and words of SQL."""

from collections.abc import Callable, Iterable, Sequence

from mdc_core.events import EVENT_TYPES

SQL = """
all and as asc between by case cast count desc describe distinct else end explain false from group
having in intersect interval is join left like limit not null offset on or order over partition
pivot qualify select summarize then true union using values when where window with
"""


class ShellWords:
    """The words that fit; columns are those of the tables that are named, else of all events."""

    def __init__(
        self,
        commands: Sequence[str],
        modes: Sequence[str],
        tables: Sequence[str],
        columns: Callable[[str], Iterable[str]],
    ) -> None:
        self._commands, self._modes, self._tables = commands, modes, tables
        self._columns = columns
        self._known: dict[str, list[str]] = {}

    def fitting(self, statement: str, word: str) -> list[str]:
        """What may stand in the place of a word, behind what was typed of a statement."""
        before = statement.split()
        if word and before and before[-1] == word:
            before.pop()
        if not before and word.startswith("."):
            return [name for name in self._commands if name.startswith(word)]
        if before[:1] == [".mode"]:
            return [mode for mode in self._modes if mode.startswith(word)]
        offered = list(self._tables)
        if before[:1] != [".schema"]:
            offered += [*self._of(before), *(SQL.upper() if word.isupper() else SQL).split()]
        return [one for one in dict.fromkeys(offered) if one.startswith(word)]

    def _of(self, words: list[str]) -> list[str]:
        named = [word.strip(",;()") for word in words]
        tables = [name for name in named if name in self._tables]
        for table in tables:
            if table not in self._known:
                self._known[table] = list(self._columns(table))
        every = (name for kind in EVENT_TYPES.values() for name in kind.__struct_fields__)
        return [name for table in tables for name in self._known[table]] or sorted({*every})
