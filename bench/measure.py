"""What a pipe of commands costs: wall time, and CPU time and memory of each of its processes.

The memory the system reports for a process starts at that of the process it was forked
from, so whoever calls this must stay small itself: no pyarrow here.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

Command = Sequence[str]


class Stage(NamedTuple):
    """What one process of a pipe took."""

    command: Command
    cpu: float  # seconds, user and system, all threads
    rss: int  # bytes at the peak


class Run(NamedTuple):
    """What a pipe took."""

    wall: float
    stages: list[Stage]
    kept: tuple[int, int] = (0, 0)  # frames that it kept, and the bytes that they take
    delays: tuple[float, float] | None = None  # p50 and p99 in ms
    short: float = 0.0  # CPU seconds of a tenth of it, start included

    @property
    def cpu(self) -> float:
        """CPU seconds of all its processes; without the start, where that is known."""
        whole = sum(stage.cpu for stage in self.stages)
        return (whole - self.short) / 0.9 if self.short else whole


class FailedCommandError(Exception):
    """A command of a pipe did not end well."""


def run_pipe(
    commands: Sequence[Command],
    *,
    stdin: Path | None,
    stdout: Path | None = None,
    env: Mapping[str, str],
    cwd: Path,
) -> Run:
    """Run commands joined by pipes to the end, the output thrown away or into a file."""
    with ExitStack() as stack:
        sink = stack.enter_context((stdout or Path(os.devnull)).open("wb"))
        errors = [stack.enter_context(tempfile.TemporaryFile()) for _ in commands]
        source: BinaryIO | int | None = subprocess.DEVNULL
        if stdin is not None:
            source = stack.enter_context(stdin.open("rb"))
        started = time.perf_counter()
        processes = []
        for command, error in zip(commands, errors, strict=True):
            is_last = len(processes) == len(commands) - 1
            process = subprocess.Popen(
                command,
                stdin=source,
                stderr=error,
                env=env,
                cwd=cwd,
                stdout=sink if is_last else subprocess.PIPE,
            )
            if processes:
                processes[-1].stdout.close()
            source = process.stdout
            processes.append(process)
        stages = [_wait(process) for process in processes]
        wall = time.perf_counter() - started
        for process, error in zip(processes, errors, strict=True):
            error.seek(0)
            _check(process.args, process.returncode, error.read())
    return Run(wall, stages)


def output_of(command: Command, stdout: BinaryIO | int = subprocess.PIPE) -> bytes:
    """What a command says; or it goes to a file, and nothing is returned."""
    done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, check=False)
    _check(command, done.returncode, done.stderr)
    return done.stdout or b""


def _wait(process: subprocess.Popen[bytes]) -> Stage:
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Stage(process.args, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def _check(command: Command, status: int, said: bytes) -> None:
    if status:
        words = said.decode(errors="replace").strip()
        raise FailedCommandError(f"{' '.join(command)}: exit status {status}\n{words}")
