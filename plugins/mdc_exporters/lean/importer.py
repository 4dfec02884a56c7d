"""Lean's data folder: ticks and trade bars of stocks, crypto, currencies and indices."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
from msgspec import Meta

from mdc_core.columns import WallClock
from mdc_core.plugin import (
    BadRow,
    DataError,
    Importer,
    ImportRequest,
    NothingFoundError,
    Options,
    UsageError,
)
from mdc_exporters.lean.clock import Clocks
from mdc_exporters.lean.columns import Packing
from mdc_exporters.lean.files import SKIPPABLE, DataFile, find_files
from mdc_exporters.lean.merge import Rows, Source, merge
from mdc_exporters.lean.repeated import SetAside
from mdc_exporters.lean.rows import Reading, read_rows
from mdc_exporters.lean.zips import entries_of

_BEGINNING = -(2**63)
_MIN_BLOCK, _MAX_BLOCK, _IN_HAND = 1 << 13, 1 << 16, 1 << 24  # bytes of text
_DATED_CONTRACT = re.compile(r"_\d{6}\.csv$", re.ASCII | re.IGNORECASE)


class LeanOptions(Options, frozen=True):
    """What to read of a Lean data folder."""

    resolution: Annotated[
        Literal["tick", "second", "minute", "hour", "daily"] | None,
        Meta(description="read only this resolution"),
    ] = None
    security_type: Annotated[
        Literal["equity", "crypto", "cryptofuture", "forex", "cfd", "index"] | None,
        Meta(description="read only this security type"),
    ] = None
    market: Annotated[
        str | None, Meta(description="read only this market, e.g. usa, coinbase, fxcm")
    ] = None
    type: Annotated[
        tuple[Literal["trade", "quote"], ...],
        Meta(description="only these event types", extra={"was": ("kind",)}),
    ] = ()
    skip: Annotated[
        tuple[str, ...],
        Meta(description=f"leave out what there is no event for: {', '.join(SKIPPABLE)}"),
    ] = ()


class Lean(Importer):
    """A Lean data folder, a folder inside of one, or a single zip of it."""

    Options = LeanOptions

    def __init__(self, request: ImportRequest, options: Any) -> None:
        super().__init__(request, options)
        self._bad: list[BadRow] = []

    def batches(self) -> Iterator[pa.RecordBatch | BadRow]:
        """The events of the files asked for, in order of time; equal times as in the files."""
        for word in self.options.skip:
            if word not in SKIPPABLE:
                raise UsageError(_unknown("kind to skip", word, SKIPPABLE))
        readings = list(self._readings(self._planned()))
        packing = Packing([reading.file for reading in readings])
        sources = [
            _source(packing, number, reading, self._bad.append)
            for number, reading in enumerate(readings)
        ]
        sources.sort(key=lambda source: source.start)
        return self._with_bad_rows(map(packing.unpack, merge(sources)))

    def files(self) -> list[Path]:
        """The files of what was asked for."""
        return [file.path for file, _ in self._planned()]

    def _planned(self) -> list[tuple[DataFile, WallClock]]:
        """The files of what was asked for, each with its clock."""
        clocks = Clocks()
        return [
            (file, clock)
            for file in self._asked_for()
            if self._in_range(file, clock := clocks.find(file)) and not self._skipped(file)
        ]

    def _with_bad_rows(
        self, batches: Iterable[pa.RecordBatch]
    ) -> Iterator[pa.RecordBatch | BadRow]:
        """The batches, each behind what turned out to be bad while it was read."""
        for batch in batches:
            yield from self._taken()
            yield batch
        yield from self._taken()

    def _taken(self) -> list[BadRow]:
        taken, self._bad[:] = self._bad[:], ()
        return taken

    def _asked_for(self) -> list[DataFile]:
        """The files of the symbols and properties that were asked for, in order of path."""
        options = self.options
        # What a file's place does not tell may be what is asked for.
        files = [
            file
            for file in find_files(self.wanted.path)
            if file.resolution in ("", options.resolution or file.resolution)
            and file.security_type in ("", options.security_type or file.security_type)
            and file.market in ("", (options.market or file.market).lower())
            and (not options.type or file.kind in ("", *options.type))
        ]
        if not files:
            raise DataError(f"{self.wanted.path}: no file of what was asked for")
        words = self.wanted.symbols
        there = {file.symbol for file in files} - {""}
        found = {symbol for symbol in there if any(_is(symbol, word) for word in words)}
        if words and not found and "" not in {file.symbol for file in files}:
            wrong = _unknown("symbol among the files asked for", words[0], there)
            raise NothingFoundError(f"{self.wanted.path}: {wrong}")
        return [file for file in files if not words or file.symbol in ("", *found)]

    def _in_range(self, file: DataFile, clock: WallClock) -> bool:
        """Whether a file can have rows in the range; only those of one day are known not to."""
        start, end = self.wanted.start, self.wanted.end
        if file.day is None:
            return True
        return (start is None or start < clock.end_of(file.day)) and (
            end is None or end > clock.start_of(file.day)
        )

    def _skipped(self, file: DataFile) -> bool:
        return any(word in self.options.skip for word in file.refusals)

    def _readings(self, files: list[tuple[DataFile, WallClock]]) -> Iterator[Reading]:
        """How to read each file; raises DataError if there is anything it cannot read."""
        refused: dict[str, list[str]] = {}
        size = _block_bytes([file for file, _ in files])
        for file, clock in files:
            if file.refusals == ("other",):
                self._set_aside(file.path, "its path is not one of a Lean data folder")
                continue
            if file.refusals:
                refused.setdefault(file.refusals[0], []).append(str(file.path))
                continue
            try:
                entries = entries_of(file.path)
            except DataError as error:
                self._set_aside(file.path, str(error), breaks_off=True)
                continue
            if file.security_type == "cryptofuture":
                dated = [entry for entry in entries if _DATED_CONTRACT.search(entry.name)]
                entries = [entry for entry in entries if entry not in dated]
                if dated and "future" not in self.options.skip:
                    refused.setdefault("future", []).append(f"{file.path}#{dated[0].name}")
                if dated and not entries:
                    continue
            if len(entries) != 1:
                self._set_aside(file.path, f"{len(entries)} files in it, not one")
                continue
            yield Reading(file, entries[0], clock, self.wanted.start, self.wanted.end, size)
        if refused:
            raise DataError(_refusal(refused))

    def _set_aside(self, path: Path, reason: str, *, breaks_off: bool = False) -> None:
        self._bad.append(BadRow(b"", str(path), reason, breaks_off))


def _block_bytes(files: list[DataFile]) -> int:
    """How much to read of a file at once: less, if many are read side by side."""
    days = Counter(file.day for file in files)
    together = days.pop(None, 0) + max(days.values(), default=0)
    return max(_MIN_BLOCK, min(_MAX_BLOCK, _IN_HAND // max(together, 1)))


def _source(packing: Packing, number: int, reading: Reading, set_aside: SetAside) -> Source:
    """The packed rows of a file, which is opened when the first of them is asked for."""
    day = reading.file.day
    packed = (
        Rows(keys, packing.pack(number, len(keys), values))
        for keys, values in read_rows(reading, set_aside)
    )
    return Source(_BEGINNING if day is None else reading.clock.start_of(day), packed)


def _is(symbol: str, word: str) -> bool:
    """Whether a symbol is the one that is named, or one of a pattern."""
    return symbol == word or fnmatchcase(symbol, word)


def _unknown(what: str, word: str, choices: Iterable[str]) -> str:
    plain = {choice.casefold(): choice for choice in choices}
    found = difflib.get_close_matches(word.casefold(), sorted(plain), n=3, cutoff=0.5)
    close = [plain[name] for name in found]
    question = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"no such {what}: {word!r}{question}"


def _refusal(refused: dict[str, list[str]]) -> str:
    """Which files have no event type, by kind, and how to go on without them."""
    kinds = [
        f"{kind} ({paths[0]}{f' and {len(paths) - 1} more' if len(paths) > 1 else ''})"
        for kind, paths in sorted(refused.items())
    ]
    skips = " ".join(f"--skip {kind}" for kind in sorted(refused))
    return f"no event type for {', '.join(kinds)}; leave them out with {skips}"
