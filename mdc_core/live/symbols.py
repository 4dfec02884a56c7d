"""A file of symbols: one a line, `#` begins a comment."""

import re
from pathlib import Path

from mdc_core.errors import DataError

_COMMENT = re.compile(r"(^|\s)#.*")


def read_symbols(path: Path) -> list[str]:
    """The symbols in a file, in its order; raises DataError that names the place."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise DataError(f"cannot read the symbols in {path}: {error.strerror}") from None
    symbols = []
    for number, line in enumerate(text.splitlines(), 1):
        symbol = _COMMENT.sub("", line).strip()
        if len(symbol.split()) > 1:
            raise DataError(f"{path}: line {number} has more than one symbol: {symbol!r}")
        if symbol:
            symbols.append(symbol)
    return symbols
