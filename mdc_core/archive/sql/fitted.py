"""The types that the decimals of a statement's tables have: which were measured, and when."""

import pyarrow as pa

from mdc_core.archive.sql.reading import Reading
from mdc_core.archive.sql.views import EventsView, View
from mdc_core.archive.sql.widths import least, numbers_of
from mdc_core.errors import DataError
from mdc_core.schema import arrow_schema


class Fitted:
    """The event types that one statement reads, as tables: with decimal(18, 9) to begin with."""

    def __init__(self, reading: Reading) -> None:
        self.placed = False  # whether there is a column for the place of a row
        self._reading = reading
        self._types: dict[str, dict[str, pa.DataType]] = {}
        self._scanned: dict[str, dict[str, None]] = {}  # in the order in which scans began

    def view(self, type_name: str) -> View:
        """The table of an event type."""
        columns = self._types.setdefault(type_name, {})
        decimals = _decimals(type_name)

        def scanned(names: list[str]) -> None:
            found = self._scanned.setdefault(type_name, {})
            found.update(dict.fromkeys(name for name in names if name in decimals))

        return View(EventsView(self._reading, type_name, dict(columns), self.placed), scanned)

    def left(self, *, every: bool) -> dict[str, list[str]]:
        """The columns that are read and not measured: of all types, or of what is too fine."""
        return {
            name: left
            for name, columns in self._read().items()
            if (every or name == self._reading.too_fine)
            and (left := [column for column in columns if column not in self._types[name]])
        }

    def _read(self) -> dict[str, dict[str, None]]:
        """The columns that were scanned; what was refused before may read all that it names."""
        every = {name: dict.fromkeys(_decimals(name)) for name in self._reading.named()}
        return self._scanned or {name: columns for name, columns in every.items() if columns}

    def measure(self, *, every: bool) -> bool:
        """Measure what is left; whether there was any, so that it is worth to begin again."""
        if self._reading.problem is not None:
            return False
        left = self.left(every=every)
        self._reading.too_fine = None
        for name, columns in left.items():
            self._measure(name, columns)
        return bool(left)

    def measure_all(self) -> None:
        """Measure all decimals of the tables that the statement may read."""
        for name in self._reading.named():
            self._measure(name, list(_decimals(name)))

    def _measure(self, type_name: str, names: list[str]) -> None:
        every = arrow_schema(frozenset([type_name]))
        view = EventsView(
            self._reading, type_name, dict(zip(every.names, every.types, strict=True))
        )
        try:
            found = least(pa.schema(list(map(every.field, names))), view.batches(names, None))
        except (pa.ArrowException, OSError):
            raise self._reading.problem or DataError(
                f"cannot read the {type_name} events"
            ) from None
        self._types.setdefault(type_name, {}).update(found)

    def inexact(self) -> str | None:
        """What to say where not even the least decimals leave room for a result."""
        numbers = dict.fromkeys(
            number
            for type_name, columns in self._read().items()
            for name in columns
            for number in _decimals(type_name)[name]
        )
        casts = ", ".join(f"CAST({number} AS DOUBLE)" for number in numbers)
        return f"the result has more than 38 digits; the first 15 or so: {casts}" if casts else None


def _decimals(type_name: str) -> dict[str, list[str]]:
    """The columns of an event type with decimals, and each of these as SQL names it."""
    every = arrow_schema(frozenset([type_name]))
    found = {field.name: list(numbers_of(field.type, field.name)) for field in every}
    return {name: numbers for name, numbers in found.items() if numbers}
