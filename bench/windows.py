"""What the window of `store --fsync batch` costs, and how long events wait for it.

    python bench/windows.py [--events N] [--repeat N] [--out DIR]

A feed of 1,000 events a second is stored with windows from 5 ms to 1 s, in turns; for each the
CPU seconds of `store`, the median of the ratios to the longest window, and the delays until an
event is told to be durable. The disk is that of --out.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from statistics import median

from feeds import PACED, paced, stream_of
from measure import Run, run_pipe
from settings import Bench
from vendors import find
from work import HERE, PYTHON

WINDOWS = (1.0, 0.1, 0.05, 0.02, 0.01, 0.005)  # seconds


def store(window: float, args: list[str]) -> None:
    """The command, with another window."""
    from mdc_core.archive.write import journal
    from mdc_core.cli.start import main as command

    journal.SYNC_SECONDS = window
    sys.argv = ["mdc", "store", *args]
    command()


def measured(bench: Bench, window: float) -> Run:
    """One run of it."""
    folder, told = bench.out / "windows", bench.out / "delays.json"
    shutil.rmtree(folder, ignore_errors=True)
    args = ("--root", str(folder), "--ack", "--tee")
    with paced(bench.events) as url:
        pipe = [
            stream_of(find("alpaca"), url, bench.events),
            (PYTHON, __file__, "store", str(window), *args),
            (*PACED, "acks"),
        ]
        run = run_pipe(pipe, stdin=None, stdout=told, env=bench.environment, cwd=bench.out)
    said = json.loads(told.read_bytes())
    shutil.rmtree(folder)
    return run._replace(delays=(said["p50"], said["p99"]))


def main() -> None:
    """Measure in turns, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3, help="turns")
    parser.add_argument("--out", type=Path, default=HERE / "out", help="for what is stored")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(given.out.resolve(), given.events, given.repeat, (), quick=False)
    runs: dict[float, list[Run]] = {window: [] for window in WINDOWS}
    for _ in range(bench.repeat):
        for window in WINDOWS:
            runs[window].append(measured(bench, window))
    print("| window ms | CPU s of store | to that of 1 s | p50 ms | p99 ms |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for window, ours in runs.items():
        cpu = [run.stages[1].cpu for run in ours]
        longest = [run.stages[1].cpu for run in runs[WINDOWS[0]]]
        ratio = median(one / other for one, other in zip(cpu, longest, strict=True))
        p50, p99 = (median(run.delays[place] for run in ours) for place in (0, 1))
        print(f"| {window * 1000:g} | {median(cpu):.2f} | {ratio:.3f} | {p50:.1f} | {p99:.1f} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["store"]:
        store(float(sys.argv[2]), sys.argv[3:])
    else:
        main()
