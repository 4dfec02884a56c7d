"""What many symbols cost `store` and `cat`, and how long whoever writes into `store` waits.

    python bench/symbols.py [--events N]

Prints CPU seconds and files for 10, 200 and 8,000 symbols; the 200 are sealed twenty times, as
in 100 minutes of `--seal-every 5m`. The waits are those of a feed of 5,000 symbols while they are
carried on, and while all of them are sealed.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import NamedTuple

MDC = str(Path(sys.executable).parent / "mdc")
PIECES_A_SECOND = 50


class Fed(NamedTuple):
    """One store: its CPU seconds, and the longest waits of its writer in ms."""

    cpu: float
    waits: list[float]


def events(count: int, symbols: int) -> list[bytes]:
    """Quotes and trades of so many symbols by turns, within 100 minutes."""
    lines = []
    for number in range(count):
        minute = number * 100 // count
        at = f"2024-01-02T{14 + minute // 60}:{minute % 60:02d}:{number % 60:02d}.{number:09d}Z"
        symbol, price = number // 2 % symbols, 100 + number % 50
        head = f'"symbol":"S{symbol}","ts_event":"{at}","ts_recv":"{at}","provider":"bench"'
        quote = f'"bid_price":{price}.25,"bid_size":1,"ask_price":{price}.5,"ask_size":3'
        trade = f'"price":{price}.25,"size":1,"trade_id":"{number}"'
        kind, body = ("trade", trade) if number % 2 else ("quote", quote)
        lines.append(f'{{"type":"{kind}",{head},{body}}}\n'.encode())
    return lines


def cpu() -> float:
    """The CPU seconds of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def store(root: Path, lines: Sequence[bytes], seconds: float, *options: str) -> Fed:
    """Store events that come within so many seconds."""
    before = cpu()
    command = [MDC, "-q", "store", "--root", str(root), *options]
    pieces = max(int(seconds * PIECES_A_SECOND), 1)
    size = -(-len(lines) // pieces)
    waits = []
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for start in range(0, len(lines), size):
            began = monotonic()
            left = memoryview(b"".join(lines[start : start + size]))
            while left:
                left = left[os.write(process.stdin.fileno(), left) :]
            waits.append((monotonic() - began) * 1e3)
            if seconds:
                sleep(1 / PIECES_A_SECOND)
        process.stdin.close()
    return Fed(cpu() - before, sorted(waits[PIECES_A_SECOND:]))  # its start apart


def cat(root: Path) -> float:
    """The CPU seconds of reading all of it."""
    before = cpu()
    with Path(os.devnull).open("wb") as nowhere:
        subprocess.run([MDC, "-q", "cat", "--root", str(root)], check=True, stdout=nowhere)
    return cpu() - before


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=400_000)
    count = parser.parse_args().events
    with TemporaryDirectory() as folder:
        root = Path(folder, "data")
        for symbols, number, seconds, options in (
            (10, count, 0.0, ()),
            (8_000, count, 0.0, ()),
            (200, 40_000, 22.0, ("--seal-every", "1s")),
        ):
            fed = store(root, events(number, symbols), seconds, *options)
            files = sum(1 for _ in root.rglob("*.parquet"))
            costs = f"store {fed.cpu:.2f} s, cat {cat(root):.2f} s CPU"
            print(f"{symbols} symbols, {number} events: {files} files, {costs}", flush=True)
            shutil.rmtree(root)
        for options in (("--seal-after", "1h"), ("--seal-after", "0s")):
            fed = store(root, events(150_000, 5_000), 12, "--seal-every", "2s", *options)
            print(f"longest waits, {' '.join(options)}: {fed.waits[-1]:.0f} ms", flush=True)
            shutil.rmtree(root)


if __name__ == "__main__":
    main()
