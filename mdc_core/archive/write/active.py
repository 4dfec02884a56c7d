"""Which parts a run of `store` may still write to, or seal once more after a kill."""

from collections.abc import Callable

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.write import journal
from mdc_core.archive.write.archive import Archive


def live(archive: Archive) -> Callable[[PartRow], bool]:
    """Whether a part belongs to a journal that is still there: nobody else may touch it."""
    segments = [path.stem for path in journal.segments(archive.state / "journal")]
    runs = {segment.rpartition("-")[0] for segment in segments}

    def is_live(part: PartRow) -> bool:
        # A part is named after its segment; a file that grows only after its first one.
        named = any(segment in part.path for segment in segments)
        return named or (bool(part.frames) and part.run_id in runs)

    return is_live
