"""SQL over an archive: DuckDB in memory, one table for each event type, read only.

DuckDB itself opens no file: it is given rows, and has no right to anything else.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from mdc_core.archive.catalog.query import Query
from mdc_core.archive.sql.fitted import Fitted
from mdc_core.archive.sql.place import names_place, without_place
from mdc_core.archive.sql.reading import PARTS_NAME, Reading, Seen
from mdc_core.archive.sql.times import check_times, hint_of, macros
from mdc_core.archive.sql.views import Parts, View
from mdc_core.archive.sql.where import limits_of
from mdc_core.archive.write.archive import Archive
from mdc_core.errors import ConfigError, DataError, MdcError, UsageError
from mdc_core.events import CONTROL_TYPES, EVENT_TYPES
from mdc_core.texts import typed
from mdc_core.wire.stdout import reserved

TABLES = (*(name for name in EVENT_TYPES if name not in CONTROL_TYPES), PARTS_NAME)
_READS = {"SELECT", "EXPLAIN", "MULTI"}  # MULTI: what PIVOT is made into
# They have no exact form in Arrow.
_NO_ARROW = {"BIT", "BIGNUM", "VARINT", "TIME WITH TIME ZONE", "UNION", "UHUGEINT", "VARIANT"}
_CLOSED = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\w*)\$.*?\$\1\$|--[^\n]*(?=\n)|"
    r"/\*.*?\*/",
    re.DOTALL,
)
_COMMENT = re.compile(r"--[^\n]*\n|/\*.*?\*/", re.DOTALL)
_OTHER_FILE = re.compile(r'Cannot access file "(.*?)" - file system operations are disabled')
_CANDIDATES = re.compile(r"\s+Candidate (functions|macros):.*", re.DOTALL)  # pages of them
_OPEN = re.compile(r"'|\"|\$\w*\$|--|/\*")
T = TypeVar("T")


class Result:
    """What a statement gives: rows in batches, with bounded memory; close what is not read."""

    def __init__(self, schema: pa.Schema, batches: Generator[pa.RecordBatch, None, None]) -> None:
        self.schema = schema
        self.batches = batches


class Database:
    """DuckDB with an archive in it; use it in a `with`.

    `chosen` limits what there is to be seen; `wide` measures decimals before the first row.
    """

    tables = TABLES

    def __init__(self, root: str | Path, chosen: Query | None = None, wide: bool = False) -> None:
        self._duckdb = _duckdb()
        # What comes while a result is read has passed through Arrow.
        self._errors = (self._duckdb.Error, OSError, pa.ArrowException)
        self.archive = Archive.open(root)
        self._chosen = chosen or Query()
        self._wide = wide
        self.seen = Seen()  # of the statement at hand
        self._spill = tempfile.mkdtemp(prefix="mdc-query-")
        self._worker = ThreadPoolExecutor(1)  # so that Ctrl-C reaches us while DuckDB works
        self._db = self._duckdb.connect(":memory:", config=self._config())
        for setting in ("TimeZone = 'UTC'", "lock_configuration = true"):
            self._db.execute(f"SET {setting}")

    def _config(self) -> dict[str, Any]:
        return {
            "enable_external_access": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
            "temp_directory": self._spill,
        }

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        self._db.interrupt()
        self._worker.shutdown()
        self._db.close()
        self.archive.close()
        shutil.rmtree(self._spill, ignore_errors=True)

    def statements(self, text: str) -> list[str]:
        """The statements in a text; raises UsageError where there is no sense in it."""
        try:
            found = self._db.extract_statements(text)
        except self._duckdb.Error as error:
            raise UsageError(_said(error)) from None
        for statement in found:
            if statement.type.name not in _READS:
                kind = statement.type.name.replace("_", " ")
                raise UsageError(f"{kind} is refused: SQL only reads here", hint="SELECT ...")
        return [statement.query for statement in found]

    def run(self, sql: str) -> Result:
        """What one statement gives; raises UsageError for what is wrong with it.

        The archive is looked at anew. The place of a row is a column if the statement names it
        and has no other of that name. If the statement meets decimals that its tables cannot
        hold, or products that have no room, it begins again with the columns that it scans
        measured; that must show before its first rows, else it is an error.
        """
        for macro in macros(sql):
            self._db.execute(macro)
        self.seen = Seen()
        reading = Reading(self.archive, self._chosen, self._limits(sql), self.seen)
        fitted = Fitted(reading)
        if self._wide:
            fitted.measure_all()
        while True:
            try:
                rows = self._begin(sql, reading, fitted)
                first = self._apart(next, rows, None)
            except self._errors as error:
                unbound = isinstance(error, self._duckdb.BinderException)
                if unbound and names_place(sql) and not fitted.placed:
                    fitted.placed = True
                    sql = self._without_place(sql)
                elif not fitted.measure(every=self._is_tight(error)):
                    raise self._explained(sql, error, reading, fitted) from None
                continue
            return Result(rows.schema, self._rest(sql, first, rows, reading, fitted))

    def _begin(self, sql: str, reading: Reading, fitted: Fitted) -> "_Rows":
        for name in TABLES:
            if name == PARTS_NAME:
                self._db.register(name, View(Parts(reading)))
            else:
                self._db.register(name, fitted.view(name))
        return self._apart(lambda: _Rows(self._db.sql(sql)))

    def _rest(
        self,
        sql: str,
        first: pa.RecordBatch | None,
        rows: "_Rows",
        reading: Reading,
        fitted: Fitted,
    ) -> Generator[pa.RecordBatch, None, None]:
        batch = first
        try:
            while batch is not None:
                yield batch
                batch = self._apart(next, rows, None)
        except self._errors as error:
            raise self._explained(sql, error, reading, fitted) from None
        finally:
            rows.close()

    def _without_place(self, sql: str) -> str:
        with suppress(self._duckdb.Error):
            return without_place(self._ask, sql)
        return sql

    def _is_tight(self, error: Exception) -> bool:
        """Whether decimals of fewer digits may help: sums of them are HUGEINT to DuckDB."""
        overflow = isinstance(error, self._duckdb.OutOfRangeException)
        return overflow and ("DECIMAL" in str(error) or "HUGEINT" in str(error))

    def _limits(self, sql: str) -> dict[str, Query] | None:
        with suppress(self._duckdb.Error):  # then it is as good as if nothing were said
            check_times(self._ask, sql)
            return limits_of(self._ask, sql)
        return None

    def _ask(self, question: str, values: list[Any]) -> tuple[Any, ...]:
        answer: tuple[Any, ...] = self._db.execute(question, values).fetchall()[0]
        return answer

    def _apart(self, work: Callable[..., T], *given: Any) -> T:
        """Let DuckDB work, and stop it if we are stopped.

        Its threads read the parts; what a format prints there is no answer of ours.
        """
        with reserved():
            future = self._worker.submit(work, *given)
            try:
                return future.result()
            except KeyboardInterrupt:
                self._db.interrupt()
                future.exception()
                raise

    def _explained(self, sql: str, error: Exception, reading: Reading, fitted: Fitted) -> MdcError:
        """The error that it is for us."""
        if reading.problem is not None:
            return reading.problem
        if reading.too_fine is not None:
            return DataError(
                f"{reading.too_fine} events with numbers that decimal(18, 9) cannot hold"
                " came after the first rows",
                hint="--wide",
            )
        hint = hint_of(str(error))
        if self._is_tight(error):
            hint = "--wide" if fitted.left(every=True) else fitted.inexact()
        if file := _OTHER_FILE.search(str(error)):
            text = f"SQL reads only the archive, not the file {file[1]}"
            return UsageError(text, hint=_ways(file[1]))
        return UsageError(_said(self._located(sql, error)), hint=hint)

    def _located(self, sql: str, error: Exception) -> Exception:
        """The error with the place in the statement, which DuckDB tells when it only plans."""
        try:
            self._db.execute(f"EXPLAIN {sql}").fetchall()
        except self._duckdb.Error as again:
            if "LINE " in str(again) and type(again) is type(error):
                return again
        return error


class _Rows:
    """The rows of a statement that has begun."""

    def __init__(self, relation: Any) -> None:
        for name, kind in zip(relation.columns, relation.types, strict=True):
            if str(kind).partition("(")[0] in _NO_ARROW:
                text = f"column {name} is a {kind}, which has no exact form here"
                raise UsageError(text, hint="CAST(... AS VARCHAR)")
        self._reader = pa.RecordBatchReader.from_stream(relation)
        self.schema = self._reader.schema

    def close(self) -> None:
        """Let go of what was not read."""
        self._reader.close()

    def __iter__(self) -> "_Rows":
        return self

    def __next__(self) -> pa.RecordBatch:
        return self._reader.read_next_batch()


def is_complete(text: str) -> bool:
    """Whether a text ends with the end of a statement, not within a string or a comment."""
    rest = _CLOSED.sub(" ", text + "\n")
    return _OPEN.search(rest) is None and rest.rstrip().endswith(";")


def is_silent(text: str) -> bool:
    """Whether a text has nothing but comments."""
    return not _COMMENT.sub("", text + "\n").strip()


def _duckdb() -> Any:
    try:
        import duckdb
    except ModuleNotFoundError:
        hint = "pip install 'market-data-collector[duckdb]'"
        raise ConfigError("SQL needs duckdb", hint=hint) from None
    return duckdb


def _ways(name: str) -> str:
    """How a file that is not in the archive can be queried."""
    add = f"{typed('import', name)} | mdc store --root ARCHIVE"
    return f"add it to an archive: {add}; or use DuckDB itself: duckdb -c 'SELECT ...'"


def _said(error: Exception) -> str:
    """What DuckDB says, on one line: the kind of error, what, and where."""
    text, _, place = str(error).partition("\n\nLINE ")
    said = " ".join(_CANDIDATES.sub("", text).split())
    if not place:
        return said
    shown, _, marks = place.partition("\n")
    number, _, text = shown.partition(":")
    at = text[max(marks.find("^") - len(f"LINE {number}:"), 0) :].strip()
    return f"{said} (line {number}, at: {at[:60]})"
