"""Whether what a soaked feed has told is in the archive, or in a gap."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.plugin import to_ns
from tests.torture.soak.feed import Block

Counts = npt.NDArray[np.uint8]
Times = npt.NDArray[np.int64]
_NUMBER = {"trade": "trade_id", "quote": "ask_size"}  # where the number of an event is, plus 1


class Account(NamedTuple):
    """The ledger against the archive: `sent` = `stored` + `declared`, if it balances."""

    sent: int  # in full
    stored: int  # of these
    declared: int  # of these, in a gap
    untold: int  # happened while nobody was there, or were cut off: in a gap, or stored
    twice: int
    silent: int  # neither stored nor in a gap

    @property
    def balances(self) -> bool:
        """Whether nothing is missing in silence, made up or there twice."""
        return not (self.twice or self.silent) and self.sent == self.stored + self.declared


def account(ledger: Sequence[Block], root: Path, env: Mapping[str, str]) -> Account:
    """Balance it."""
    total = ledger[-1].stop if ledger else 0
    counts = _counts(total, root, env)
    times, told = np.empty(total, np.int64), np.zeros(total, bool)
    for block in ledger:
        places = slice(block.first, block.stop)
        times[places] = block.time + np.arange(block.stop - block.first) * block.step
        told[places] = block.told
    missing = counts == 0
    in_gap = _in_gap(times, root, env)
    return Account(
        sent=int(told.sum()),
        stored=int((~missing & told).sum()),
        declared=int((missing & in_gap & told).sum()),
        untold=int(((~missing | in_gap) & ~told).sum()),
        twice=int((counts > 1).sum()),
        silent=int((missing & ~in_gap).sum()),
    )


def _counts(total: int, root: Path, env: Mapping[str, str]) -> Counts:
    """How often each number is stored."""
    counts = np.zeros(total, np.uint8)
    for kind, field in _NUMBER.items():
        with _cat(root, env, "--type", kind, "--format", "arrow") as process:
            assert process.stdout is not None
            source = pa.PythonFile(process.stdout)
            while True:
                try:
                    reader = pa.ipc.open_stream(source)
                except (pa.ArrowInvalid, EOFError):
                    break  # behind the last stream
                for batch in reader:
                    if field in batch.schema.names:
                        column = batch.column(field).drop_null()
                        numbers = pc.cast(column, pa.int64()).to_numpy(zero_copy_only=False)
                        np.add.at(counts, numbers - 1, 1)
        assert process.returncode in (0, 1), process.returncode  # 1: there is none
    return counts


def _in_gap(times: Times, root: Path, env: Mapping[str, str]) -> npt.NDArray[np.bool_]:
    """Whether each of these times lies in a gap."""
    inside = np.zeros(len(times), bool)
    with _cat(root, env, "--type", "gap", "--plain", "--fields", "start,end") as process:
        assert process.stdout is not None
        gaps = [_span(line) for line in process.stdout]
    for start, end in gaps:
        inside[np.searchsorted(times, start) : np.searchsorted(times, end, "right")] = True
    return inside


def _span(line: bytes) -> tuple[int, int]:
    gap: dict[str, Any] = json.loads(line)
    end = gap.get("end")
    return to_ns(gap["start"]), to_ns(end) if end else 2**63 - 1


def _cat(root: Path, env: Mapping[str, str], *words: str) -> "subprocess.Popen[bytes]":
    command = ["mdc", "-q", "cat", "--root", str(root), *words]
    return subprocess.Popen(command, env={**env}, stdout=subprocess.PIPE)
