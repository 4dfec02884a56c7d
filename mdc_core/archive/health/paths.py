"""What the path of a part claims to be in it."""

import re
from pathlib import PurePosixPath

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.catalog.layout import names_in_paths
from mdc_core.archive.catalog.paths import period
from mdc_core.archive.row_time import NO_TIME
from mdc_core.events import EVENT_TYPES
from mdc_core.texts import counted

_FLAT = re.compile(rf"(.*)_({'|'.join(EVENT_TYPES)})_(?:\d|all|undated)")


def claims(path: PurePosixPath) -> set[tuple[str, str]]:
    """The symbol (as in paths) and type of a part by its path; several if it is ambiguous."""
    folders, found = path.parts[:-1], set()
    if len(folders) >= 2:
        symbol, kind = folders[0], folders[1]
        if symbol.startswith("symbol=") and kind.startswith("type="):
            found.add((symbol.removeprefix("symbol="), kind.removeprefix("type=")))
    if len(folders) == 2:
        if folders[1] in EVENT_TYPES:
            found.add((folders[0], folders[1]))
        if folders[0] in EVENT_TYPES:
            found.add((folders[1], folders[0]))
        if path.name.partition(".")[0] in EVENT_TYPES:
            found.add((folders[1], path.name.partition(".")[0]))
    match = _FLAT.match(path.name) if not folders else None
    return found | ({(match[1], match[2])} if match else set())


def misplaced(part: PartRow) -> str | None:
    """In which way a part is not what its path claims."""
    path = PurePosixPath(part.path)
    claimed = claims(path)
    names = names_in_paths(part.symbol, part.shares)
    if claimed and not any((name, part.type_name) in claimed for name in names):
        symbol, kind = min(claimed)
        said = f"its path says {kind} of {symbol}"
        held = counted(len(part.shares), "symbol") if part.shares else part.symbol
        return f"holds {part.type_name} events of {held}, {said}"
    start, stop = period(path)
    timed = part.begins != NO_TIME and start is not None and stop is not None
    if timed and not (start <= part.begins and part.ends < stop):  # type: ignore[operator]
        return "holds events of other days than its path says"
    return None
