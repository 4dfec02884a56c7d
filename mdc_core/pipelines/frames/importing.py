"""Captures of one file taken into an archive of frames."""

from collections import Counter
from pathlib import Path

import msgspec

from mdc_core import __version__
from mdc_core.live.frames.head import FileHead
from mdc_core.live.frames.take_in import FrameIntake
from mdc_core.live.recorded.record import CaptureRecord
from mdc_core.live.recorded.recording import Recording
from mdc_core.pipelines.chosen import Chosen


def import_file(
    recording: Recording, codec: Chosen, folder: Path | None, run_id: str
) -> Counter[str]:
    """Write what was recorded into a folder, None for none; how many by direction."""
    known = recording.head
    head = FileHead(
        run=run_id,
        provider=codec.name,
        options=msgspec.to_builtins(codec.options, str_keys=True, enc_hook=str),
        symbols=known.symbols,
        channels=known.channels,
        mdc=known.mdc or __version__,
        source=recording.name,
    )
    counts = Counter[str]()
    intake = None if folder is None else FrameIntake(folder, head)
    try:
        for record in recording.records():
            if isinstance(record, CaptureRecord):
                counts[record.dir] += 1
                if intake is not None:
                    intake.take(record)
    finally:
        if intake is not None:
            intake.close()
    return counts
