"""One run of `mdc store`: what is opened, what is kept, when it is sealed."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mdc_core import times
from mdc_core.archive.catalog.layout import Layout, Partition
from mdc_core.cli.options import Chosen, Session
from mdc_core.cli.pipe import Pipe
from mdc_core.errors import BusyError, WriteError
from mdc_core.events import CONTROL_TYPES, Ack

if TYPE_CHECKING:
    from mdc_core.archive.upkeep.retain import Policy
    from mdc_core.archive.write.archive import Archive
    from mdc_core.archive.write.intake import Intake
    from mdc_core.wire.reader import Chunk

RUN_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


def intake(
    session: Session,
    pipe: Pipe,
    plugin: Chosen,
    root: Path | str,
    layout: Layout,
    partition: Partition,
    profile: str | None,
    opened: dict[str, Any],
) -> "Intake":
    """An archive made ready, to take in what this run reads."""
    from mdc_core.accounting import new_run_id
    from mdc_core.archive.profiles import Profiles, read_profiles
    from mdc_core.archive.write.archive import Archive
    from mdc_core.archive.write.formats import Formats
    from mdc_core.archive.write.intake import Intake, header_of

    if profile is not None:
        profiles = Profiles(profile)
    else:
        profiles = Profiles() if _said("compression", "level") else read_profiles(session.config)
    archive = Archive.create(root)
    prepared(session, archive)
    origin = pipe.input.origin
    run_id = (origin and origin.run_id) or ""
    if not RUN_ID.fullmatch(run_id):  # it becomes part of the names of files
        run_id = new_run_id()
    session.log.run_id = run_id
    formats = Formats(plugin.name, plugin.plugin, plugin.options, profiles)
    # A name of its own for each run of store, whatever feeds it.
    header = header_of(formats, f"{run_id}-{new_run_id()[:6]}", layout, partition, pipe.origin())
    return Intake(archive, formats, header, **opened)


def _said(*names: str) -> bool:
    """Whether one of these options was given on the command line."""
    ctx = click.get_current_context()
    return any(ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in names)


def prepared(session: Session, archive: "Archive") -> None:
    """Make an archive ready to be written, and say what was recovered."""
    from mdc_core.archive.upkeep.recover import prepare
    from mdc_core.archive.upkeep.tiering import read_tiers

    for found in prepare(archive, read_tiers(session.config, archive).places):
        session.log.note(f"recovered {found.text}")
        if found.warning:
            session.log.warning(found.warning)
        for damage in found.damages:
            session.log.warning(f"{damage}; kept in {archive.state / 'damaged'}")


def policy_of(session: Session, age: int | None, size: int | None) -> "Policy":
    """What may go after each seal: as said, but for what rules in mdc.toml speak of."""
    from mdc_core.archive.upkeep.retain import policy, read_rules

    return policy(age, size, read_rules(session.config))


class StoreRun:
    """Brings chunks into an archive, and knows when to seal."""

    def __init__(
        self,
        session: Session,
        pipe: Pipe,
        root: Path | str,
        seal_every: int,
        ack: bool,
        dry_run: bool,
    ) -> None:
        self.open: Callable[[], Intake]
        self._session, self._pipe, self._root = session, pipe, root
        self._seal_every, self._ack, self._dry_run = seal_every, ack, dry_run
        self.policy: Policy | None = None
        self._intake: Intake | None = None
        self._sealed_at = monotonic()
        self._files: set[str] = set()
        self._told: Counter[str] = Counter()

    def take(self, chunk: "Chunk") -> None:
        """Keep the events of a chunk, and do what is due."""
        if self._dry_run:
            return
        if chunk.batch.num_rows:
            if self._intake is None:
                self._intake = self.open()
            self._guarded(lambda intake: self._write(intake, chunk))
        due = (monotonic() - self._sealed_at) * times.SECOND >= self._seal_every
        if self._intake is not None and (self._intake.full or due):
            self._guarded(self._seal)
            self._retain(self._intake.archive)
        self._acknowledge()

    def _write(self, intake: "Intake", chunk: "Chunk") -> None:
        from mdc_core.accounting import count_types

        intake.write(chunk.batch, chunk.counts or count_types(chunk.batch))

    def _guarded(self, act: "Callable[[Intake], None]") -> None:
        """Act; where the disk refuses, what is safe already is kept, and told."""
        assert self._intake is not None
        try:
            act(self._intake)
        except WriteError:
            self._keep(self._intake)
            raise

    def _keep(self, intake: "Intake") -> None:
        """Seal what is in the journal if there is room for it; else it stays there."""
        try:
            self._seal(intake)
        except WriteError as error:
            self._session.log.warning(f"{error}; {intake.unsealed} events stay in the journal")
        intake.close()
        self._intake = None
        self._acknowledge(intake)

    def _seal(self, intake: "Intake") -> None:
        for part in intake.seal():
            path = intake.archive.path_of(part)
            self._files.add(path)
            rows = part.frames[-1].rows if part.frames else part.rows
            self._session.observers.committed(Path(path), rows)
        for warning in intake.warnings:
            self._session.log.warning(warning)
        intake.warnings.clear()
        self._sealed_at = monotonic()

    def _retain(self, archive: "Archive") -> None:
        """Remove what need not be kept any more, unless another command is rewriting."""
        if self.policy is None:
            return
        from mdc_core.archive.upkeep.retain import expired, remove
        from mdc_core.archive.write.replace import rewriting

        try:
            with rewriting(archive) as catalog:
                gone = expired(archive, catalog.parts(), self.policy, time_ns())
                removed = len(list(remove(archive, catalog, gone)))
        except BusyError as error:
            self._session.log.note(f"nothing removed this time: {error}")
            return
        if removed:
            self._session.log.note(f"removed {removed:,} files that need not be kept")

    def _acknowledge(self, intake: "Intake | None" = None) -> None:
        """Write how many events are durable, if there are more than we said."""
        intake = intake or self._intake
        output = self._pipe.output
        if not self._ack or output is None or intake is None:
            return
        durable = intake.acknowledged
        if durable != self._told:
            self._told = durable
            counts = dict(sorted(durable.items()))
            output.begin()
            output.rows([Ack(run_id=output.run_id, stage="store", counts=counts)])

    def finish(self) -> int:
        """Seal the rest, and say what was stored."""
        from mdc_core.accounting import findings_of
        from mdc_core.batch import from_rows
        from mdc_core.wire.reader import Chunk

        pipe = self._pipe
        pipe.dropped = sum(pipe.input.counts[name] for name in CONTROL_TYPES)
        kept = sum(pipe.input.counts.values()) - pipe.dropped
        found = findings_of(pipe.input)
        if not self._dry_run:
            if found:
                self.take(Chunk(from_rows(found)))
            if self._intake is not None:
                self._guarded(self._seal)
                self._acknowledge()
                self._retain(self._intake.archive)
                kept = self._intake.rows - len(found)
                self._intake.close()
            if pipe.output is None:
                pipe.derived += len(found)
        status = pipe.finish(kept=kept)
        if not self._dry_run:
            self._session.log.note(f"store: {len(self._files)} files in {self._root}")
        return status
