"""A `mdc store` that runs while a test writes to it and reads its acks."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def trade(number: int, symbol: str = "A") -> str:
    """A trade in canonical form; its number is its price and its place in time."""
    second, rest = divmod(number, 1000)
    time = f"2024-01-02T14:{30 + second // 60:02d}:{second % 60:02d}.{rest:03d}000000Z"
    head = f'{{"type":"trade","v":"1.0.0","symbol":"{symbol}","ts_event":"{time}"'
    return f'{head},"price":{number}}}'


def trades(first: int, stop: int, symbol: str = "A") -> list[str]:
    """Trades by their numbers."""
    return [trade(number, symbol) for number in range(first, stop)]


class Storing:
    """A store whose standard input is ours."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.out: list[bytes] = []  # lines of its standard output
        self.acknowledged: Counter[str] = Counter()

    def write(self, lines: list[str]) -> None:
        """Give it some lines; its input stays open."""
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self.process.stdin.flush()

    def reach(self, count: int) -> bool:
        """Read until so many events are acknowledged; false if it ends before."""
        while self.acknowledged.total() < count:
            if not self._line():
                return False
        return True

    def wait_for(self, count: int) -> None:
        """The same where it is not to end."""
        assert self.reach(count), self.end()

    def _line(self) -> bytes:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if line:
            self.out.append(line)
        if line.startswith(b'{"type":"ack"'):
            counts = Counter(json.loads(line)["counts"])
            assert counts >= self.acknowledged, "an ack went back"
            self.acknowledged = counts
        return line

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def end(self) -> tuple[int, str]:
        """Close its input; its exit status, and what it said."""
        assert self.process.stdin is not None and self.process.stderr is not None
        self.process.stdin.close()
        while self._line():
            pass
        err = self.process.stderr.read().decode()
        return self.process.wait(), err


@contextmanager
def storing(options: str, cwd: Path, env: dict[str, str], before: str = "") -> Iterator[Storing]:
    """Start `mdc store` with some options, --ack among them, after some shell."""
    with subprocess.Popen(
        ["bash", "-c", f"{before} exec mdc store --ack {options}"],
        cwd=cwd,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield Storing(process)
        finally:
            process.kill()
