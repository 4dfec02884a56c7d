"""Advice on how an archive is stored: what is wasteful, and what would be gained.

What a change would save is measured: some of the files are written to a temporary file as
they would be, and the rest is taken to behave as they do.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from statistics import median
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.health.unfinished import is_written
from mdc_core.archive.profiles import Profiles
from mdc_core.archive.upkeep.compaction.plan import carries, families
from mdc_core.archive.upkeep.compaction.shared import regrouping
from mdc_core.archive.upkeep.measure import Measurement, rewritten_schema, sample, size_of
from mdc_core.archive.upkeep.tiering import Tiers
from mdc_core.archive.upkeep.tiers import Forms, other_codec
from mdc_core.archive.write import journal
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.segment import Segment
from mdc_core.archive.write.width import is_wide
from mdc_core.contracts import PartFormat
from mdc_core.decimals import AT_REST
from mdc_core.texts import counted, typed

MANY = 24  # files of one symbol and type, from which small ones matter
WORTH = 20  # part of the size that has to be saved by another codec: one twentieth
DEFAULT_PROFILE = "high-volume"  # for files that are not compressed at all
# Periods by the length of their names, what is longer, and the events of one worth a file.
_LONGER = {13: ("hourly", "daily", 10, 5_000), 10: ("daily", "monthly", 7, 500)}
Group = Sequence[PartRow]


class Advice(NamedTuple):
    """Something wasteful, what it costs as far as it was measured, and what to do."""

    kind: str
    text: str
    files: int
    bytes: int
    saved: int | None  # bytes; None where it is not the size that matters
    sample: list[str]
    command: str

    @property
    def percent(self) -> float | None:
        """The part of the bytes that would be saved."""
        return None if self.saved is None else round(100 * self.saved / max(self.bytes, 1), 1)


class Advisor:
    """Looks at the parts of an archive; `largest` are the bytes of a file that is too large."""

    def __init__(self, archive: Archive, parts: Group, tiers: Tiers, largest: int) -> None:
        self._archive, self._parts, self._tiers = archive, parts, tiers
        # Many symbols in one file are neither small files nor fine ones.
        self._own = [part for part in parts if not part.shares]
        self._largest = largest
        self._forms = Forms(tiers)

    def advice(self) -> Iterator[Advice]:
        """All there is to say."""
        yield from self._small_files()
        yield from self._origins()
        yield from self._codecs()
        yield from self._json_lines()
        yield from self._too_fine()
        yield from self._too_coarse()
        yield from self._wide_decimals()
        yield from self._left_behind()

    def _small_files(self) -> Iterator[Advice]:
        """Several files of the same symbol, type and period, or of many that could share one."""
        profiles, shared, would = self._tiers.profiles, list[Group](), 0
        for some in families(self._parts).values():
            wanted = regrouping(some, profiles)
            before = wanted.parts if wanted else [part for part in some if part.shares]
            after = wanted.files if wanted else 1
            if len(before) > after:
                shared.append(before)
                would += after
        apart = {part.key for group in shared for part in group}
        groups = _grouped(
            (part for part in self._own if part.key not in apart),
            lambda p: (p.place, p.tier, p.symbol, p.type_name, p.period, p.format),
        )
        several = [group for group in groups if len(group) > 1]
        would += len(several)
        several += shared
        if several:
            files = sum(map(len, several))
            text = f"{counted(files, 'file')} where {would:,} would do, one for each period"
            yield self._measured(
                "small-files",
                text,
                several,
                self._compacted,
                typed("compact", "--root", self._archive.root),
            )

    def _origins(self) -> Iterator[Advice]:
        """Files that carry all that their run says of itself, every one of them."""
        with self._archive.catalog(read_only=True) as catalog:
            heavy = catalog.large_origins()
        groups = [[part] for part in self._parts if carries(part, heavy)]
        if groups:
            text = f"{counted(len(groups), 'file')} with the run's origin in each: once is enough"
            command = typed("compact", "--root", self._archive.root)
            yield self._measured("origin", text, groups, self._compacted, command)

    def _codecs(self) -> Iterator[Advice]:
        """Files that are compressed otherwise than their tier wants, or not at all."""
        wrong: dict[tuple[str, str, str], list[Group]] = defaultdict(list)
        for part in self._parts:
            codec = self._wanted(part).codec(part.symbol, part.tier)
            if other_codec(part.codec, codec):
                wrong[part.tier, part.codec, codec].append([part])
        for (tier, have, codec), groups in sorted(wrong.items()):
            command = typed("tier", "migrate", "--root", self._archive.root)
            if tier == "hot":
                profile = self._tiers.profiles.of(groups[0][0].symbol, tier)
                name = profile.name if profile else DEFAULT_PROFILE
                command = _again(self._archive, f"--preset {name}", groups[0][0].format)
            said = "not compressed" if have == "none" else f"compressed with {have}"
            text = f"{counted(len(groups), f'{tier} file')} {said}: {codec} is smaller"
            found = self._measured("codec", text, groups, self._recompressed, command)
            if found.saved is not None and found.saved * WORTH >= found.bytes:
                yield found

    def _wanted(self, part: PartRow) -> Formats:
        """The format of a part as its tier wants it; where nothing is said, compressed."""
        if self._tiers.profiles.of(part.symbol, part.tier) is not None:
            return self._forms.of(part)
        profile = DEFAULT_PROFILE if part.codec == "none" else None
        return Formats.like([part], Profiles(profile))

    def _recompressed(self, group: Group) -> PartFormat:
        return self._wanted(group[0]).of(group[0].symbol, group[0].tier)

    def _compacted(self, group: Group) -> PartFormat:
        formats = Formats.like(group, self._tiers.profiles)
        return formats.of(group[0].symbol, group[0].tier)

    def _json_lines(self) -> Iterator[Advice]:
        """JSONL, which is larger than Parquet, and slower to read."""
        groups = [[part] for part in self._parts if part.format == "jsonl"]
        if groups:
            formats = Formats.load("parquet", {}, self._tiers.profiles)
            found = self._measured(
                "format",
                f"{counted(len(groups), 'file')} in JSONL: Parquet is smaller",
                groups,
                lambda group: formats.of(group[0].symbol, group[0].tier),
                _again(self._archive, "--format parquet"),
            )
            if found.saved is not None and found.saved * WORTH >= found.bytes:
                yield found

    def _too_fine(self) -> Iterator[Advice]:
        """Very many periods of a few events each."""
        for length, (name, longer, cut, enough) in _LONGER.items():
            parts = [part for part in self._own if len(part.period) == length]
            key = partial(_coarser, cut)
            fine = [
                group
                for group in _grouped(parts, partial(_coarser, 0))
                if len(rows := _rows(group)) >= MANY and median(rows) < enough
            ]
            if fine:
                middle = median(chain.from_iterable(map(_rows, fine)))
                text = counted(sum(map(len, fine)), f"{name} file")
                text += f" with {counted(round(middle), 'event')} (median)"
                merged = [some for group in fine for some in _grouped(group, key)]
                command = _again(self._archive, f"--partition {longer}")
                yield self._measured(
                    "partition",
                    f"{text}: {longer} ones are fewer",
                    merged,
                    self._compacted,
                    command,
                )

    def _too_coarse(self) -> Iterator[Advice]:
        """Files of a month, or of all time, that are too large to look for a day in."""
        large = [
            part
            for part in self._parts
            if part.bytes > self._largest and (part.period == "all" or len(part.period) == 7)
        ]
        if large:
            days = {(p.ends - p.begins) // 86_400_000_000_000 + 1 for p in large}
            text = f"{counted(len(large), 'very large file')} of up to {counted(max(days), 'day')}"
            yield Advice(
                "partition",
                text,
                len(large),
                sum(p.bytes for p in large),
                None,
                [self._archive.path_of(large[0])],
                _again(self._archive, "--partition daily"),
            )

    def _wide_decimals(self) -> Iterator[Advice]:
        """Decimals of 36 digits whose values all fit into 18, as SQL engines like them."""
        wide = [
            [part]
            for part in self._parts
            if part.suffix == ".parquet"
            and not is_wide(self._archive, part.type_name)
            and _wide_columns(self._archive, part)
        ]
        chosen = sample(wide) if wide else []
        narrow = [
            group
            for group in chosen
            if _wide(rewritten_schema(self._archive, group, self._compacted(group)))
            < _wide_columns(self._archive, group[0])
        ]
        if narrow:
            text = f"{counted(len(wide), 'file')} with decimals of 36 digits where 18 are enough"
            yield self._measured(
                "decimals",
                text,
                wide,
                self._compacted,
                typed("compact", "--root", self._archive.root),
            )

    def _left_behind(self) -> Iterator[Advice]:
        """Journals that nobody seals."""
        with self._archive.catalog(read_only=True) as catalog:
            sealed = catalog.sealed()
        paths = journal.segments(self._archive.state / "journal")
        present = {path.stem for path in paths}
        for path in paths:
            if not journal.counts(path.stem, sealed, present) or is_written(path):
                continue
            with suppress(FileNotFoundError), path.open("rb", buffering=0) as file:
                segment = Segment(file, str(path))
                events = sum(batch.num_rows for batch in segment.batches())
                yield Advice(
                    "left-behind",
                    f"{counted(events, 'event')} only in a journal",
                    1,
                    segment.size,
                    None,
                    [str(path)],
                    typed("recover", "--root", self._archive.root),
                )

    def _measured(
        self,
        kind: str,
        text: str,
        groups: Sequence[Group],
        form_of: Callable[[Group], PartFormat],
        command: str,
    ) -> Advice:
        """Advice with what a sample of the files says of all of them."""
        chosen = sample(groups)
        parts = list(chain.from_iterable(chosen))
        after = sum(size_of(self._archive, group, form_of(group)) for group in chosen)
        paths = [self._archive.path_of(part) for part in parts]
        measured = Measurement(sum(part.bytes for part in parts), after, paths)
        total = sum(part.bytes for group in groups for part in group)
        files = sum(map(len, groups))
        return Advice(kind, text, files, total, total - measured.of(total), paths, command)


def _grouped(parts: Iterable[PartRow], key: Callable[[PartRow], Hashable]) -> list[Group]:
    groups: dict[Hashable, list[PartRow]] = {}
    for part in parts:
        groups.setdefault(key(part), []).append(part)
    return list(groups.values())


def _coarser(cut: int, part: PartRow) -> Hashable:
    """What parts have in common that would be one file with longer periods."""
    return part.place, part.symbol, part.type_name, part.format, part.period[:cut]


def _rows(group: Group) -> list[int]:
    """The events of each period."""
    rows: dict[str, int] = defaultdict(int)
    for part in group:
        rows[part.period] += part.rows
    return list(rows.values())


def _again(archive: Archive, options: str, form: str = "") -> str:
    """The command that stores everything again, into another root."""
    form = f"--format {form} " if form not in ("", "parquet") else ""
    return f"{typed('cat', '--root', archive.root)} | mdc store --root NEW {form}{options}"


def _wide_columns(archive: Archive, part: PartRow) -> int:
    with archive.open_part(part) as file:
        try:
            return _wide(pq.read_schema(file))
        except (pa.ArrowException, OSError):
            return 0  # damaged: for `verify` to tell


def _wide(schema: pa.Schema) -> int:
    """How many columns are decimals that are wider than they are at rest."""
    return sum(
        pa.types.is_decimal(field.type) and field.type.precision > AT_REST.precision
        for field in schema
    )
