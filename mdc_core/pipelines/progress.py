"""A progress bar for whoever watches: on a terminal, by the last command of a pipe."""

import os
import stat
import sys
from contextlib import suppress
from typing import Any

from mdc_core.logs import NOTE
from mdc_core.session import Session
from mdc_core.wire import stdout


class Progress:
    """Counts events on the terminal, or does nothing where nobody watches."""

    def __init__(
        self,
        session: Session,
        stage: str,
        *,
        total: int | None = None,
        writes: bool = True,
        watched: bool = True,
    ) -> None:
        self._bar: Any = None
        if watched and _watched(session, writes):
            from tqdm import tqdm

            self._bar = tqdm(
                total=total,
                desc=f"mdc {stage}",
                unit=" events",
                unit_scale=True,
                file=sys.stderr,
                leave=False,
                mininterval=0.2,
            )

    def add(self, events: int) -> None:
        """So many more."""
        if self._bar is not None:
            try:
                self._bar.update(events)
            except OSError:  # the terminal is gone, and nobody watches
                self._bar = None

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            with suppress(OSError):
                self._bar.close()
            self._bar = None


def _watched(session: Session, writes: bool) -> bool:
    """Whether a bar is of use: a terminal, not filled with events, and no later command's."""
    log = session.log
    if not stdout.is_ours() or log.threshold > NOTE or log.style != "text" or not os.isatty(2):
        return False
    if stat.S_ISFIFO(os.fstat(stdout.descriptor()).st_mode):
        return False  # the command behind us in the pipe has a bar of its own
    return not (writes and os.isatty(stdout.descriptor()))
