"""A verb as a value: what it reads and writes, and the work that it does when it is run."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mdc_core.errors import UsageError
from mdc_core.events import Event
from mdc_core.pipeline.inputs import READING
from mdc_core.wire.reader import Chunk
from mdc_core.wire.writer import Wire

if TYPE_CHECKING:
    from mdc_core.pipeline.run import StageRun

Made = Chunk | Sequence[Event]
# How a signal ends a stage: a source stops, others go on to the end of their input, or neither.
Ending = Literal["stop", "follow", "none"]


class Stage:
    """One step of a pipeline; it holds options only, so it can be run again."""

    wire: Wire = "jsonl"
    paths: tuple[Path, ...] = ()
    reading = READING
    provider: str | None = None
    tell: Callable[[Any], None] | None = None  # what shows the answer to people
    total: int | None = None  # how many events there will be at most, where that is known
    tick: float | None = None  # the longest time in seconds that it can wait for its input

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def request(self) -> dict[str, Any]:
        """What was asked for: part of `begin`."""
        return {}

    @property
    def writes(self) -> bool:
        """Whether events come out."""
        return True

    @property
    def takes_input(self) -> bool:
        """Whether it reads what the stage before it writes."""
        return not self.paths

    @property
    def ending(self) -> Ending:
        """What a signal does to it where it is the first stage."""
        return "follow"

    def work(self, run: "StageRun") -> Iterator[Made]:
        """Do the work, and yield what goes out; nothing of it may be kept in `self`."""
        raise NotImplementedError

    def must_fit(self, first: bool, last: bool) -> None:
        """Raise UsageError where this stage cannot stand in this place of a pipeline."""
        if not first and not self.takes_input:
            raise UsageError(
                f"{self.name} does not read what comes before it",
                hint="only the first stage of a pipeline is a source, or names what it reads",
            )
        if not last and not self.writes:
            raise UsageError(f"{self.name} writes no events, so it must be the last stage")


class SourceStage(Stage):
    """Brings events in."""

    @property
    def takes_input(self) -> bool:
        """No."""
        return False

    @property
    def ending(self) -> Ending:
        """It stops, and those behind it go on to their end."""
        return "stop"


class FilterStage(Stage):
    """Events in, events out."""


class SinkStage(Stage):
    """Events in, a result out."""

    @property
    def writes(self) -> bool:
        """Not unless it says so."""
        return False
