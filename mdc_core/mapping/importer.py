"""An importer of tables: what its columns are, which rows are wanted, what is set aside."""

from collections.abc import Iterator
from datetime import tzinfo
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pyarrow as pa

from mdc_core.batch import integers
from mdc_core.contracts import BadRow, Importer, ImportRequest
from mdc_core.disk import absent, reason
from mdc_core.errors import DataError, MdcError, TruncatedError, UsageError
from mdc_core.folders import files_below
from mdc_core.mapping.assembling import Assembler, objects_of
from mdc_core.mapping.columns.converting import Array, Reasons
from mdc_core.mapping.guess.guessing import Guess, guessed, symbol_column
from mdc_core.mapping.guess.lacking import completed, likeliest_column, mapped_words
from mdc_core.mapping.guess.looks import looks_of
from mdc_core.mapping.options import FIELDS, MappingOptions, command_of, with_file
from mdc_core.mapping.plan import TablePlan, TableSample, floats_of, planned, symbol_of
from mdc_core.moments import zone_of


class Settled(NamedTuple):
    """How one file is read."""

    options: Any  # of the importer, complete
    plan: TablePlan
    assembler: Assembler


class TableImporter(Importer):
    """A file format of tables: a subclass reads the first rows of a file, and all of them."""

    Options: ClassVar[Any] = MappingOptions
    profile: ClassVar[str]  # the word for it, in commands
    suffixes: ClassVar[tuple[str, ...]] = ()  # of its files in a folder

    def __init__(self, request: ImportRequest, options: Any) -> None:
        super().__init__(request, options)
        self._there = set[str]()  # the fields that any file has

    def sample(self, path: Path, options: Any) -> TableSample:
        """The first rows of a file; raises DataError for what is none of the format."""
        raise NotImplementedError

    def rows(self, path: Path, settled: Settled) -> "Iterator[pa.RecordBatch | BadRow]":
        """The events of a file, and what is none."""
        raise NotImplementedError

    def files(self) -> list[Path]:
        """The files at the path; raises DataError where there is none."""
        path = self.wanted.path
        if not path.exists():
            raise absent(path)
        if not path.is_dir():
            return [path]
        found = sorted(file for file in files_below(path) if file.name.endswith(self.suffixes))
        if not found:
            raise DataError(f"{path}: no {self.suffixes[0]} file in it")
        return found

    def batches(self) -> "Iterator[pa.RecordBatch | BadRow]":
        """The events of the files, file by file, as they stand in them."""
        files = self.files()
        for path in files:
            try:
                settled = self.settled(path)
            except MdcError as error:
                breaks_off = isinstance(error, TruncatedError)
                if not self.wanted.path.is_dir() and not breaks_off:
                    raise
                told = f"{error}; {error.hint}" if error.hint else str(error)
                yield BadRow(b"", str(path), told, breaks_off)
                continue
            yield from self.rows(path, settled)
        lack = self._unasked()
        if self._there and lack:
            hint = self._asking(files[0], lack[0])
            raise UsageError(f"{lack[1]} needs {lack[0]}: no file has it", hint=hint)

    def settled(self, path: Path) -> Settled:
        """How to read a file; raises UsageError, with the command that would, if that is open."""
        options, zone = self.said()
        try:
            sample = self.sample(path, options)
            made = self._made(path, options, sample, zone)
        except TruncatedError:
            raise
        except DataError as error:
            raise DataError(f"{self.name(path)}: {error}", hint=error.hint) from None
        except OSError as error:
            raise DataError(f"{self.name(path)}: cannot be read: {reason(error)}") from None
        certain = self._problem(made, sample)
        problem = certain or self._none_is_read(made, sample)
        if problem is None:
            return made
        guess = self.guess(path, sample)
        if guess.options == options and certain is None:
            return made  # nothing is known that would read it better: its rows are set aside
        if not self.options.yes or guess.lacks:
            raise self.refusal(path, problem, guess)
        return self._made(path, guess.options, self.sample(path, guess.options), zone)

    def settled_as(self, path: Path, options: Any, sample: TableSample) -> Settled:
        """How a file is read with options that are complete."""
        return self._made(path, options, sample, self.said()[1])

    def said(self) -> tuple[Any, tzinfo | None]:
        """The options, with those of a mapping file, and the zone of times without one."""
        options, named = with_file(self.options)
        zone = self.wanted.zone
        return options, zone if zone is not None or named is None else zone_of(named)

    def guess(self, path: Path, sample: TableSample | None = None) -> Guess:
        """What the options leave open, filled in by what the file looks like."""
        options, _ = self.said()
        sample = self.sample(path, options) if sample is None else sample
        named = path if self.wanted.name is None else None
        return guessed(options, sample, named, self._symbol(sample))

    def command(self, path: Path, guess: Guess) -> str:
        """The command that imports a file so; what nobody can guess stands as a word for it."""
        _, zone = self.said()
        symbol = ",".join(self.wanted.symbols)
        words = command_of(
            self.profile, guess.options, self.name(path), symbol, str(zone) if zone else None
        )
        return completed(words, guess.lacks)

    def refusal(self, path: Path, problem: str, guess: Guess) -> UsageError:
        """What is said of a file of which not everything is known."""
        told = "; ".join([problem, *(lack.text for lack in guess.lacks)])
        lack = self._unasked()
        if lack and lack[0] not in guess.options.fields.values():
            return UsageError(f"{self.name(path)}: {told}", hint=self._asking(path, lack[0]))
        return UsageError(f"{self.name(path)}: {told}", hint=self.command(path, guess))

    def _asking(self, path: Path, field: str) -> str:
        """The command that has a column for a field that rows are chosen by."""
        guess = self.guess(path)
        sample = self.sample(path, guess.options)
        taken = {part for name in guess.options.fields for part in (name, *name.split("+"))}
        free = [name for name in sample.columns if name not in taken and name not in FIELDS]
        looks = {name: looks_of(column) for name, column in sample.columns.items()}
        column = likeliest_column(str(guess.options.type), field, free, looks)
        words = self.command(path, guess)
        return words if column is None else f"{words} {mapped_words(column, field)}"

    def name(self, path: Path) -> str:
        """What people call a file."""
        return self.wanted.name or str(path)

    def events(
        self,
        settled: Settled,
        columns: dict[str, Array],
        known: Reasons | None = None,
        rest: Array | None = None,
    ) -> tuple[Any, Reasons]:
        """The events of rows of a file that are wanted, and the rows that are none."""
        batch, reasons = settled.assembler.events(columns, known, rest)
        return (None if batch is None else self._chosen(batch)), reasons

    def _symbol(self, sample: TableSample) -> str | None:
        """The one symbol that is asked for, where no column tells rows of others from it."""
        symbols = self.wanted.symbols
        plain = len(symbols) == 1 and not set("*?[") & set(symbols[0])
        return symbols[0] if plain and symbol_column(sample) is None else None

    def _made(self, path: Path, options: Any, sample: TableSample, zone: tzinfo | None) -> Settled:
        symbol = self._symbol(sample)
        if options.symbol_from is not None and symbol is None:
            symbol = symbol_of(path, options.symbol_from)
        plan = planned(options, sample, symbol)
        self._there.update(plan.fields, plan.constants)
        return Settled(options, plan, Assembler(plan, options, zone))

    def _problem(self, made: Settled, sample: TableSample) -> str | None:
        """What keeps a file from being read as it is settled."""
        plan = made.plan
        missing = plan.missing()
        there = ", ".join(sample.columns)
        if not self.wanted.path.is_dir() and (lack := self._unasked()):
            return f"{lack[1]} needs {lack[0]}: no such column (there are: {there})"
        if missing == ["type"]:
            return f"no column 'type', and no --type (there are: {there})"
        if missing:
            return f"{plan.type} needs {' and '.join(missing)}: no such column (there are: {there})"
        said = made.options.digits_of
        floats = [field for field in floats_of(plan, sample) if field not in said]
        if floats:
            return f"{floats[0]} is a float, which is not exact: how many digits has it?"
        return None

    def _none_is_read(self, made: Settled, sample: TableSample) -> str | None:
        """What is said of a file of which no row of the first ones is an event."""
        _, reasons = made.assembler.events(sample.columns)
        if sample.rows and len(reasons) == sample.rows:
            return f"none of the first rows is an event: {reasons[0]}"
        return None

    def _unasked(self) -> tuple[str, str] | None:
        """A field that rows are chosen by and that no column of any file is; and who asks."""
        wanted = self.wanted
        asked = {"symbol": "--symbol"} if wanted.symbols else {}
        if wanted.start is not None or wanted.end is not None:
            asked["ts_event"] = "--to" if wanted.start is None else "--from"
        return next((pair for pair in asked.items() if pair[0] not in self._there), None)

    def _chosen(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of the symbols and the times that were asked for."""
        wanted = self.wanted
        if wanted.symbols:
            encoded: Any = batch.column("symbol").dictionary_encode()
            there = [
                any(map(partial(_is, s), wanted.symbols)) for s in encoded.dictionary.to_pylist()
            ]
            chosen: Any = pa.array(there, pa.bool_()).take(encoded.indices).fill_null(False)
            batch = batch.filter(chosen)
        if wanted.start is not None or wanted.end is not None:
            times, known = integers(batch, "ts_event")
            if wanted.start is not None:
                known &= times >= wanted.start
            if wanted.end is not None:
                known &= times < wanted.end
            batch = batch.filter(pa.array(known))
        return batch


def _is(symbol: str, wanted: str) -> bool:
    """Whether a symbol is the one that is wanted, or one of a pattern."""
    return symbol == wanted or fnmatchcase(symbol, wanted)


def row_texts(columns: dict[str, Array], rows: list[int]) -> dict[int, bytes]:
    """Some rows of a table as JSON, to be set aside."""
    where = pa.array(rows, pa.int64())
    texts = objects_of({name: column.take(where) for name, column in columns.items()})
    return dict(zip(rows, (str(text or "{}").encode() for text in texts.to_pylist()), strict=True))
