"""Where a Parquet file is damaged: read with its checksums, in a process of its own.

A flipped bit in a footer can end the process that reads it. So it is not ours: a child reads
the paths from its standard input, and writes what it found, a line for each.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

# What pyarrow says of a file with a flipped bit, wherever it is.
UNREADABLE = (pa.ArrowException, OSError, ValueError)


class PageDamage(NamedTuple):
    """What is wrong with a file, and where in it as far as that is known."""

    text: str
    start: int | None = None
    stop: int | None = None


def damages(paths: Sequence[Path], *, deep: bool) -> list[list[PageDamage]]:
    """What is wrong with each of some Parquet files; not `deep`, only footers are read."""
    found: list[list[PageDamage]] = []
    child = [sys.executable, "-P", "-m", __name__, "deep" if deep else "footer"]
    while len(found) < len(paths):
        asked = "".join(f"{json.dumps(str(path))}\n" for path in paths[len(found) :])
        answer = subprocess.run(child, input=asked, capture_output=True, text=True, check=False)
        for line in answer.stdout.splitlines(keepends=True):
            if line.endswith("\n"):
                found.append([PageDamage(*damage) for damage in json.loads(line)])
        if len(found) < len(paths):
            found.append([PageDamage("its footer cannot be read")])
    return found


def main() -> None:
    """Be the child."""
    deep = sys.argv[1] == "deep"
    for line in sys.stdin:
        found = list(_damages(json.loads(line), deep=deep))
        print(json.dumps(found), flush=True)


def _damages(path: str, *, deep: bool) -> Iterator[PageDamage]:
    try:
        with Path(path).open("rb") as file:
            parquet = pq.ParquetFile(file, pre_buffer=False, page_checksum_verification=True)
            for group in range(parquet.metadata.num_row_groups):
                for index in range(parquet.metadata.num_columns):
                    yield from _column(parquet, group, index, deep=deep)
    except UNREADABLE as error:
        yield PageDamage(f"its footer cannot be read: {' '.join(str(error).split())}")


def _column(parquet: pq.ParquetFile, group: int, index: int, *, deep: bool) -> Iterator[PageDamage]:
    column = parquet.metadata.row_group(group).column(index)
    name = column.path_in_schema
    offsets = column.dictionary_page_offset, column.data_page_offset
    start = min(offset for offset in offsets if offset)
    stop = start + column.total_compressed_size
    if deep:
        try:
            parquet.read_row_group(group, columns=[name])
        except UNREADABLE:
            yield PageDamage(f"row group {group}, column {name}", start, stop)


if __name__ == "__main__":
    main()
