"""Captures of one file taken into an archive of frames, each once."""

from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec

from mdc_core import __version__
from mdc_core.errors import BusyError
from mdc_core.live.frames.head import FileHead
from mdc_core.live.frames.retain import remove
from mdc_core.live.frames.runs import FileTold, runs_below, told
from mdc_core.live.frames.take_in import FrameIntake, is_kept
from mdc_core.live.recorded.record import CaptureRecord
from mdc_core.live.recorded.recording import Recording
from mdc_core.pipelines.chosen import Chosen


class ImportedFile(NamedTuple):
    """What was taken of a capture, by direction; or the run in which it was there before."""

    counts: Counter[str]
    before: str | None = None


class _Content(NamedTuple):
    """What a capture is made of."""

    hash: str
    records: int
    counts: Counter[str]


def import_file(
    recording: Recording,
    codec: Chosen,
    folder: Path,
    run_id: str,
    *,
    source: str,
    again: bool = False,
    dry_run: bool = False,
) -> ImportedFile:
    """Write what was recorded into a folder, unless it is there; raises BusyError.

    What an import has left that was killed is removed behind it.
    """
    content = _content_of(recording)
    known = recording.head
    torn = list[FileTold]()
    there = [] if again or not folder.exists() else runs_below(folder)
    for run in there:
        if not (run.head.run == known.run or run.head.content == content.hash):
            continue
        files = [told(file) for file in run.files]
        if any(one.state == "written" for one in files):
            raise BusyError(f"{source} is being written to {folder} now")
        if run.head.run == known.run or _records_in(files) == run.head.records:
            return ImportedFile(Counter(), run.head.run)
        torn += files
    if not dry_run:
        head = FileHead(
            run=run_id,
            provider=codec.name,
            options=msgspec.to_builtins(codec.options, str_keys=True, enc_hook=str),
            symbols=known.symbols,
            channels=known.channels,
            mdc=known.mdc or __version__,
            source=source,
            content=content.hash,
            records=content.records,
        )
        _write(recording, folder, head)
        remove(torn)
    return ImportedFile(content.counts)


def _write(recording: Recording, folder: Path, head: FileHead) -> None:
    intake = FrameIntake(folder, head)
    try:
        for record in recording.records():
            if isinstance(record, CaptureRecord):
                intake.take(record)
    finally:
        intake.close()


def _content_of(recording: Recording) -> _Content:
    counts, hashed = Counter[str](), sha256()
    for record in recording.records():
        if isinstance(record, CaptureRecord) and is_kept(record):
            counts[record.dir] += 1
            about = f"{record.recv_ns} {record.dir} {record.line} {record.url} {record.encoding} "
            frame = bytes(record.frame)
            hashed.update(f"{about}{len(frame)} ".encode())
            hashed.update(frame)
    return _Content(hashed.hexdigest(), counts.total(), counts)


def _records_in(files: list[FileTold]) -> int:
    tallies = [one.content.connections.values() for one in files]
    return sum(t.frames + t.notes for some in tallies for t in some)
