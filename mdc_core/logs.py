"""What is told to people: lines on stderr, with every secret masked."""

import errno
import sys
from copy import copy
from typing import NamedTuple, TextIO

from mdc_core.texts import lines, one_line

DETAIL, NOTE, WARNING, ERROR = 10, 20, 30, 40
_LEVELS = {DETAIL: "detail", NOTE: "info", WARNING: "warning", ERROR: "error"}
MASK = "***"
_SHORTEST = 4  # masking shorter words would make every message unreadable


class Mask:
    """The secrets of this run, and the text without them."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def add(self, secret: str) -> None:
        """Mask this value from now on, also as it appears in a URL or in JSON."""
        from json import dumps
        from urllib.parse import quote, quote_plus

        forms = {secret, quote(secret, safe=""), quote_plus(secret), dumps(secret)[1:-1]}
        self._secrets.update(form for form in forms if len(form) >= _SHORTEST)

    def __call__(self, text: str) -> str:
        """The text with every secret replaced."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text


class Record(NamedTuple):
    """A message that was said: its level (detail, info, warning, error), by whom, the text."""

    level: str
    stage: str | None
    text: str


class Log:
    """Messages for people: `mdc: message`, or one JSON object a line.

    `stage` (the command) and `run_id` may be set once they are known.
    """

    def __init__(
        self,
        *,
        style: str = "text",
        threshold: int = NOTE,
        mask: Mask | None = None,
        file: TextIO | None = None,
    ) -> None:
        self.style = style
        self.threshold = threshold
        self.mask = mask or Mask()
        self.stage: str | None = None
        self.run_id: str | None = None
        self.said: list[Record] = []  # kept by a log that collects
        self._file = file

    def for_stage(self, stage: str) -> "Log":
        """A log in the same place that names this stage."""
        log = copy(self)
        log.stage = stage
        return log

    def detail(self, message: str, below: str = "") -> None:
        """For whoever asks for more (`-v`); what is below it keeps its lines."""
        self._say(DETAIL, message, below)

    def note(self, message: str) -> None:
        """How it goes, and how it went; silent with `-q`."""
        self._say(NOTE, message)

    def warning(self, message: str) -> None:
        """Something is not as it should be, and the work goes on."""
        self._say(WARNING, message)

    def error(self, message: str, below: str = "") -> None:
        """The work ends here; what is below it keeps its lines."""
        self._say(ERROR, message, below)

    def _say(self, level: int, message: str, below: str = "") -> None:
        if level < self.threshold:
            return
        message, below = self.mask(message), self.mask(below and f"\n{below}")
        if self.style == "json":
            line = self._json(level, message + below)
        else:
            line = f"mdc: {one_line(message)}{lines(below)}"
        try:
            # One write a line, so that lines of several commands do not mix.
            print(line + "\n", end="", file=self._file or sys.stderr, flush=True)
        except OSError as error:
            # Nobody listens any more (a terminal that is gone); that is no reason to stop.
            if not isinstance(error, BrokenPipeError) and error.errno != errno.EIO:
                raise

    def _json(self, level: int, message: str) -> str:
        from json import dumps

        from mdc_core.times import now

        record = {
            "ts": now(),
            "level": _LEVELS[level],
            "stage": self.stage,
            "run_id": self.run_id,
            "message": message,
        }
        return dumps(record, ensure_ascii=False)


class CollectingLog(Log):
    """Keeps what is said, each stage's for itself; it is also written where a file is given."""

    def for_stage(self, stage: str) -> "Log":
        """A log that keeps what this stage says."""
        log = super().for_stage(stage)
        log.said = []
        return log

    def _say(self, level: int, message: str, below: str = "") -> None:
        if level >= self.threshold:
            text = self.mask(message + (below and f"\n{below}"))
            self.said.append(Record(_LEVELS[level], self.stage, text))
        if self._file is not None:
            super()._say(level, message, below)
