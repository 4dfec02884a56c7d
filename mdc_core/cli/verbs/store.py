"""Store events as files.

One file for each symbol, event type and period, written under a temporary name, synced
and renamed: a reader never sees half a file."""

from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from mdc_core import times
from mdc_core.archive.layout import LAYOUTS, PARTITIONS, Layout, Partition
from mdc_core.cli.options import SPAN, Chosen, Session, select_command
from mdc_core.cli.pipe import Pipe, reading
from mdc_core.cli.signals import following_input
from mdc_core.events import CONTROL_TYPES

if TYPE_CHECKING:
    import pyarrow as pa

    from mdc_core.archive.parts import PartsWriter

EXAMPLES = (
    "mdc stream sim SPY --limit 1000 | mdc store --root data",
    "mdc stream sim SPY --limit 1000 | mdc store --root data --format jsonl --layout hive",
)


@select_command("store", "format", default="parquet")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), default=Path("data"),
              show_default=True, help="directory of the archive")  # fmt: skip
@click.option("--layout", type=click.Choice(LAYOUTS), default="by-symbol", show_default=True,
              help="how the files are named")  # fmt: skip
@click.option("--partition", type=click.Choice(PARTITIONS), default="daily", show_default=True,
              help="period of a file, UTC")  # fmt: skip
@click.option("--seal-every", type=SPAN, default="5m", show_default=True,
              help="longest time until events are in their files")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="read and count, write nothing")
@reading
@click.pass_obj
def store(
    session: Session, plugin: Chosen, root: Path, layout: Layout, partition: Partition,
    seal_every: int, dry_run: bool, quarantine: Path | None, partial: bool, strict: bool,
) -> int:  # fmt: skip
    """Store events as files."""
    pipe = Pipe(session, "store", quarantine=quarantine, partial=partial, strict=strict,
                tick=1.0)  # fmt: skip
    keeper = _Keeper(session, pipe, plugin, root, layout, partition)
    with following_input() as stop:
        for chunk in pipe.chunks():
            if not dry_run:
                keeper.take(chunk.batch, seal_every)
        status = keeper.finish(dry_run)
    return stop.exit_status or status


class _Keeper:
    """Brings chunks into the parts of the archive, and knows when to seal."""

    def __init__(
        self, session: Session, pipe: Pipe, plugin: Chosen,
        root: Path, layout: Layout, partition: Partition,
    ) -> None:  # fmt: skip
        self._session, self._pipe, self._plugin = session, pipe, plugin
        self._root, self._layout, self._partition = root, layout, partition
        self._parts: PartsWriter | None = None
        self._sealed_at = monotonic()
        self._files = 0

    def _writer(self) -> "PartsWriter":
        if self._parts is None:
            from mdc_core.accounting import new_run_id
            from mdc_core.archive.parts import PartsWriter

            origin = self._pipe.input.origin
            run_id = (origin and origin.run_id) or new_run_id()
            self._session.log.run_id = run_id
            # A name of its own for each run of store, whatever feeds it.
            self._parts = PartsWriter(
                self._root, self._plugin.plugin(self._plugin.options),
                layout=self._layout, partition=self._partition,
                run_id=f"{run_id}-{new_run_id()[:6]}",
                origin=self._pipe.origin(),
            )  # fmt: skip
        return self._parts

    def take(self, batch: "pa.RecordBatch", seal_every: int) -> None:
        """Keep a batch."""
        if self._parts is None and not batch.num_rows:
            return
        parts = self._writer()
        if batch.num_rows:
            parts.write(batch)
        if parts.full or (monotonic() - self._sealed_at) * times.SECOND >= seal_every:
            self._seal()

    def _seal(self) -> None:
        for written in self._writer().seal():
            self._files += 1
            self._session.observers.committed(written.path, written.rows)
        self._sealed_at = monotonic()

    def finish(self, dry_run: bool) -> int:
        """Seal the rest, and say what was stored."""
        from mdc_core.accounting import findings_of
        from mdc_core.batch import from_rows

        pipe = self._pipe
        control = sum(pipe.input.counts[name] for name in CONTROL_TYPES)
        if dry_run:
            pipe.dropped = control
            return pipe.finish(kept=sum(pipe.input.counts.values()) - control)
        found = findings_of(pipe.input)
        if found:
            self._writer().write(from_rows(found))
            pipe.derived += len(found)
        if self._parts is not None:
            self._seal()
            self._parts.close()
        kept = (self._parts.rows if self._parts else 0) - len(found)
        pipe.dropped = control
        status = pipe.finish(kept=kept)
        self._session.log.note(f"store: {self._files} files in {self._root}")
        return status


command = store
