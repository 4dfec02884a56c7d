"""The console script: what is imported after it may take as long as it takes."""

import gc
import os
import sys
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mdc_core import __version__

if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # without the enums of `signal`, a fortieth of `mdc --help`

# With it pyarrow makes the help() of its functions, an eighth of what importing it takes.
DOCSCRAPE = "pyarrow.vendored.docscrape"
# New objects after which Python looks for cycles. Its own 700 cost a fifteenth of a short command,
# for modules make many objects, and a feed's events; nearly all are freed without a look.
CYCLES = 50_000


class _NoDocs(ModuleType):
    """Stands for that module, and finds nothing in a docstring, until it is asked for more."""

    def __init__(self) -> None:
        super().__init__(DOCSCRAPE)
        self.__spec__ = type(sys.__spec__)(DOCSCRAPE, None)

    @staticmethod
    def NumpyDocString(text: str) -> dict[str, list[Any]]:  # noqa: N802 - its name there
        """What a docstring says of the parameters: nothing."""
        return {"Parameters": []}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        from importlib import import_module

        if sys.modules.get(DOCSCRAPE) is self:
            del sys.modules[DOCSCRAPE]
        return getattr(import_module(DOCSCRAPE), name)


def main() -> int:
    """Run mdc, and return its exit status; a Ctrl-C ends it quietly, whenever it comes."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        with suppress(OSError):  # which is told where everything is there to tell it
            os.write(1, f"mdc {__version__}\n".encode())
            return 0
    # Python's own handler would show a traceback out of an import; the system's says nothing.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.set_threshold(CYCLES)
    sys.modules.setdefault(DOCSCRAPE, _NoDocs())
    try:
        from mdc_core.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        return 130
