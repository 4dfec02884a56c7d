"""Events on their way to a place: sent in batches, again where the place has not got them.

Rows are counted from the first of the run. A batch is called by the run, by which of its rows it
has, and by what they say, so that the same rows have the same name in every try, and in another
run over the same input; other rows never have it, however the run was filtered or joined with
others. Of a plain file, which no run has said anything of, it is what they and all rows before
them say, so that it can be sent again as well. What the place has acknowledged is never sent
again.
"""

from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from mdc_core.batch import unify
from mdc_core.contracts import Sink
from mdc_core.errors import BusyError, DataError, MdcError, PluginError, UnavailableError
from mdc_core.live.clock import Clock, SystemClock
from mdc_core.live.upkeep.backoff import Backoff
from mdc_core.texts import counted, waited
from mdc_core.wire.lines.jsonl import encode_and_keep

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

    import pyarrow as pa

    from mdc_core.logs import Log

PATIENCE = 600.0  # the longest wait that a place may ask for; else: try again later


class PublishLimits(NamedTuple):
    """How events are brought together, and how often is tried."""

    rows: int = 1_000
    seconds: float = 1.0
    retries: int = 5


class Nowhere(Sink):
    """Takes everything and keeps nothing: a dry run."""

    rows = 0

    def write(self, batch: "pa.RecordBatch", token: str) -> None:
        """Count it."""
        self.rows += batch.num_rows

    def flush(self) -> int:
        """All of it."""
        return self.rows


class Publication:
    """What one run publishes; `sent` rows are acknowledged, `refused` will never be taken."""

    def __init__(
        self,
        sink: Sink,
        limits: PublishLimits,
        log: "Log",
        set_aside: "Callable[[pa.RecordBatch, DataError], None]",
        retried: Callable[[str, float], None] = lambda cause, delay: None,
        clock: Clock | None = None,
        ending: Event | None = None,
        wrong: Callable[[str], MdcError] = PluginError,
    ) -> None:
        self.sent = self.refused = 0
        self._wrong = wrong  # what is said of a sink that answers something else
        self.run_id: str | None = None  # None: of no run that is known
        self._sink, self._limits, self._log = sink, limits, log
        self._set_aside, self._retried = set_aside, retried
        self._ending = ending or Event()  # once it is set, nothing is waited for
        self._clock = clock or SystemClock(self._ending)
        self._held: list[pa.RecordBatch] = []
        self._rows = 0  # held
        self._since = 0.0
        self._open = False
        self._safe = 0  # acknowledged since it was opened
        self._before = sha256()  # of the rows that are done with, if they are of no run

    def begin(self) -> None:
        """Open the place before anything is read: what is wrong with its URL is told first.

        One that cannot be reached is tried again when there is something to send.
        """
        with suppress(UnavailableError, BusyError):
            self._connect()

    def add(self, batch: "pa.RecordBatch") -> None:
        """Take rows, and send what makes whole batches."""
        if not self._held:
            self._since = monotonic()
        self._held.append(batch)
        self._rows += batch.num_rows
        if self._rows >= self._limits.rows:
            self._send_held(self._rows - self._rows % self._limits.rows)

    def tick(self) -> None:
        """Send what has waited long enough."""
        if self._held and monotonic() - self._since >= self._limits.seconds:
            self._send_held(self._rows)

    def finish(self) -> None:
        """Send the rest."""
        if self._held:
            self._send_held(self._rows)

    def close(self) -> None:
        """Let go of the place."""
        if self._open:
            self._open = False
            self._sink.close()

    def _send_held(self, rows: int) -> None:
        """Send the first rows of those that are held."""
        whole = unify(self._held)
        rest = whole.slice(rows)
        self._held = [rest] if rest.num_rows else []
        self._rows = rest.num_rows
        for start in range(0, rows, self._limits.rows):
            self._send(whole.slice(start, min(self._limits.rows, rows - start)))

    def _send(self, batch: "pa.RecordBatch") -> None:
        """Send rows until they are acknowledged; raises the error of the last try."""
        backoff = Backoff(self._limits.retries, draw=self._clock.random)
        while batch.num_rows:
            try:
                before = self.sent
                try:
                    self._try(batch)
                finally:
                    batch = batch.slice(self.sent - before)
            except DataError as error:
                self.refused += batch.num_rows
                self._pass(batch)
                self._set_aside(batch, error)
                self.close()
                return
            except (UnavailableError, BusyError) as error:
                self.close()
                self._wait(error, backoff)

    def _try(self, batch: "pa.RecordBatch") -> None:
        if not self._open:
            self._connect()
        first = self.sent + self.refused
        said, whose = self._said(batch), self.run_id or "plain"
        token = f"{whose}:{first}-{first + batch.num_rows}:{said.hexdigest()[:16]}"
        self._sink.write(batch, token)
        safe = self._sink.flush()
        if type(safe) is not int or not self._safe <= safe <= self._safe + batch.num_rows:
            count = f"{self._safe} to {self._safe + batch.num_rows}"
            raise self._wrong(f"flush() gives {safe!r:.80}, where {count} can be acknowledged")
        fresh, self._safe = safe - self._safe, safe
        self.sent += fresh
        self._pass(batch.slice(0, fresh), said if fresh == batch.num_rows else None)
        if fresh < batch.num_rows:
            raise UnavailableError(
                f"acknowledged only {fresh:,} of {counted(batch.num_rows, 'event')}"
            )

    def _connect(self) -> None:
        self._sink.open()
        self._open, self._safe = True, 0

    def _said(self, batch: "pa.RecordBatch") -> "Hash":
        """What these rows say, and those before them if they are of no run."""
        said = self._before.copy()
        said.update(encode_and_keep(batch))
        return said

    def _pass(self, batch: "pa.RecordBatch", said: "Hash | None" = None) -> None:
        """These rows are done with; `said` is what they say, where it is known."""
        if self.run_id is None and batch.num_rows:
            self._before = said or self._said(batch)

    def _wait(self, error: UnavailableError | BusyError, backoff: Backoff) -> None:
        after = getattr(error, "after", None) or 0.0
        if after > PATIENCE or self._ending.is_set():
            raise error
        delay = backoff.delay(error)
        self._log.warning(f"{error}; trying again in {waited(delay)}")
        self._retried(str(error), delay)
        self._clock.wait(delay)
