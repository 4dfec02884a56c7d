"""What a feed is asked for: symbols and channels, as they are now."""

from pathlib import Path

from mdc_core.contracts import Subscription
from mdc_core.errors import UsageError
from mdc_core.pipelines.inputs import STDIN
from mdc_core.pipelines.streaming.options import Reread, StreamOptions
from mdc_core.pipelines.streaming.watched import WatchedFile
from mdc_core.pipelines.symbols import read_symbols


class Wanted:
    """What a stream asks for, from its command line, a file of symbols, and changes on the way."""

    def __init__(self, provider: str, asked: StreamOptions, reread: Reread) -> None:
        self._provider, self._asked, self._reread = provider, asked, reread
        self._typed: list[str] | None = None  # the symbols on standard input
        self._extra: dict[str, bool] = {}  # symbols that were added (or dropped) later
        self.file = asked.symbols_file
        is_watched = self.file is not None and self.file != STDIN
        self._watched = WatchedFile(self.file) if self.file and is_watched else None
        self.first = self._subscription(asked.channels)

    @property
    def has_changed(self) -> bool:
        """Whether the file of symbols says something else, told once."""
        return self._watched is not None and self._watched.changed

    def again(self) -> Subscription:
        """What --symbols-file and mdc.toml say now; raises MdcError."""
        if self._watched is not None:
            self._watched.read()
        self.file, channels = self._reread()
        return self._subscription(channels)

    def change(self, add: tuple[str, ...], drop: tuple[str, ...]) -> Subscription:
        """What is asked for with more symbols, or fewer; raises MdcError."""
        for symbol in (*drop, *add):
            self._extra.pop(symbol, None)
        self._extra |= dict.fromkeys(add, True) | dict.fromkeys(drop, False)
        return self.again()

    def _subscription(self, channels: tuple[str, ...] | None) -> Subscription:
        more = self._listed(self.file) if self.file is not None else []
        added = [symbol for symbol, is_added in self._extra.items() if is_added]
        found = dict.fromkeys([*self._asked.symbols, *more, *added])
        symbols = tuple(symbol for symbol in found if self._extra.get(symbol, True))
        if not symbols and self._asked.replay is None:
            raise UsageError("no symbols", hint=f"mdc stream {self._provider} SYMBOL...")
        return Subscription(symbols, tuple(channels or ()))

    def _listed(self, file: Path) -> list[str]:
        """The symbols in a file as it is now; standard input is read once."""
        if file == STDIN and self._typed is not None:
            return self._typed
        found = read_symbols(file)
        self._typed = found if file == STDIN else self._typed
        return found
