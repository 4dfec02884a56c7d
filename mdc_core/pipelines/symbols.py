"""A file of symbols: one a line, or several with commas; `#` begins a comment."""

import os
import re
from pathlib import Path

from mdc_core.disk import unreadable
from mdc_core.errors import DataError, UsageError
from mdc_core.pipelines.inputs import STDIN, opened
from mdc_core.wire import stdout

_COMMENT = re.compile(r"(^|\s)#.*")


def read_symbols(path: Path) -> list[str]:
    """The symbols in a file, or on standard input; raises DataError that names the place."""
    name = "<stdin>" if path == STDIN else str(path)
    try:
        text = (_standard_input() if path == STDIN else path.read_bytes()).decode()
    except UnicodeDecodeError:
        raise DataError(f"{name} is not UTF-8 text") from None
    except OSError as error:
        raise unreadable(f"{name} (symbols)", error) from None
    symbols = []
    for number, line in enumerate(text.splitlines(), 1):
        for word in _COMMENT.sub("", line).split(","):
            symbol = word.strip()
            if len(symbol.split()) > 1:
                raise DataError(f"{name}: line {number} has more than one symbol: {symbol!r}")
            if symbol:
                symbols.append(symbol)
    return symbols


def _standard_input() -> bytes:
    """All of it; nothing is left for whoever would read events there."""
    if not stdout.is_ours():
        raise UsageError("standard input is not this pipeline's", hint="name a file of symbols")
    with opened(STDIN) as file:
        text = file.read()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return text
