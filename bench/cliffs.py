"""What the same events cost, however they are cut, mixed or compressed.

    python bench/cliffs.py [--events N] [--turns N]

Prints the CPU seconds of `store`, `cat`, `validate` and `convert` for each input, and beside them
the ratio to the cheapest input of the same events, what starting the command takes left out.
Each is the median of some turns, and each turn reads all inputs, so that a machine that has other
work as well is as slow for all of them. Two corpora: quotes and trades by turns, and 17 types by
turns, where each event changes its columns.
"""

import argparse
import gzip
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pyarrow as pa
import zstandard

from mdc_core.batch import from_rows
from mdc_core.events import CONTROL_TYPES, EVENT_TYPES, Event
from mdc_core.times import from_ns
from mdc_core.wire.lines.jsonl import encode_batch
from mdc_core.wire.streams.encoder import StreamEncoder

MDC = str(Path(sys.executable).parent / "mdc")
START = 1_704_205_800_000_000_000  # 2024-01-02T14:30:00Z
TYPES = tuple(name for name in EVENT_TYPES if name not in CONTROL_TYPES)
STREAMS = 3_000
START_ONLY = "one event, which is all but the start of a command"
COMMANDS = (("store", "--root", "data"), ("cat",), ("validate",), ("convert", "--format", "jsonl"))


def events(count: int, types: Sequence[str]) -> list[Event]:
    """So many events of 20 symbols, of each type by turns."""
    made = []
    for number in range(count):
        name = types[number % len(types)]
        price = Decimal(10_000 + number % 50) / 100
        more = {
            "trade": {"price": price, "size": Decimal(1), "trade_id": str(number)},
            "quote": {"bid_price": price, "bid_size": Decimal(1), "ask_price": price + 1},
        }
        at, symbol = from_ns(START + number * 1_000_000), f"S{number // len(types) % 20}"
        fields = {"symbol": symbol, "ts_event": at, "ts_recv": at, "provider": "bench"}
        made.append(EVENT_TYPES[name](**fields, **more.get(name, {})))
    return made


def streams(batches: Iterable[pa.RecordBatch], *, each: bool) -> bytes:
    """Arrow batches: in one stream until columns change, or in one each."""
    out, encoder = [], StreamEncoder()
    for batch in batches:
        encoder = StreamEncoder() if each else encoder
        out += encoder.encode(batch)
        if each:
            out += encoder.end()
    return b"".join(map(bytes, [*out, *encoder.end()]))


def cut(rows: Sequence[Event], size: int) -> Iterator[pa.RecordBatch]:
    """Batches of so many events."""
    for start in range(0, len(rows), size):
        yield from_rows(rows[start : start + size])


def singles(rows: Sequence[Event], types: int) -> Iterator[pa.RecordBatch]:
    """A batch for each event, with the columns of its type."""
    own = [from_rows(rows[first::types]) for first in range(types)]
    for number in range(len(rows)):
        yield own[number % types].slice(number // types, 1)


def inputs(rows: Sequence[Event], types: int) -> Iterator[tuple[str, bytes]]:
    """The same events, each time otherwise."""
    text = encode_batch(from_rows(rows))
    large = streams(cut(rows, 16_384), each=False)
    some = max(len(rows) // STREAMS, 1)
    yield "JSONL", text
    yield "JSONL, gzip", gzip.compress(text)
    yield "Arrow, 16,384 a batch", large
    yield "Arrow, the same, zstd", zstandard.compress(large)
    yield f"Arrow, {STREAMS:,} streams", streams(cut(rows, some), each=True)
    whole = from_rows(rows)
    same = (whole.slice(number, 1) for number in range(len(rows)))
    yield "Arrow, one a batch, same columns", streams(same, each=False)
    yield "Arrow, one event a batch", streams(singles(rows, types), each=False)
    yield "Arrow, a stream for each event", streams(singles(rows, types), each=True)


def cpu(command: Sequence[str], path: Path) -> float:
    """The CPU seconds of a command that reads a file."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with path.open("rb") as file, Path(os.devnull).open("wb") as nowhere:
        subprocess.run(
            [MDC, "-q", *command], stdin=file, stdout=nowhere, check=True, cwd=path.parent
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(path.with_name("data"), ignore_errors=True)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(folder: Path, given: Mapping[str, bytes], turns: int) -> dict[str, list[float]]:
    """The CPU seconds of each command for each input, the median of some turns."""
    paths = {title: folder / str(number) for number, title in enumerate(given)}
    for title, data in given.items():
        paths[title].write_bytes(data)
    taken = [
        {title: [cpu(command, path) for command in COMMANDS] for title, path in paths.items()}
        for _ in range(turns)
    ]
    return {
        title: [median(turn[title][number] for turn in taken) for number in range(len(COMMANDS))]
        for title in given
    }


def show(found: dict[str, list[float]]) -> None:
    """Print a line for each input: CPU seconds and ratio of each command."""
    starts = found.pop(START_ONLY)
    best = [
        min(costs[number] for costs in found.values()) - start
        for number, start in enumerate(starts)
    ]
    for title, costs in found.items():
        shown = [
            f"{cost:8.2f} {(cost - start) / least:5.1f}"
            for cost, start, least in zip(costs, starts, best, strict=True)
        ]
        print(f"{title:32}{''.join(shown)}", flush=True)


def main() -> None:
    """Measure both corpora."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--turns", type=int, default=5)
    given = parser.parse_args()
    pa.set_cpu_count(1)
    for types in (("quote", "trade"), TYPES):
        print(f"\n{given.events} events of {len(types)} types: CPU s and ratio of")
        print(f"{'':32}{''.join(f'{command[0]:>14}' for command in COMMANDS)}")
        rows = events(given.events, types)
        data = {START_ONLY: encode_batch(from_rows(rows[:1])), **dict(inputs(rows, len(types)))}
        with TemporaryDirectory() as folder:
            show(measure(Path(folder), data, given.turns))


if __name__ == "__main__":
    main()
