"""What the same events cost, however they are cut, mixed or compressed.

    python bench/cliffs.py [--events N] [--turns N]

Prints the CPU seconds of `store`, `cat`, `validate` and `convert` for each input, and beside them
the ratio to the cheapest input of the same events, what starting the command takes left out.
Two corpora: quotes and trades by turns, and 17 types by turns, where each event changes its
columns.
"""

import argparse
import gzip
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import zstandard

from mdc_core.batch import from_rows
from mdc_core.events import CONTROL_TYPES, EVENT_TYPES, Event
from mdc_core.times import from_ns
from mdc_core.wire.arrow import StreamEncoder
from mdc_core.wire.jsonl import encode_batch

MDC = str(Path(sys.executable).parent / "mdc")
START = 1_704_205_800_000_000_000  # 2024-01-02T14:30:00Z
TYPES = tuple(name for name in EVENT_TYPES if name not in CONTROL_TYPES)
STREAMS = 3_000
COMMANDS = (("store", "--root", "data"), ("cat",), ("validate",), ("convert", "--to", "jsonl"))


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


def streams(rows: Sequence[Event], size: int, *, each: bool) -> bytes:
    """Arrow batches of so many events: in one stream until columns change, or in one each."""
    out, encoder = [], StreamEncoder()
    for start in range(0, len(rows), size):
        encoder = StreamEncoder() if each else encoder
        out += encoder.encode(from_rows(rows[start : start + size]))
        if each:
            out += encoder.end()
    return b"".join(map(bytes, [*out, *encoder.end()]))


def inputs(rows: Sequence[Event]) -> Iterator[tuple[str, bytes]]:
    """The same events, each time otherwise."""
    text = encode_batch(from_rows(rows))
    large = streams(rows, 16_384, each=False)
    yield "JSONL", text
    yield "JSONL, gzip", gzip.compress(text)
    yield "Arrow, 16,384 a batch", large
    yield "Arrow, the same, zstd", zstandard.compress(large)
    yield f"Arrow, {STREAMS:,} streams", streams(rows, max(len(rows) // STREAMS, 1), each=True)
    yield "Arrow, one event a batch", streams(rows, 1, each=False)
    yield "Arrow, a stream for each event", streams(rows, 1, each=True)


def cpu(command: Sequence[str], path: Path, turns: int) -> float:
    """The CPU seconds of a command that reads a file, the least of some turns."""
    taken = []
    for _ in range(turns):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with path.open("rb") as file, Path(os.devnull).open("wb") as nowhere:
            line = [MDC, "-q", *command]
            subprocess.run(line, stdin=file, stdout=nowhere, check=True, cwd=path.parent)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        shutil.rmtree(path.with_name("data"), ignore_errors=True)
    return min(taken)


def measure(folder: Path, rows: Sequence[Event], turns: int) -> None:
    """Print a line for each input: CPU seconds and ratio of each command."""
    (first := folder / "first.jsonl").write_bytes(encode_batch(from_rows(rows[:1])))
    starts = [cpu(command, first, turns) for command in COMMANDS]
    found = {}
    for title, data in inputs(rows):
        (path := folder / "x").write_bytes(data)
        found[title] = [cpu(command, path, turns) for command in COMMANDS]
    columns = zip(*found.values(), strict=True)
    best = [min(column) - start for column, start in zip(columns, starts, strict=True)]
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
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    pa.set_cpu_count(1)
    for types in (("quote", "trade"), TYPES):
        print(f"\n{given.events} events of {len(types)} types: CPU s and ratio of")
        print(f"{'':32}{''.join(f'{command[0]:>14}' for command in COMMANDS)}")
        with TemporaryDirectory() as folder:
            measure(Path(folder), events(given.events, types), given.turns)


if __name__ == "__main__":
    main()
