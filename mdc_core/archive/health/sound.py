"""Whether a part is as it was written: its hash, and every row of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from mdc_core import times
from mdc_core.archive.catalog.catalog import Frame, PartRow
from mdc_core.archive.health.pages import PageDamage, damages
from mdc_core.archive.part_formats import format_of, part_format, read_part, suffix_of
from mdc_core.archive.read.examine import ExaminedFile, digest_of
from mdc_core.archive.storage import Storage
from mdc_core.archive.write.archive import Archive
from mdc_core.errors import DataError
from mdc_core.texts import counted
from mdc_core.versions import oldest

_FACTS = (
    "symbol",
    "shares",
    "intervals",
    "type_name",
    "rows",
    "begins",
    "ends",
    "first",
    "last",
    "untimed",
    "first_seq",
    "last_seq",
    "in_order",
)
_MOMENTS = ("begins", "ends", "first", "last")
Tell = Callable[[int], None]


def damages_of_part(archive: Archive, part: PartRow, read: Tell) -> Iterator[PageDamage]:
    """What is wrong with a part: nothing, if it is what the catalog knows.

    Raises DataError if it cannot be opened. `read` is told of the rows.
    """
    with archive.open_part(part) as file:
        if digest_of(file, part.bytes) == part.sha256:
            yield from _of_rows(file, part, read)
            return
        text = "not the bytes that were written"
        if part.suffix == ".parquet":
            local = archive.place_at(part.place).local
            places = damages([local / part.path], deep=True)[0] if local else []
        else:
            places = list(_frames(file, part))
        for place in places or [PageDamage("", 0, part.bytes)]:
            yield place._replace(text=": ".join(filter(None, (text, place.text))))


def damages_of_file(at: Storage, path: str, read: Tell, *, deep: bool) -> Iterator[PageDamage]:
    """What is wrong with a file that no catalog knows: whether it can be read.

    Not `deep`, only the footer of Parquet is.
    """
    if path.endswith(".parquet") and at.local is not None:
        (found,) = damages([at.local / path], deep=deep)
        yield from found
        if found:
            return
    if deep:
        with at.open(path) as file:
            try:
                form = part_format(format_of(suffix_of(path)))
                for batch in read_part(form, file, path, (0, file.size())):
                    read(batch.num_rows)
            except DataError as error:
                yield PageDamage(str(error).removeprefix(f"{path}: "))


def _of_rows(file: pa.NativeFile, part: PartRow, read: Tell) -> Iterator[PageDamage]:
    """Compare the rows with what the catalog says of them."""
    seen = ExaminedFile(shared=bool(part.shares))
    versions: set[tuple[str, str]] = set()
    frames = part.frames or (Frame(part.bytes, part.rows, part.begins, part.ends),)
    start = 0
    try:
        form = part_format(part.format)
        for frame in frames:
            before = seen.rows
            seen.restart()
            for batch in read_part(form, file, part.path, (start, frame.bytes), versions):
                seen.add(batch)
                read(batch.num_rows)
            if (seen.rows - before, seen.since) != (frame.rows, (frame.begins, frame.ends)):
                text = (
                    f"{counted(seen.rows - before, 'event')}, and the catalog says {frame.rows:,}"
                )
                if seen.rows - before == frame.rows:
                    text = "events of other times than the catalog says"
                yield PageDamage(text, start, start + frame.bytes)
            start += frame.bytes
        facts = seen.facts()
    except DataError as error:
        yield PageDamage(str(error).removeprefix(f"{part.path}: "))
        return
    facts["version"] = oldest(part.type_name, versions)
    for name in (*_FACTS, *(["version"] if versions else [])):
        if name == "shares" and {*facts[name]} == {*part.shares}:
            continue  # an older version may have had them in another order
        if name == "intervals" and not part.intervals:
            continue  # of a part that an older version has made
        if name in ("shares", "intervals") and facts[name] != getattr(part, name):
            yield PageDamage("has other events of its symbols than the catalog says")
        elif facts[name] != getattr(part, name):
            found, said = (_said(name, v) for v in (facts[name], getattr(part, name)))
            yield PageDamage(f"{name.removesuffix('_name')} is {found}, the catalog says {said}")


def _said(name: str, value: Any) -> str:
    return times.from_ns(value) if name in _MOMENTS and value is not None else str(value)


def _frames(file: pa.NativeFile, part: PartRow) -> Iterator[PageDamage]:
    """The frames of a file that cannot be read, or have other rows than they had."""
    form = part_format(part.format)
    start = 0
    for frame in part.frames:
        seen = ExaminedFile()
        reason = ""
        try:
            for batch in read_part(form, file, part.path, (start, frame.bytes)):
                seen.add(batch)
        except DataError as error:
            reason = str(error).removeprefix(f"{part.path}: ")
        if reason or (seen.rows, seen.since) != (frame.rows, (frame.begins, frame.ends)):
            yield PageDamage(reason, start, start + frame.bytes)
        start += frame.bytes
