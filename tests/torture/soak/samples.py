"""Memory and descriptors of processes while they run, and whether they grow."""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from statistics import linear_regression, median
from typing import NamedTuple

_MB = 1_000_000
_SOME = 10  # samples of which the first and the last descriptors are the median


class Sample(NamedTuple):
    """One look at a process."""

    minute: float
    rss: int  # bytes
    descriptors: int


class Growth(NamedTuple):
    """How a process has changed between two times."""

    rss_mb: tuple[float, float]  # at the begin and at the end
    slope: float  # MB a minute, by least squares of the medians of minutes
    descriptors: tuple[int, int]


class Sampler:
    """Looks at some processes once a second."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self.samples: dict[str, list[Sample]] = {name: [] for name in processes}
        self._processes = processes
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _look(self) -> None:
        second = 0
        while not self._ends.wait(1.0):
            second += 1
            for name, pid in self._processes.items():
                try:
                    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                    descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
                except (OSError, IndexError):
                    continue  # it has ended
                rss = pages * os.sysconf("SC_PAGE_SIZE")
                self.samples[name].append(Sample(second / 60, rss, descriptors))

    def growth(self, name: str, since: float) -> Growth | None:
        """How a process has grown since this minute; None where that was not watched.

        By the medians of the minutes: what is taken for a moment, and given back, is no growth.
        """
        seen = [sample for sample in self.samples[name] if sample.minute >= since]
        if len(seen) < 2:
            return None
        minutes: dict[int, list[int]] = {}
        for sample in seen:
            minutes.setdefault(int(sample.minute), []).append(sample.rss)
        if len(minutes) > 1:
            slope = linear_regression([*minutes], [*map(median, minutes.values())]).slope
        else:
            slope = linear_regression([s.minute for s in seen], [s.rss for s in seen]).slope
        some = min(_SOME, len(seen) // 2)
        first, last = (median(s.descriptors for s in part) for part in (seen[:some], seen[-some:]))
        rss = (round(seen[0].rss / _MB, 1), round(seen[-1].rss / _MB, 1))
        return Growth(rss, round(slope / _MB, 3), (int(first), int(last)))
