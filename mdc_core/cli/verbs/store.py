"""Store events as files.

Events go to a journal first, where they are safe: what is acknowledged (`--ack` says how much
that is) survives a kill, a crash and a full disk. When there is enough, after `--seal-every`,
and at the end, they are sealed: one file for each symbol, event type and period, whole or not
there. What a killed `mdc store` left in its journal is sealed by the next one, or by
`mdc recover`. Several can store into one root."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mdc_core import times
from mdc_core.archive.layout import LAYOUTS, PARTITIONS, Layout, Partition
from mdc_core.archive.profiles import PROFILES
from mdc_core.archive.room import DEFAULT_FREE, Reserve
from mdc_core.cli.options import (
    ROOM,
    ROOT_TYPE,
    SIZE,
    SPAN,
    Chosen,
    Session,
    select_command,
)
from mdc_core.cli.pipe import Pipe, reading, writing
from mdc_core.cli.signals import following_input
from mdc_core.errors import BusyError, WriteError
from mdc_core.events import CONTROL_TYPES, Ack

if TYPE_CHECKING:
    from mdc_core.archive.home import Archive
    from mdc_core.archive.intake import Intake
    from mdc_core.archive.journal import Fsync
    from mdc_core.archive.upkeep.retain import Policy
    from mdc_core.wire.reader import Chunk
    from mdc_core.wire.writer import Wire

EXAMPLES = (
    "mdc stream sim SPY --limit 1000 | mdc store --root data",
    "mdc stream sim SPY --limit 1000 | mdc store --root data --format jsonl --layout hive",
    "mdc stream sim SPY --limit 1000 | mdc store --root data --tee | mdc count",
)


RUN_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


@select_command("store", "format", default="parquet")
@click.option("--root", type=ROOT_TYPE, default="data", show_default=True,
              help="the archive: a directory, or s3://, gs://, abfs://")  # fmt: skip
@click.option("--layout", type=click.Choice(LAYOUTS), default="by-symbol", show_default=True,
              help="how the files are named")  # fmt: skip
@click.option("--partition", type=click.Choice(PARTITIONS), default="daily", show_default=True,
              help="period of a file, UTC")  # fmt: skip
@click.option("--profile", type=click.Choice(list(PROFILES)),
              help="how the files are compressed, instead of what mdc.toml says")  # fmt: skip
@click.option("--seal-every", type=SPAN, default="5m", show_default=True,
              help="longest time until events are in their files")  # fmt: skip
@click.option("--seal-size", type=SIZE, default="4GB", show_default=True,
              help="largest journal until events are in their files")  # fmt: skip
@click.option("--fsync", type=click.Choice(["always", "batch", "none"]), default="batch",
              show_default=True,
              help="sync the journal: each batch, 1,000 events or 1 s, never")  # fmt: skip
@click.option("--min-free", type=ROOM, default=DEFAULT_FREE, show_default=True,
              help="stop while so much of the disk is free")  # fmt: skip
@click.option(
    "--retain",
    type=SPAN,
    help="after each seal, remove files so long after their last event: 30d",
)
@click.option(
    "--retain-size",
    type=SIZE,
    help="after each seal, remove the oldest files beyond so many bytes",
)
@click.option("--ack", is_flag=True, help="write what is durable, as ack events")
@click.option("--tee", is_flag=True, help="pass all events on")
@click.option("--dry-run", is_flag=True, help="read and count, write nothing")
@writing
@reading
@click.pass_obj
def store(
    session: Session, plugin: Chosen, root: Path | str, layout: Layout, partition: Partition,
    profile: str | None, seal_every: int, seal_size: int, fsync: "Fsync", min_free: Reserve,
    retain: int | None, retain_size: int | None, ack: bool, tee: bool, dry_run: bool,
    wire: "Wire", quarantine: Path | None, partial: bool, strict: bool,
) -> int:  # fmt: skip
    """Store events as files."""
    pipe = Pipe(session, "store", wire=wire if ack or tee else None, quarantine=quarantine,
                partial=partial, strict=strict, request={"root": str(root)},
                tick=0.2 if ack else 1.0)  # fmt: skip
    opened = {"fsync": fsync, "reserve": min_free, "seal_bytes": seal_size}
    keeper = _Keeper(session, pipe, root, seal_every, ack, dry_run)
    if retain is not None or retain_size is not None:
        keeper.policy = _policy(session, retain, retain_size)
    keeper.open = lambda: _intake(
        session, pipe, plugin, root, layout, partition, profile, opened
    )
    with following_input() as stop:
        for chunk in pipe.chunks():
            keeper.take(chunk)
            if tee and pipe.output is not None and chunk.batch.num_rows:
                pipe.output.batch(chunk.batch, chunk.raw)
        status = keeper.finish()
    return stop.exit_status or status


def _intake(
    session: Session, pipe: Pipe, plugin: Chosen, root: Path | str, layout: Layout,
    partition: Partition, profile: str | None, opened: dict[str, Any],
) -> "Intake":  # fmt: skip
    """An archive made ready, to take in what this run reads."""
    from mdc_core.accounting import new_run_id
    from mdc_core.archive.formats import Formats
    from mdc_core.archive.home import Archive
    from mdc_core.archive.intake import Intake, header_of
    from mdc_core.archive.profiles import Profiles, read_profiles

    if profile is not None:
        profiles = Profiles(profile)
    else:
        profiles = (
            Profiles() if _said("compression", "level") else read_profiles(session.config)
        )
    archive = Archive.create(root)
    prepared(session, archive)
    origin = pipe.input.origin
    run_id = (origin and origin.run_id) or ""
    if not RUN_ID.fullmatch(run_id):  # it becomes part of the names of files
        run_id = new_run_id()
    session.log.run_id = run_id
    formats = Formats(plugin.name, plugin.plugin, plugin.options, profiles)
    # A name of its own for each run of store, whatever feeds it.
    header = header_of(
        formats, f"{run_id}-{new_run_id()[:6]}", layout, partition, pipe.origin()
    )
    return Intake(archive, formats, header, **opened)


def _said(*names: str) -> bool:
    """Whether one of these options was given on the command line."""
    ctx = click.get_current_context()
    return any(ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in names)


def prepared(session: Session, archive: "Archive") -> None:
    """Make an archive ready to be written, and say what was recovered."""
    from mdc_core.archive.recover import prepare
    from mdc_core.archive.upkeep.tiering import read_tiers

    for found in prepare(archive, read_tiers(session.config, archive).places):
        session.log.note(f"recovered {found.text}")
        for damage in found.damages:
            session.log.warning(f"{damage}; kept in {archive.state / 'damaged'}")


def _policy(session: Session, age: int | None, size: int | None) -> "Policy":
    """What may go after each seal: as said, but for what rules in mdc.toml speak of."""
    from mdc_core.archive.upkeep.retain import policy, read_rules

    return policy(age, size, read_rules(session.config))


class _Keeper:
    """Brings chunks into an archive, and knows when to seal."""

    def __init__(
        self, session: Session, pipe: Pipe, root: Path | str, seal_every: int,
        ack: bool, dry_run: bool,
    ) -> None:  # fmt: skip
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
        self._sealed_at = monotonic()

    def _retain(self, archive: "Archive") -> None:
        """Remove what need not be kept any more, unless another command is rewriting."""
        if self.policy is None:
            return
        from mdc_core.archive.replace import rewriting
        from mdc_core.archive.upkeep.retain import expired, remove

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


command = store
