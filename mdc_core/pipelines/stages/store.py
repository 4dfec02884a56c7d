"""The stage `store`: what is opened, what is kept, when it is sealed."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mdc_core import times
from mdc_core.accounting import findings_of, new_run_id
from mdc_core.archive.catalog.layout import Layout, Partition
from mdc_core.archive.catalog.origins import FIRST
from mdc_core.archive.ownership import archive_of
from mdc_core.archive.write.disk_space import DEFAULT_FREE, Reserve
from mdc_core.disk import check_place
from mdc_core.errors import BusyError, MdcError, UsageError, WriteError
from mdc_core.events import CONTROL_TYPES, Ack, Begin, Event
from mdc_core.pipelines.chosen import Chosen
from mdc_core.pipelines.inputs import READING, STDIN, InputOptions
from mdc_core.pipelines.output.options import OUTPUT, OutputOptions
from mdc_core.pipelines.stage import Made, SinkStage
from mdc_core.texts import counted
from mdc_core.wire.chunk import Chunk
from mdc_core.wire.lines.jsonl import as_dict
from mdc_core.wire.lines.values import encode_json

if TYPE_CHECKING:
    from mdc_core.archive.catalog.catalog import PartRow
    from mdc_core.archive.upkeep.retain import Policy
    from mdc_core.archive.write.archive import Archive
    from mdc_core.archive.write.formats import Formats
    from mdc_core.archive.write.intake import Intake
    from mdc_core.archive.write.journal import Fsync
    from mdc_core.pipelines.stage import StageRun
    from mdc_core.session import Session

RUN_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


class StoreOptions(Struct, kw_only=True, frozen=True):
    """Where and how events are stored."""

    root: Path | str = Path("data")
    layout: Layout = "by-symbol"
    partition: Partition = "daily"
    profile: str | None = None
    as_said: bool = False  # the format's own options say how to compress, not mdc.toml
    seal_every: int = 5 * times.MINUTE
    seal_after: int = times.HOUR
    seal_size: int = 4_000_000_000
    fsync: "Fsync" = "batch"
    min_free: Reserve = Reserve.parse(DEFAULT_FREE)
    retain: int | None = None
    retain_size: int | None = None
    by: str = "stored"
    ack: bool = False
    tee: bool = False
    again: bool = False
    dry_run: bool = False


class Store(SinkStage):
    """Stores events as files of a format."""

    def __init__(
        self,
        plugin: Chosen,
        options: StoreOptions,
        reading: InputOptions = READING,
        writing: OutputOptions = OUTPUT,
        paths: tuple[Path, ...] = (),
    ) -> None:
        super().__init__("store")
        self.paths = paths
        self.plugin, self.options = plugin, options
        self.reading, self.writing = reading, writing
        self.tick = 0.02 if options.ack else 1.0

    @property
    def keeps(self) -> bool:
        """Not when nothing is to be written at all, nor of files, which stay where they are."""
        return not self.options.dry_run and (not self.paths or STDIN in self.paths)

    @property
    def request(self) -> dict[str, Any]:
        """Where it stores."""
        return {"root": str(self.options.root)}

    @property
    def writes(self) -> bool:
        """Whether it passes on what it reads, or says what is durable."""
        return self.options.ack or self.options.tee

    def work(self, run: "StageRun") -> Iterator[Made]:
        """Store the input to its end."""
        writing = StoreRun(self, run)
        try:
            for chunk in run.chunks():
                writing.take(chunk)
                yield writing.acks()
                if self.options.tee and chunk.size:
                    yield chunk
            writing.seal_rest()
            yield writing.acks()
            writing.finish()
        except GeneratorExit:  # whoever reads what goes out has enough of it
            writing.leave()
            raise
        except MdcError as error:
            writing.fail(error)
            raise
        finally:
            writing.close()


def prepared(session: "Session", archive: "Archive") -> None:
    """Make an archive ready to be written, and say what was recovered and is committed."""
    from mdc_core.archive.upkeep.recover import prepare
    from mdc_core.archive.upkeep.tiering import read_tiers

    archive.on_commit = session.observers.committed
    for found in prepare(archive, read_tiers(session.config, archive).places):
        session.log.note(f"recovered {found.text}")
        if found.warning:
            session.log.warning(found.warning)
        for damage in found.damages:
            session.log.warning(f"{damage}; kept in {archive.state / 'damaged'}")


def identified(begin: Begin | None, chunk: Chunk) -> tuple[bytes, str]:
    """What is kept of where events come from, and the id of their run.

    A feed is a run; what is read from files is told by its first event, for it has another run
    each time, or none.
    """
    said = {} if begin is None else as_dict(begin)
    root = said
    while isinstance(root.get("origin"), dict):
        root = root["origin"]
    run_id = (begin and begin.run_id) or ""
    events = chunk.without(*CONTROL_TYPES)
    if root.get("stage") != "stream" and events.size:
        digest = sha256(events.cut(0, 1).text).hexdigest()
        said = {**said, FIRST: digest}
        run_id = run_id or digest[:12]
    return encode_json(said), run_id


class StoreRun:
    """Brings chunks into an archive, and knows when to seal."""

    def __init__(self, stage: Store, run: "StageRun") -> None:
        from mdc_core.archive.part_formats import check_reads

        check_reads(stage.plugin.name, stage.plugin.plugin)
        self._stage, self._options, self._run = stage, stage.options, run
        self._log = run.log
        self._formats = self._made_formats()
        if isinstance(stage.options.root, Path) and not stage.options.dry_run:
            check_place(stage.options.root / "_mdc" / "catalog.sqlite")
        self._policy = self._retention()
        self._own = archive_of(stage.options.root)
        self._intake: Intake | None = None
        self._sealed_at = monotonic()
        self._files: set[str] = set()
        self._gone: set[str] = set()  # removed by --keep
        self._told: Counter[str] = Counter()
        self._durable: Counter[str] = Counter()
        self._kept: int | None = None
        self._repeated = 0  # were in the archive already
        self._opened = False
        self._name = ""
        self._retained_at = time_ns()
        acknowledged = "mdc_events_acknowledged_total"
        run.telemetry.watch(acknowledged, lambda: self._acknowledged().total())

    def take(self, chunk: Chunk) -> None:
        """Keep the events of a chunk, and do what is due."""
        if self._own in self._run.input.archives:
            raise UsageError(
                f"what comes in is from the archive {self._options.root}, and would be twice in it",
                hint="another --root",
            )
        if self._options.dry_run:
            return
        if chunk.size:
            if self._intake is None:
                self._intake = self._open(chunk)
                self._opened = True
            self._intake.write(chunk.batch, chunk.counts)
        if self._intake is not None:
            self._rotate(self._intake)

    def acks(self) -> list[Event]:
        """How many events are durable, if that are more than was said."""
        if not self._options.ack:
            return []
        if self._acknowledged() == self._told:
            return []
        self._told = self._durable
        output = self._run.out
        output.begin()
        counts = dict(sorted(self._told.items()))
        return [Ack(run_id=output.run_id, stage="store", counts=counts)]

    def _acknowledged(self) -> "Counter[str]":
        """How many events of each type are durable."""
        if self._intake is not None:
            self._durable = self._intake.acknowledged
        return self._durable

    def seal_rest(self) -> None:
        """Store what the accounting found, and seal what is not in files yet."""
        source = self._run.input
        if self._options.dry_run:
            return
        # A source that could not begin leaves no trace, not even an archive.
        found = [] if source.is_stillborn else findings_of(source)
        if found:
            self.take(Chunk.of_rows(found))
        if self._intake is not None:
            self._enter(self._intake, self._intake.seal())
            self._retain(self._intake.archive)
            self._repeated = self._intake.repeated
            self._kept = max(self._intake.rows - len(found), 0)
        if self._run.output is None:
            self._run.derived += len(found)

    def finish(self) -> None:
        """Say what was stored."""
        self._run.finish(kept=self._counted(), result=self._say_files)

    def leave(self) -> None:
        """Seal what was taken and say so, before the input is at its end."""
        try:
            self.seal_rest()
        except WriteError as error:
            self.fail(error)
            raise
        self._run.leave(self._counted())
        self._say_files()
        source = self._run.input
        self._run.warn_of_rejected(source.first_rejection, source.rejected)

    def fail(self, cause: MdcError) -> None:
        """Keep what is safe already, and say how much that is, where an error ends the run."""
        kept, intake = 0, self._intake
        if intake is not None:
            try:
                self._enter(intake, intake.seal())
            except WriteError as error:
                if str(error) != str(cause):  # that is said where the run ends
                    self._log.warning(str(error))
            kept = self._left(intake)
            if acks := self.acks():
                self._run.out.rows(acks)
        self._run.leave(kept, lost=True)

    def _left(self, intake: "Intake") -> int:
        """How many events are in parts or in the journal, now that no more is done."""
        lost, parts = intake.lost, 0 if intake.is_rootless else intake.rows
        with suppress(WriteError):  # what cannot be synced is not counted
            self.close()
        if lost:
            self._log.warning(lost)
            return parts
        waiting = self._durable.total() - parts
        if waiting > 0:  # fewer, where the error came from behind a commit
            text = "events stay in the journal, until mdc recover seals them"
            self._log.warning(f"up to {waiting} {text}")
        return parts + max(waiting, 0)

    def _counted(self) -> int:
        """How many events were stored; control events and those that were there are skipped."""
        counts = self._run.input.counts
        control = sum(counts[name] for name in CONTROL_TYPES)
        self.close()
        came = sum(counts.values()) - control
        kept = came if self._kept is None else min(self._kept, came)
        self._run.skipped = control + came - kept
        return kept

    def _say_files(self) -> None:
        if self._options.dry_run:
            taken = sum(self._run.input.counts.values()) - self._run.skipped
            self._log.note(f"would store {counted(taken, 'event')} in {self._options.root}")
            return
        if self._repeated:
            self._say_repeated()
            if not self._files:
                return
        if not self._opened:
            self._log.note(f"no events came, so nothing is stored in {self._options.root}")
            return
        files, root = len(self._files - self._gone), self._options.root
        self._log.result(
            f"{counted(files, 'file')} in {root}",
            event="stored",
            files=files,
            root=str(root),
        )

    def _say_repeated(self) -> None:
        """Say what was there already, as far as that is known by its run or its files."""
        all_ = self._repeated + (self._kept or 0)
        of = f"{self._repeated:,} of " if self._files else ""
        run, hint = f"run {self._log.run_id()}", "--again stores them once more"
        self._log.note(f"already stored: {run}, {of}{counted(all_, 'event')}; {hint}")

    def close(self) -> None:
        """Let go of the archive; what is not sealed stays in its journal."""
        intake, self._intake = self._intake, None
        if intake is not None:
            try:
                intake.close()
            finally:
                self._durable = intake.acknowledged

    def _open(self, chunk: Chunk) -> "Intake":
        """An archive made ready, to take in what this run reads, from this chunk on."""
        from mdc_core.archive.upkeep.widen import widen
        from mdc_core.archive.write.archive import Archive
        from mdc_core.archive.write.intake import Intake, header_of, other_names

        options, session, formats = self._options, self._run.session, self._formats
        archive = Archive.create(options.root)
        prepared(session, archive)
        if mixed := other_names(archive, options.layout, options.partition):
            self._log.warning(mixed)
        said, run_id = identified(self._run.input.origin, chunk)
        if not RUN_ID.fullmatch(run_id):  # it becomes part of the names of files
            run_id = new_run_id()
        self._log.run_id = lambda: run_id
        # A name of its own for each run of store, whatever feeds it.
        name = self._name = f"{run_id}-{new_run_id()[:6]}"
        how = (options.layout, options.partition, said)
        header = header_of(formats, name, *how, again=options.again)
        return Intake(
            archive,
            formats,
            header,
            fsync=options.fsync,
            reserve=options.min_free,
            seal_bytes=options.seal_size,
            seal_after=options.seal_after / times.SECOND,
            widen=widen,
        )

    def _made_formats(self) -> "Formats":
        """The format of the parts; one that refuses its options does so here."""
        from mdc_core.archive.profiles import Profiles, read_profiles
        from mdc_core.archive.write.formats import Formats

        options, plugin = self._options, self._stage.plugin
        if options.profile is not None:
            profiles = Profiles(options.profile)
        else:
            profiles = Profiles() if options.as_said else read_profiles(self._run.session.config)
        formats = Formats(plugin.name, plugin.plugin, plugin.options, profiles)
        formats.of(None)
        return formats

    def _retention(self) -> "Policy | None":
        """What may go after each seal: as said, but for what rules in mdc.toml speak of."""
        options = self._options
        if options.retain is None and options.retain_size is None:
            return None
        from mdc_core.archive.upkeep.retain import policy, read_rules

        rules = read_rules(self._run.session.config)
        return policy(options.retain, options.retain_size, rules, by_event=options.by == "event")

    def _rotate(self, intake: "Intake") -> None:
        """Have sealed what is due, and note what has been sealed."""
        self._enter(intake, intake.sealed())
        due = (monotonic() - self._sealed_at) * times.SECOND >= self._options.seal_every
        if intake.full or (due and not intake.sealing):
            self._sealed_at = monotonic()
            intake.rotate(partial(self._retain, intake.archive))

    def _enter(self, intake: "Intake", parts: "list[PartRow]") -> None:
        """Tell whoever wants to know of new parts, and of what went wrong on the way."""
        for part in parts:
            self._files.add(intake.archive.path_of(part))
            intake.archive.tell(part)
        for warning in intake.warnings:
            self._log.warning(warning)
        intake.warnings.clear()

    def _just_stored(self) -> "Callable[[PartRow], bool]":
        """What this command has stored since this was asked, or by event within a day."""
        name, since = self._name, self._retained_at
        self._retained_at = time_ns()
        if self._options.by == "event":
            since = min(since, self._retained_at - times.DAY)
        return lambda part: part.run_id == name and part.made_at >= since

    def _retain(self, archive: "Archive") -> None:
        """Remove what need not be kept any more, unless another command is rewriting."""
        if self._policy is None:
            return
        from mdc_core.archive.upkeep.retain import expired, remove
        from mdc_core.archive.write.replace import rewriting

        try:
            with rewriting(archive) as catalog:
                now, spared = time_ns(), self._just_stored()
                gone = expired(archive, catalog, self._policy, now, spared=spared)
                removed = [one for one in remove(archive, catalog, gone) if not one.of_symbols]
        except BusyError as error:
            self._log.note(f"nothing removed this time: {error}")
            return
        if removed:
            self._gone.update(archive.path_of(one.part) for one in removed)
            self._log.note(f"removed {counted(len(removed), 'file')} that need not be kept")
