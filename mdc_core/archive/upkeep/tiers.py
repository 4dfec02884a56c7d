"""Moving parts between tiers: what is due, and doing it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from mdc_core.archive.catalog.catalog import Catalog, ChangedError, PartRow
from mdc_core.archive.catalog.layout import with_current_name
from mdc_core.archive.upkeep.measure import Measurement, sample, size_of
from mdc_core.archive.upkeep.rewrite import rewritten
from mdc_core.archive.upkeep.tiering import Tier, Tiers
from mdc_core.archive.write import taking
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.replace import Replacement, rewriting
from mdc_core.disk import writing
from mdc_core.errors import DataError

BATCH_PARTS = 64  # of one transaction
BATCH_BYTES = 256 << 20
MADE_BY = "tier"


class TierMove(NamedTuple):
    """A part that is due, where to, and why."""

    part: PartRow
    tier: Tier
    reason: str

    @property
    def place(self) -> str:
        """Where it will be."""
        directory = self.tier.directory
        return self.part.place if directory is None else directory


class Forms:
    """The formats of parts, with the profiles of the tiers."""

    def __init__(self, tiers: Tiers) -> None:
        self._tiers = tiers
        self._loaded: dict[str, Formats] = {}

    def of(self, part: PartRow) -> Formats:
        """The format that wrote a part."""
        if part.format not in self._loaded:
            self._loaded[part.format] = Formats.load(part.format, {}, self._tiers.profiles)
        return self._loaded[part.format]


def due(parts: Iterable[PartRow], tiers: Tiers, now: int) -> Iterator[TierMove]:
    """The parts that are not where, or not as, they belong."""
    forms = Forms(tiers)
    for part in parts:
        tier = tiers.due(part, now)
        if tier is None:
            continue
        if part.tier != tier.name:
            yield TierMove(part, tier, "age")
        elif tier.directory not in (None, part.place):
            yield TierMove(part, tier, "directory")
        elif other_codec(part.codec, forms.of(part).codec(part.symbol, tier.name)):
            yield TierMove(part, tier, "codec")


def other_codec(have: str, wanted: str) -> bool:
    """Whether a part has another codec than is wanted, as far as its own is known."""
    codec, _, level = have.partition("-")
    codec_wanted, _, level_wanted = wanted.partition("-")
    if codec != codec_wanted:
        return bool(have)
    return bool(level and level_wanted and level != level_wanted)


def expected(archive: Archive, moves: Sequence[TierMove], tiers: Tiers) -> Measurement:
    """What rewriting makes of a sample of parts with the same tier and format."""
    form = Forms(tiers)
    chosen = sample([[move.part] for move in moves])
    after = sum(
        size_of(archive, group, form.of(group[0]).of(group[0].symbol, moves[0].tier.name))
        for group in chosen
    )
    parts = [part for group in chosen for part in group]
    return Measurement(sum(p.bytes for p in parts), after, [archive.path_of(p) for p in parts])


class Migration:
    """Parts on their way; `done` are those that have arrived, as they are now."""

    def __init__(
        self,
        archive: Archive,
        tiers: Tiers,
        tell: Callable[[PartRow], None] = lambda part: None,
        expect: Callable[[int], None] = lambda rows: None,
    ) -> None:
        self.done: list[tuple[PartRow, PartRow]] = []
        self.problems: list[str] = []
        self._archive, self._forms, self._tell = archive, Forms(tiers), tell
        self._tiers, self._expect = tiers, expect

    def run(self, wanted: Callable[[Catalog], Iterable[PartRow]], now: int) -> None:
        """Move what is due among some parts: copy, verify, commit, remove.

        The archive has to be prepared for writing. A kill leaves each part in its old place or
        in its new one; the next run goes on with the others.
        """
        with rewriting(self._archive) as catalog:
            moves = list(due(wanted(catalog), self._tiers, now))
            self._expect(sum(move.part.rows for move in moves))
            for place in {move.place for move in moves if move.place != move.part.place}:
                taking.take(self._archive, catalog, place)
            taken = {part.key for part in catalog.parts()}
            for batch in _batches(moves):
                self._moved(catalog, batch, taken)

    def _moved(
        self, catalog: Catalog, batch: Sequence[TierMove], taken: set[tuple[str, str]]
    ) -> None:
        replacement = Replacement(self._archive, catalog)
        try:
            arrived = list(self._copied(catalog, replacement, batch, taken))
        except BaseException:
            replacement.abandon()
            raise
        try:
            # If this fails, the copies may be all there is to recover from: they stay.
            replacement.commit()
        except ChangedError as error:
            replacement.abandon()
            if len(batch) == 1:
                self.problems.append(f"{error}: it stays for the next time")
                return
            # A running store has appended to a part since: then the others without it.
            for move in batch:
                self._moved(catalog, [move], taken)
            return
        replacement.abandon()
        self.done += arrived

    def _copied(
        self,
        catalog: Catalog,
        replacement: Replacement,
        batch: Sequence[TierMove],
        taken: set[tuple[str, str]],
    ) -> Iterator[tuple[PartRow, PartRow]]:
        """Stage the copies; those that are damaged are left out, and told of."""
        for move in batch:
            try:
                with writing(
                    f"below {self._archive.root}",
                    "what has been moved stays so; the same command does the rest",
                ):
                    new = self._written(catalog, replacement, move, taken)
            except DataError as error:
                self.problems.append(str(error))
                continue
            yield move.part, new
            self._tell(new)

    def _written(
        self,
        catalog: Catalog,
        replacement: Replacement,
        move: TierMove,
        taken: set[tuple[str, str]],
    ) -> PartRow:
        """Stage the copy of a part, and verify it."""
        part, file = move.part, replacement.stage()
        new = rewritten(self._archive, part, file, self._forms.of(part), move.tier.name, MADE_BY)
        new = msgspec.structs.replace(new, place=move.place)
        if move.place != part.place and not part.shares:
            path = with_current_name(new.path, part.layout, part.symbol)
            new = msgspec.structs.replace(new, path=path)
        new = self._named(new, part, taken)
        replacement.add(file, new)
        replacement.remove(part)
        taken.add(new.key)
        return new

    def _named(self, new: PartRow, old: PartRow, taken: set[tuple[str, str]]) -> PartRow:
        """The part under a name that nothing else has."""
        at = self._archive.place_at(new.place)
        stem, number = new.path.removesuffix(new.suffix), 1
        while new.key != old.key and (new.key in taken or at.size(new.path) is not None):
            number += 1
            new = msgspec.structs.replace(new, path=f"{stem}.{number}{new.suffix}")
        return new


def _batches(moves: Sequence[TierMove]) -> Iterator[list[TierMove]]:
    batch: list[TierMove] = []
    for move in moves:
        batch.append(move)
        if len(batch) == BATCH_PARTS or sum(m.part.bytes for m in batch) >= BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


class Holding(NamedTuple):
    """What a tier holds."""

    tier: str
    files: int
    events: int
    bytes: int
    oldest: int | None
    newest: int | None
    due: int  # files that belong into a later tier
    expired: int  # files that are older than the last tier is meant for
    places: list[str]


def holdings(parts: Sequence[PartRow], tiers: Tiers, now: int) -> Iterator[Holding]:
    """Each tier in its order."""
    moving = {move.part.key for move in due(parts, tiers, now)}
    names = ["hot", *(tier.name for tier in tiers.tiers)]
    names += sorted({part.tier for part in parts} - set(names))
    for name in names:
        own = [part for part in parts if part.tier == name]
        yield Holding(
            name,
            len(own),
            sum(p.rows for p in own),
            sum(p.bytes for p in own),
            min((p.first for p in own if p.first is not None), default=None),
            max((p.last for p in own if p.last is not None), default=None),
            sum(p.key in moving for p in own),
            sum(tiers.expired(p, now) for p in own),
            sorted({p.place for p in own}),
        )
