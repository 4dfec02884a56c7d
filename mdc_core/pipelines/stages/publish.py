"""The stage `publish`: events to a place that is no file."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdc_core import registry
from mdc_core.contracts import Sink
from mdc_core.errors import EXIT_FINDINGS, DataError, MdcError
from mdc_core.events import CONTROL_TYPES
from mdc_core.pipelines.chosen import Chosen
from mdc_core.pipelines.inputs import READING, InputOptions
from mdc_core.pipelines.stage import Made, SinkStage, StageRun
from mdc_core.publish.publication import Nowhere, Publication, PublishLimits
from mdc_core.texts import counted

if TYPE_CHECKING:
    import pyarrow as pa


class Publish(SinkStage):
    """Sends events to a place, and counts what that acknowledges."""

    def __init__(
        self,
        plugin: Chosen,
        url: str,
        paths: tuple[Path, ...] = (),
        limits: PublishLimits | None = None,
        reading: InputOptions = READING,
        *,
        dry_run: bool = False,
    ) -> None:
        super().__init__("publish")
        self.plugin, self.url, self.paths = plugin, url, paths
        self.limits, self.reading = limits or PublishLimits(), reading
        self.dry_run = dry_run
        self.tick = self.limits.seconds

    @property
    def keeps(self) -> bool:
        """Not when nothing is to be written at all."""
        return not self.dry_run

    @property
    def request(self) -> dict[str, Any]:
        """To what kind of place; its URL is nobody else's business."""
        return {"place": self.plugin.name}

    def work(self, run: StageRun) -> Iterator[Made]:
        """Send the input to its end."""
        aside = _Aside(run)
        sending = Publication(
            self._sink(run),
            self.limits,
            run.log,
            aside.add,
            run.session.observers.retried,
            ending=run.control.terminated,
            wrong=partial(registry.misused, "publish", self.plugin.name),
        )
        try:
            sending.begin()
            for chunk in run.chunks():
                wanted = chunk.without(*CONTROL_TYPES)
                run.skipped += chunk.size - wanted.size
                origin = run.input.origin
                sending.run_id = sending.run_id or (origin.run_id if origin else None)
                if wanted.size:
                    sending.add(wanted.batch)
                sending.tick()
            sending.finish()
        except MdcError:
            taken = sending.sent + sending.refused + run.skipped
            run.dropped += sum(run.input.counts.values()) - taken
            _close_books(run, sending, aside, "error")
            raise
        finally:
            sending.close()
        _close_books(run, sending, aside, None)
        if sending.sent:
            run.log.result(
                f"{counted(sending.sent, 'event')} sent to {self.url}",
                event="sent",
                events=sending.sent,
            )
        if aside.first is not None and not sending.sent:
            raise DataError(f"nothing was taken: {aside.first}", hint=aside.first.hint)
        yield from ()

    def _sink(self, run: StageRun) -> Sink:
        kind = self.plugin.plugin
        secrets = run.session.secrets(kind.secrets, kind.optional_secrets)
        sink: Sink = kind(self.url, self.plugin.options, secrets)
        return Nowhere(self.url, self.plugin.options, {}) if self.dry_run else sink


class _Aside:
    """Events that the place will never take."""

    def __init__(self, run: StageRun) -> None:
        self.first: DataError | None = None
        self._run = run

    def add(self, batch: "pa.RecordBatch", error: DataError) -> None:
        """Set the rows of a batch aside, with the reason."""
        from mdc_core.wire.lines.jsonl import encode_batch

        self.first = self.first or error
        for line in encode_batch(batch).splitlines():
            self._run.quarantine.add(line, str(error))


def _close_books(run: StageRun, sending: Publication, aside: _Aside, reason: str | None) -> None:
    run.rejected += sending.refused
    run.finish(kept=sending.sent, reason=reason)
    if sending.refused:
        run.warn_of_rejected(str(aside.first), sending.refused)
        if run.stage.reading.strict:
            run.status = run.status or EXIT_FINDINGS
