"""The console script: what is imported after it may take as long as it takes."""

import signal
import sys
from types import ModuleType
from typing import Any

# Modules of numpy and pyarrow that do nothing but write the texts of help(): an eighth of
# what importing those two takes, and no command shows them.
_TEXTS = (
    "numpy._core._add_newdocs",
    "numpy._core._add_newdocs_scalars",
    "pyarrow.vendored.docscrape",
)


class _Unread(ModuleType):
    """Stands for a module of such texts until somebody asks it for something else."""

    @staticmethod
    def NumpyDocString(text: str) -> dict[str, list[Any]]:  # noqa: N802 - the name in docscrape
        """What a docstring says of the parameters: nothing."""
        return {"Parameters": []}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        from importlib import import_module

        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def main() -> int:
    """Run mdc, and return its exit status; a Ctrl-C ends it quietly, whenever it comes."""
    # Python's own handler would show a traceback out of an import; the system's says nothing.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    for name in _TEXTS:
        sys.modules.setdefault(name, _Unread(name))
    try:
        from mdc_core.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        return 130
