"""Compaction: the many parts of a period become one, or a few of about a size.

The parts are merged in the order of time, equal times in the order of the paths, which is
how they are read anyway. Before anything is replaced, every old part is read by itself and
every new file is read back: the events must be the same. Some groups are committed at a time;
a kill leaves the old parts or the new ones.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

from mdc_core.archive.catalog.catalog import Catalog, ChangedError, PartRow
from mdc_core.archive.catalog.origins import joined
from mdc_core.archive.profiles import Profiles
from mdc_core.archive.upkeep.compaction.files import contents, read_back, write_like
from mdc_core.archive.upkeep.compaction.order import OrderOfTies
from mdc_core.archive.upkeep.compaction.outcome import CompactOutcome as CompactOutcome
from mdc_core.archive.upkeep.compaction.outcome import outcome_of, regrouped_outcome
from mdc_core.archive.upkeep.compaction.plan import (
    CompactGroup,
    CompactOptions,
    Job,
    due,
    families,
    family_of,
    grouped,
    jobs,
    name_of,
)
from mdc_core.archive.upkeep.compaction.shared import Regrouping, regrouped, regrouping
from mdc_core.archive.upkeep.compaction.survey import Cuts, divided, duplicate_check, surveyed
from mdc_core.archive.write.active import live
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.replace import Replacement, clear_trash
from mdc_core.disk import writing
from mdc_core.errors import DataError

COMMIT_GROUPS, COMMIT_BYTES = 512, 256 << 20  # that are written before a commit
_PASSES = 8  # over a group: what was merged may be small enough to be merged again


def plan(
    archive: Archive, parts: Iterable[PartRow], wishes: CompactOptions, profiles: Profiles
) -> Iterator[CompactOutcome]:
    """What would be done; nothing is changed, and nothing read but to find duplicates."""
    is_live = live(archive)
    if archive.has_catalog:
        with archive.catalog(read_only=True) as catalog:
            wishes = wishes._replace(heavy=catalog.large_origins())
    left = {part.key: part for part in parts}
    order = OrderOfTies(archive, left.values())
    for wanted in _to_regroup(left, is_live, profiles):
        yield regrouped_outcome(family_of(wanted.parts[0]), wanted.parts, wanted.files)
    for group, some in grouped(left.values()).items():
        check = duplicate_check(wishes, some)
        kept = [part for part in some if not is_live(part)]
        files, changed, twice = len(some), False, Counter[str | None]()
        tied: str | None = None
        try:
            for job in jobs(kept, wishes):
                survey = surveyed(archive, job, check)
                if due(job, wishes) or survey.cuts or len(survey.dropped):
                    paths = _names(archive, job, job.parts[0].suffix, len(survey.cuts) + 1, set())
                    if (other := order.tie(job.parts, paths)) is not None:
                        tied = archive.path_of(other)
                        continue
                    order.plan(job.parts, paths)
                    twice += survey.twice
                    changed = True
                    files += len(survey.cuts) + 1 - len(job.parts)
        except DataError as error:
            yield outcome_of(group, some, some, problem=str(error))
            continue
        found = outcome_of(group, some, some, duplicates=twice, tied=tied)
        yield found._replace(
            files=(len(some), files), bytes=(found.bytes[0], None), changed=changed
        )


def compact(
    archive: Archive,
    catalog: Catalog,
    parts: Iterable[PartRow],
    wishes: CompactOptions,
    profiles: Profiles,
    tell: Callable[[int], None] = lambda size: None,
) -> Iterator[CompactOutcome]:
    """Compact the groups of these parts, some at a time; within `rewriting`.

    `tell` gets the bytes of the parts that are done.
    """
    wishes = wishes._replace(heavy=catalog.large_origins())
    every = list(parts)
    left, fresh = {part.key: part for part in every}, set[tuple[str, str]]()
    order = OrderOfTies(archive, left.values())
    bench = _CompactRun(archive, catalog, profiles, order, tell)
    for wanted in _to_regroup(left, live(archive), profiles):
        done, after = regrouped(archive, catalog, wanted, profiles, wishes.row_group, order)
        left |= {part.key: part for part in after}
        fresh |= {part.key for part in after}
        yield done
    for some in _committed_together(grouped(left.values()).items()):
        works = [_GroupState(group, list(own), wishes) for group, own in some]
        bench.run(works)
        for work, (group, before) in zip(works, some, strict=True):
            done = outcome_of(
                group,
                before,
                work.parts,
                problem=work.problem,
                busy=work.busy,
                tied=work.tied,
                duplicates=work.duplicates,
            )
            if done.changed or not fresh.issuperset(part.key for part in before):
                yield done
    catalog.forget_origins()
    last = Replacement(archive, catalog)
    last.columns(every)  # of an older version there are none
    last.abandon()


def _to_regroup(
    left: dict[tuple[str, str], PartRow], is_live: Callable[[PartRow], bool], profiles: Profiles
) -> Iterator[Regrouping]:
    """What some symbols are to lie otherwise in; taken out of what is `left` to compact."""
    for some in families(left.values()).values():
        wanted = regrouping([part for part in some if not is_live(part)], profiles)
        if wanted is not None:
            for part in wanted.parts:
                left.pop(part.key)
            yield wanted


def _committed_together(
    groups: Iterable[tuple[CompactGroup, list[PartRow]]],
) -> Iterator[list[tuple[CompactGroup, list[PartRow]]]]:
    """The groups that are written before a commit: a commit costs as much as many files."""
    share: list[tuple[CompactGroup, list[PartRow]]] = []
    size = 0
    for group, parts in groups:
        share.append((group, parts))
        size += sum(part.bytes for part in parts)
        if size >= COMMIT_BYTES or len(share) >= COMMIT_GROUPS:
            yield share
            share, size = [], 0
    if share:
        yield share


class _GroupState:
    """The compaction of one group; `parts` are what there is of it now."""

    def __init__(self, group: CompactGroup, parts: list[PartRow], wishes: CompactOptions) -> None:
        self.group, self.parts, self.wishes = group, parts, wishes
        self.duplicates = Counter[str | None]()
        self.problem: str | None = None  # why it is left as it is: a damaged part
        self.busy: str | None = None  # the same: another command was at it
        self.tied: str | None = None  # the same: a part whose events would change places
        self.seen = False  # in an earlier pass

    def took(self, done: "_Staged") -> None:
        """Note that a job was committed."""
        self.duplicates += done.duplicates
        gone = {part.key for part in done.job.parts}
        self.parts = [part for part in self.parts if part.key not in gone]
        self.parts += [part for _, part in done.files]


class _Staged(NamedTuple):
    """A job that is written and verified, and not committed yet."""

    work: _GroupState
    job: Job
    files: list[tuple[Path, PartRow]]
    origins: list[bytes]
    duplicates: Counter[str | None]

    def enter(self, replacement: Replacement) -> None:
        """Make it part of a transaction."""
        for file, part in self.files:
            replacement.add(file, part, self.origins)
        for part in self.job.parts:
            replacement.remove(part)


class _CompactRun:
    """Where jobs are written, and committed together."""

    def __init__(
        self,
        archive: Archive,
        catalog: Catalog,
        profiles: Profiles,
        order: OrderOfTies,
        tell: Callable[[int], None],
    ) -> None:
        self._archive, self._catalog, self._profiles = archive, catalog, profiles
        self._order, self._tell = order, tell
        self._replacement = Replacement(archive, catalog)
        self._taken: set[tuple[str, str]] = set()

    def run(self, works: Sequence[_GroupState]) -> None:
        """Do what there is to do in some groups, until nothing is left."""
        for _ in range(_PASSES):
            self._replacement = Replacement(self._archive, self._catalog)
            self._taken = set()
            is_live = live(self._archive)
            try:
                with writing(f"below {self._archive.state}"):
                    staged = [done for work in works for done in self._staged(work, is_live)]
                    self._commit(staged)
            finally:
                self._order.settle()
                self._replacement.abandon()  # what was not committed, or the empty directory
            clear_trash(self._archive)
            again = {id(done.work) for done in staged}
            works = [work for work in works if id(work) in again and not work.busy]
            if not works:
                return
            for work in works:  # what is twice has been found
                work.wishes = work.wishes._replace(dedup=False)

    def _staged(self, work: _GroupState, is_live: Callable[[PartRow], bool]) -> list[_Staged]:
        size = 0 if work.seen else sum(part.bytes for part in work.parts)
        staged = self._stage(work, is_live)
        work.seen = True
        self._tell(size)
        return staged

    def _stage(self, work: _GroupState, is_live: Callable[[PartRow], bool]) -> list[_Staged]:
        """Write what is due in a group; a damaged part is its problem alone."""
        work.tied = None
        kept = [part for part in work.parts if not is_live(part)]
        check = duplicate_check(work.wishes, kept)
        staged = []
        try:
            for job in jobs(kept, work.wishes):
                survey = surveyed(self._archive, job, check)
                if due(job, work.wishes) or survey.cuts or len(survey.dropped):
                    staged += self._written(work, job, survey)
        except DataError as error:
            work.problem = str(error)
        return staged

    def _commit(self, staged: Sequence[_Staged]) -> None:
        """Commit it all at once; one by one where another command has been at some of it."""
        if not staged:
            return
        for done in staged:
            done.enter(self._replacement)
        try:
            self._replacement.commit()
        except ChangedError:
            for done in staged:
                self._replacement = Replacement(self._archive, self._catalog)
                done.enter(self._replacement)
                try:
                    self._replacement.commit()
                except ChangedError as error:
                    done.work.busy = str(error)
                else:
                    self._took(done)
            return
        for done in staged:
            self._took(done)

    def _took(self, done: _Staged) -> None:
        done.work.took(done)
        self._order.replace(done.job.parts, [part for _, part in done.files])

    def _written(self, work: _GroupState, job: Job, survey: Cuts) -> list[_Staged]:
        """The new files of a job, staged and verified; none where equal times would move."""
        like, row_group = job.parts[0], work.wishes.row_group
        formats = Formats.like(job.parts, self._profiles, row_group)
        suffix = formats.of(like.symbol, like.tier).suffix
        paths = _names(self._archive, job, suffix, len(survey.cuts) + 1, self._taken)
        if (other := self._order.tie(job.parts, paths)) is not None:
            work.tied = self._archive.path_of(other)
            return []
        self._order.plan(job.parts, paths)
        self._taken |= {(like.place, path) for path in paths}
        before = contents(self._archive, job.parts)
        origin, kept = joined((part.origin for part in job.parts), self._catalog.origin_of)
        after, files = survey.duplicates, []
        merged_parts = divided(self._archive, job, survey, row_group)
        for path, merged in zip(paths, merged_parts, strict=True):
            file = self._replacement.stage()
            part = write_like(
                self._archive,
                job.parts,
                merged,
                file,
                path,
                formats,
                origin,
                like,
                shared=bool(like.shares),
            )
            after += read_back(file, part)
            files.append((file, part))
        if (after.rows, after.hash) != (before.rows, before.hash):
            raise DataError(
                f"{self._archive.path_of(like)} and its neighbours: {before.rows:,} "
                f"events were read and {after.rows:,} written, or not the same ones; "
                "nothing was changed"
            )
        return [_Staged(work, job, files, kept, survey.twice)]


def _names(
    archive: Archive, job: Job, suffix: str, files: int, taken: set[tuple[str, str]]
) -> list[str]:
    """Paths that are free, or become free: the bare name if all of the group is in one file."""
    name = job.parts[0].place
    place = archive.place_at(name)
    old = {part.path for part in job.parts}
    numbers = count(0 if job.whole and files == 1 else 1)
    paths = (f"{name_of(job.parts[0], number)}{suffix}" for number in numbers)
    free = (
        path
        for path in paths
        if (name, path) not in taken and (path in old or place.size(path) is None)
    )
    return list(islice(free, files))
