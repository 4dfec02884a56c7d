"""What is told to people: lines on stderr, with every secret masked."""

import errno
import os
import re
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, TextIO

from mdc_core.texts import lines, one_line

DETAIL, NOTE, WARNING, ERROR = 10, 20, 30, 40
_LEVELS = {DETAIL: "detail", NOTE: "info", WARNING: "warning", ERROR: "error"}
MASK = "***"
CLEAR = "\r\x1b[K"  # takes away what stands in the line of a terminal: somebody's progress bar
leaving: list[Callable[[], None]] = []  # what to do before the process ends on the spot
_SHORTEST = 4  # masking shorter words would make every message unreadable


class Mask:
    """The secrets of this run, and the text without them."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._longest_first: tuple[str, ...] = ()
        self._escaped: re.Pattern[str] | None = None

    def add(self, secret: str) -> None:
        """Mask this value from now on, also as it appears in a URL or in JSON."""
        from json import dumps
        from urllib.parse import quote, quote_plus

        forms = {secret, quote(secret, safe=""), quote_plus(secret), dumps(secret)[1:-1]}
        self._secrets.update(form for form in forms if len(form) >= _SHORTEST)
        self._longest_first = tuple(sorted(self._secrets, key=len, reverse=True))
        self._escaped = re.compile("|".join(map(_as_escaped, self._longest_first)) or "(?!)")

    def __call__(self, text: str) -> str:
        """The text with every secret replaced."""
        for secret in self._longest_first:
            text = text.replace(secret, MASK)
        if self._escaped is not None and "\\" in text:
            text = self._escaped.sub(MASK, text)
        return text

    def frame(self, raw: str | bytes) -> str | bytes:
        """A frame with every secret replaced; bytes that are no text survive."""
        if isinstance(raw, str):
            return self(raw)
        return self(raw.decode(errors="surrogateescape")).encode(errors="surrogateescape")


def _as_escaped(secret: str) -> str:
    """A pattern for a text as JSON may write it: each character by itself, or escaped."""
    return "".join(
        rf"(?:\\?{re.escape(char)}|\\u(?i:{ord(char):04x}))"
        if ord(char) < 1 << 16
        else re.escape(char)
        for char in secret
    )


class Record(NamedTuple):
    """A message that was said: its level (detail, info, warning, error), by whom, the text."""

    level: str
    stage: str | None
    text: str
    hint: str | None = None


def clears(file: TextIO | None) -> bool:
    """Whether a line of this file may have to be cleared first: a terminal that can do it."""
    try:
        return os.environ.get("TERM") != "dumb" and file is not None and file.isatty()
    except ValueError:  # closed
        return False


def leave(status: int) -> NoReturn:
    """End the process on the spot, with no bar left in the line of the terminal."""
    for wipe in leaving:
        wipe()
    os._exit(status)


class Log:
    """Messages for people: `mdc VERB: message`, or one JSON object a line.

    `stage` (the command) may be set once it is known, and so may `run_id`, which tells the id.
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
        self.run_id: Callable[[], str | None] = lambda: None
        self.said: list[Record] = []  # kept by a log that collects
        self._file = file

    def for_stage(self, stage: str) -> "Log":
        """A log in the same place that names this stage."""
        log = object.__new__(type(self))
        log.__dict__ |= self.__dict__  # as `copy` does, whose import takes longer than all of this
        log.stage = stage
        return log

    def detail(self, message: str, below: str = "", **fields: Any) -> None:
        """For whoever asks for more (`-v`); what is below it keeps its lines."""
        self._say(DETAIL, message, below, **fields)

    def note(self, message: str, **fields: Any) -> None:
        """How it goes, and how it went; silent with `-q`."""
        self._say(NOTE, message, **fields)

    def result(self, message: str, **fields: Any) -> None:
        """What came of it: for whoever watches a terminal, asks for more, or reads JSON."""
        watched = self.style == "json" or self.threshold < NOTE or clears(self.file)
        self._say(NOTE if watched else DETAIL, message, **fields)

    @property
    def file(self) -> TextIO | None:
        """Where it is said; nowhere, if standard error is closed."""
        return self._file or sys.stderr

    def warning(self, message: str, hint: str | None = None, **fields: Any) -> None:
        """Something is not as it should be, and the work goes on."""
        self._say(WARNING, message, hint=hint, **fields)

    def error(self, message: str, below: str = "", hint: str | None = None, **fields: Any) -> None:
        """The work ends here; what is below it keeps its lines."""
        self._say(ERROR, message, below, hint, **fields)

    def _say(
        self,
        level: int,
        message: str,
        below: str = "",
        hint: str | None = None,
        **fields: Any,
    ) -> None:
        """Say it where it is loud enough; `fields` are for programs: JSON has them by name."""
        file = self.file
        if level < self.threshold or file is None:
            return
        message, below = self.mask(message), self.mask(below and f"\n{below}")
        hint = hint and self.mask(hint)
        if self.style == "json":
            line = self._json(level, message + below, hint, fields)
        else:
            who = f"mdc {self.stage}" if self.stage else "mdc"
            more = f"\nhint: {one_line(hint)}" if hint else ""
            line = f"{who}: {one_line(message)}{lines(below)}{more}"
        try:
            # One write a line, so that lines of several commands do not mix.
            print((CLEAR if clears(file) else "") + line + "\n", end="", file=file, flush=True)
        except OSError as error:
            # Nobody listens any more (a terminal that is gone); that is no reason to stop.
            if not isinstance(error, BrokenPipeError) and error.errno != errno.EIO:
                raise

    def _json(self, level: int, message: str, hint: str | None, fields: dict[str, Any]) -> str:
        from json import dumps

        from mdc_core.times import now

        record = {
            "ts": now(),
            "level": _LEVELS[level],
            "stage": self.stage,
            "run_id": self.run_id(),
            "event": fields.pop("event", "message"),
            "message": message,
            **({"hint": hint} if hint else {}),
            **{k: self.mask(v) if isinstance(v, str) else v for k, v in fields.items()},
        }
        return dumps(record, ensure_ascii=False, default=str)


class CollectingLog(Log):
    """Keeps what is said, each stage's for itself; it is also written where a file is given."""

    def for_stage(self, stage: str) -> "Log":
        """A log that keeps what this stage says."""
        log = super().for_stage(stage)
        log.said = []
        return log

    def _say(
        self,
        level: int,
        message: str,
        below: str = "",
        hint: str | None = None,
        **fields: Any,
    ) -> None:
        if level >= self.threshold:
            text = self.mask(message + (below and f"\n{below}"))
            self.said.append(Record(_LEVELS[level], self.stage, text, hint and self.mask(hint)))
        if self._file is not None:
            super()._say(level, message, below, hint, **fields)
