"""Whether an archive of frames is whole: checksums, order, ends that are torn."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from mdc_core.live.frames.block import BlockHead
from mdc_core.live.frames.reader import Damage, FrameFileReader
from mdc_core.live.frames.runs import FrameFile, FrameRun, broken_off, lines_in, missing_before
from mdc_core.texts import counted


class FrameVerification:
    """Reads all of an archive of frames, and says what is wrong."""

    def __init__(self, runs: Sequence[FrameRun], read: Callable[[int], None]) -> None:
        self._runs, self._read = runs, read
        self.files = self.frames = 0
        self.unfinished: list[str] = []
        self.back: Counter[str] = Counter()  # how often the times of a connection go back

    def findings(self) -> Iterator[Damage]:
        """What is damaged, torn or missing, file by file."""
        for run in self._runs:
            yield from missing_before(run)
            last: dict[str, int] = {}
            for file in run.files:
                yield from self._file(file, last, goes_on=file is not run.files[-1])

    @property
    def notes(self) -> Iterator[str]:
        """What is not as it could be, and no damage."""
        for file in self.unfinished:
            yield f"{file} was not finished: its writer was killed, or writes it now"
        for connection, times in self.back.items():
            often = counted(times, "time", "times")
            yield f"{connection}: receive times go back {often}: the clock was set"

    def _file(self, file: FrameFile, last: dict[str, int], *, goes_on: bool) -> Iterator[Damage]:
        self.files += 1
        content, is_damaged = BlockHead(0), False
        with FrameFileReader(file.path) as opened:
            whole = opened.whole()
            if whole is None and not goes_on:
                self.unfinished.append(str(file.path))
            for block in opened.blocks():
                if isinstance(block, Damage):
                    is_damaged = True
                    if not (block.torn and opened.is_written):
                        yield block._replace(torn=block.torn and not goes_on)
                    continue
                content.count(block.head)
                yield from self._lines(file, block.head, block.lines, last)
                self._read(len(block.lines))
            if whole is None and goes_on and not is_damaged:
                yield broken_off(opened, goes_on=True)
            if whole is not None and not is_damaged and whole.connections != content.connections:
                yield Damage(file.path, 0, 0, "not all of what its end says is in it")

    def _lines(
        self, file: FrameFile, head: BlockHead, lines: bytes, last: dict[str, int]
    ) -> Iterator[Damage]:
        """What is wrong with the lines of a block, of which the checksum is right."""
        found = BlockHead(head.number)
        for record in lines_in(file.path, lines):
            if isinstance(record, Damage):
                yield record
                continue
            if record.connection:
                found.took(record.recv_ns, record.connection, record.dir, 0)
            ns = record.recv_ns
            if ns is not None:
                if ns < last.get(record.connection, ns):
                    self.back[record.connection] += 1
                last[record.connection] = ns
        self.frames += found.tally.frames
        if found.tally.frames != head.tally.frames:
            yield Damage(file.path, 0, 0, f"block {head.number} has not what its head says")
