"""The stage `decode`: raw frames by today's codecs again."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdc_core.accounting import Account
from mdc_core.contracts import Subscription
from mdc_core.errors import NothingFoundError
from mdc_core.live.frames.head import FileHead
from mdc_core.live.limit import EventLimit
from mdc_core.live.recorded.recording import Recording
from mdc_core.live.recorded.replay import Span
from mdc_core.pipelines.chosen import Chosen
from mdc_core.pipelines.frames.recording import events_of, gathered
from mdc_core.pipelines.inputs import InputOptions
from mdc_core.pipelines.output.options import OutputOptions
from mdc_core.pipelines.stage import Made, SourceStage
from mdc_core.suggest import near, question
from mdc_core.texts import counted
from mdc_core.times import from_ns

if TYPE_CHECKING:
    from mdc_core.pipelines.stage import StageRun

_OURS = ("connection", "gap", "integrity")


class FramesDecode(SourceStage):
    """Makes events of recorded frames, those of each provider by its own codec."""

    def __init__(
        self,
        place: Path,
        found: Sequence[Recording],
        codec_of: Callable[[FileHead], Chosen],
        providers: tuple[str, ...],
        symbols: tuple[str, ...] = (),
        types: tuple[str, ...] = (),
        *,
        span: Span = (None, None),
        limit: int | None,
        reading: InputOptions,
        writing: OutputOptions,
        allow_empty: bool = False,
    ) -> None:
        super().__init__("frames decode")
        self.place, self.found, self.codec_of = place, found, codec_of
        self.symbols, self.types, self.span = symbols, types, span
        self.limit = self.total = self.few = limit
        self.allow_empty = allow_empty
        self.reading, self.writing = reading, writing
        self.providers = providers
        self.provider = providers[0] if len(providers) == 1 else None

    @property
    def request(self) -> dict[str, Any]:
        """Which frames are decoded, and what of them is wanted."""
        symbols, types = list(self.symbols), list(self.types)
        asked: dict[str, Any] = {"paths": [str(self.place)], "symbols": symbols, "types": types}
        named = zip(("from", "to"), self.span, strict=True)
        asked |= {name: from_ns(ns) for name, ns in named if ns is not None}
        return {"provider": self.provider, **asked} if self.provider else asked

    @property
    def sifts(self) -> bool:
        """Yes: what one message says wrong costs that message."""
        return True

    def work(self, run: "StageRun") -> Iterator[Made]:
        """Pass on the events of the frames, to the last that is wanted."""
        run.out.begin()
        yield []
        try:
            yield from self._events(run)
        except BaseException as error:
            if not isinstance(error, GeneratorExit):
                run.end("error")
            _summarise(run)
            raise
        _summarise(run)
        self._check(run)

    def _check(self, run: "StageRun") -> None:
        """Raise NothingFoundError if there is nothing of what was asked for."""
        asked = self.symbols or self.types or any(ns is not None for ns in self.span)
        counted_ones = (run.out.counts[name] for name in self.types or _market(run))
        if not asked or self.allow_empty or run.control.stop.is_set() or any(counted_ones):
            return
        kinds = f"{', '.join(self.types)} " if self.types else ""
        of = f" of {', '.join(self.symbols)}" if self.symbols else ""
        when = " in that time" if any(ns is not None for ns in self.span) else ""
        known = {symbol for one in self.found for symbol in one.head.symbols or ()}
        close = [like for symbol in self.symbols for like in near(symbol, known)]
        text = f"no {kinds}events{of} in {self.place}{when}"
        raise NothingFoundError(f"{text}{question(close)}")

    def _events(self, run: "StageRun") -> Iterator[Made]:
        limit = EventLimit(self.limit, None)
        lists = events_of(
            self.found,
            self.codec_of,
            Subscription(self.symbols),
            types=self.types,
            log=run.log,
            quarantine=run.quarantine,
            span=self.span,
        )
        for events in gathered(lists) if self.limit is None else lists:
            if limit.reached or run.control.stop.is_set():
                break
            events = limit.cut(events)
            yield events
            run.progress.add(len(events))
        run.end("limit" if limit.reached else "signal" if run.control.stop.is_set() else "eof")


def _market(run: "StageRun") -> list[str]:
    """The types that there are, without those of events about the data."""
    return [name for name in run.out.counts if name not in _OURS]


def _summarise(run: "StageRun") -> None:
    """Say the counts."""
    counts, rejected = run.out.counts, run.quarantine.count
    ours = sum(counts[name] for name in _OURS)
    out = sum(counts.values()) - ours
    run.say(Account(out + rejected, out, rejected, 0, derived=ours))
    if rejected:
        run.log.warning(f"{counted(rejected, 'unreadable frame')} {run.quarantine.told()}")
