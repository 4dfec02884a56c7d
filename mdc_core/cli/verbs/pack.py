"""Pack a piece of an archive into a file, for someone else to load or to import.

A pack is a zip, tar.gz, tar.zst or 7z file with the data files as they are in the archive, a
manifest (hashes, numbers, origins, schemas), a README, a data dictionary, and scripts that load
the data in Python, R and DuckDB. The same content gives the same bytes, always."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mdc_core.archive.pack.containers.table import FORMATS
from mdc_core.archive.pack.limits import MAX_BYTES, PackLimit
from mdc_core.cli.archives import said_root
from mdc_core.cli.options import ROOT_TYPE, SIZE, Session, group, option
from mdc_core.cli.selection import ARCHIVE, DRY_RUN, FORCE, JSON, missed, selecting
from mdc_core.cli.show import answer, by_symbol, human, shown, table
from mdc_core.cli.types import PathType
from mdc_core.errors import EXIT_FINDINGS, DataError, NothingFoundError, UsageError
from mdc_core.sizes import size_text
from mdc_core.texts import counted

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query
    from mdc_core.archive.pack.create import Packing, Plan
    from mdc_core.archive.pack.import_ import ImportedPack
    from mdc_core.archive.pack.manifest import Manifest
    from mdc_core.archive.pack.read import Unpacked

PACKS = click.argument(
    "packs",
    nargs=-1,
    required=True,
    metavar="PACK...",
    type=PathType(dir_okay=False),
)
MOST = option(
    "--max-unpacked-size",
    "max_bytes",
    was="--max-bytes",
    type=SIZE,
    default=size_text(MAX_BYTES),
    show_default=True,
    help="refuse what unpacks to more",
)
GROUP = "share 3"
OUTPUT_FILE = option("-o", "--output", type=PathType(dir_okay=False), help="the pack to write")
EXAMPLES = (
    "mdc pack create -o spy.zip --symbol SPY && mdc pack list spy.zip",
    "mdc pack create -o all.tar.zst --max-part-size 500MB && mdc pack verify all.tar.zst",
    "mdc pack create -o day.zip --type trade && mdc pack import day.zip --root copy",
)


@group()
def command() -> None:
    """Packs."""


@command.command("create")
@click.argument("words", nargs=-1, metavar="[ARCHIVE] [OUT]")
@OUTPUT_FILE
@ARCHIVE
@selecting
@option(
    "--format",
    "named",
    type=click.Choice(FORMATS),
    help="the container  [default: what the suffix says]",
)
@option(
    "--max-part-size",
    "max_size",
    was="--max-size",
    type=SIZE,
    help="largest part, before compression: OUT.001.zip, OUT.002.zip",
)
@option("--description", default="", help="a title, for the README")
@FORCE
@DRY_RUN
@click.pass_obj
def create(
    session: Session,
    words: tuple[str, ...],
    output: Path | None,
    root: Path | str,
    query: "Query",
    named: str | None,
    max_size: int | None,
    description: str,
    force: bool,
    dry_run: bool,
) -> int:
    """Make a pack.

    Whole files are packed: a time chooses those that have events in it. Events that are only
    in a journal yet are left out, and counted. What fits into one part has no number.
    """
    from mdc_core.archive.pack.containers.table import asked_format, container
    from mdc_core.archive.pack.create import Packing, part_paths, plan
    from mdc_core.archive.write.archive import Archive
    from mdc_core.pipelines.progress import Progress

    out, root = _said(words, output, root)
    kind = container(asked_format(out, named))
    archive = Archive.open(root)
    absent = missed(session, root, query, whole=True)
    try:
        planned = plan(archive, query, max_size)
    except NothingFoundError:
        if query.allow_empty:
            return absent
        raise
    paths = part_paths(out, kind.suffix, len(planned.parts))
    _warn(session, planned)
    packing = Packing(archive, planned, kind, description)
    if dry_run:
        for number, path in enumerate(paths, 1):
            _show(path, packing.manifest(number)[0])
        return absent
    with Progress(session, "pack create", unit="B", writes=False) as bar:
        bar.expect(sum(file.bytes for part in planned.parts for file in part))
        replace(packing, tell=bar.add).write(paths, force=force)
    for path, part in zip(paths, planned.parts, strict=True):
        session.observers.committed(path, sum(file.rows for file in part))
    _tell(session, packing, paths)
    return absent


def _said(words: tuple[str, ...], output: Path | None, root: Path | str) -> tuple[Path, Path | str]:
    """The file to write, and the archive before it."""
    *archives, name = words if words and output is None else (*words, output)
    if len(archives) > 1:
        raise UsageError("one file to write, and one archive", hint="mdc pack create data x.zip")
    if name is None:
        raise UsageError("no file to write", hint="mdc pack create -o spy.zip")
    out: Path = PathType(dir_okay=False).convert(name, None, None)
    where = ROOT_TYPE.convert(archives[0], None, None) if archives else None
    return out, said_root(where, root)


def _warn(session: Session, planned: "Plan") -> None:
    for file in planned.too_large:
        text = f"{shown(file.path)} alone is {human(file.bytes)}, more than a part may be"
        session.log.warning(f"{text}: it gets a part of its own")
    if planned.unsealed:
        text = f"{counted(planned.unsealed, 'event')} still in a journal, and not packed"
        session.log.warning(f"{text} (mdc recover seals what was left behind)")


def _tell(session: Session, packing: "Packing", paths: list[Path]) -> None:
    files = [file for part in packing.plan.parts for file in part]
    size = sum(path.stat().st_size for path in paths)
    events = counted(sum(f.rows for f in files), "event")
    note = f"{events} in {counted(len(files), 'file')}, "
    session.log.note(f"{note}{human(size)} in {', '.join(map(str, paths))}")
    after = paths[0].parent.glob(
        f"{_stem(paths[0], packing.kind.suffix)}.[0-9]*{packing.kind.suffix}"
    )
    for other in sorted(set(after) - set(paths)):
        session.log.warning(f"{other} is not a part of this pack")


def _stem(path: Path, suffix: str) -> str:
    """A pack's name without number and suffix."""
    stem, _, number = path.name.removesuffix(suffix).rpartition(".")
    return stem if number.isdecimal() else path.name.removesuffix(suffix)


@command.command("list")
@PACKS
@JSON
def list_packs(packs: tuple[Path, ...], as_json: bool) -> None:
    """Show what is in packs, by their manifests; data are not unpacked, nor verified."""
    from mdc_core.archive.pack.read import manifest_of

    found = [(path, manifest_of(path)) for path in packs]
    if as_json:
        _say([_as_json(path, manifest) for path, manifest in found])
        return
    for path, manifest in found:
        _show(path, manifest)


def _as_json(path: Path, manifest: "Manifest") -> dict[str, Any]:
    from msgspec import to_builtins

    fields = ("id", "part", "description", "mdc", "parts", "totals", "files")
    said = {field: to_builtins(getattr(manifest, field)) for field in fields}
    for one in (said["totals"], *said["files"]):
        one["events"] = one.pop("rows")
    return {"pack": str(path), **said}


def _show(path: Path, manifest: "Manifest") -> None:
    totals = manifest.totals
    part = f", part {manifest.part} of {len(manifest.parts)}" if len(manifest.parts) > 1 else ""
    click.echo(
        f"{path}: pack {manifest.id[:12]}{part}, {counted(totals.rows, 'event')} in "
        f"{counted(totals.files, 'file')}, {human(totals.bytes)}"
    )
    if manifest.description:
        click.echo(shown(manifest.description))
    lines: list[tuple[str, ...]] = [
        ("SYMBOL", "TYPE", "PERIOD", "EVENTS", "BYTES", "FIRST", "LAST", "FILE")
    ]
    for file in sorted(manifest.files, key=lambda f: (*by_symbol(f.symbol, f.type), f.path)):
        symbol = "-" if file.symbol is None else shown(file.symbol)
        lines.append(
            (
                symbol,
                file.type,
                file.period,
                f"{file.rows:,}",
                human(file.bytes),
                file.first or "-",
                file.last or "-",
                file.path,
            )
        )
    table(lines, right=(3, 4), times=(5, 6))


@command.command("verify")
@PACKS
@MOST
@JSON
@click.pass_obj
def verify_packs(session: Session, packs: tuple[Path, ...], max_bytes: int, as_json: bool) -> int:
    """Read packs completely, and say what is damaged, missing, or too much.

    Sizes, hashes, numbers and times of all files, and every byte of the container. Several
    parts of a pack have to be all of them. Status 1 if anything is wrong, 65 if it is no pack.
    """
    from mdc_core.archive.pack.verify import verify_aside

    with _reading(session, "pack verify", packs):
        read = verify_aside(packs, PackLimit(max_bytes))
    findings = [finding for one in read for finding in one.findings]
    if as_json:
        _say([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            click.echo(shown(str(finding)))
    if not findings:
        session.log.note(f"{_numbers(read)}, all as they were packed")
    if not all(one.is_pack for one in read):
        return DataError.exit_status
    return EXIT_FINDINGS if findings else 0


@contextmanager
def _reading(session: Session, verb: str, packs: Sequence[Path]) -> Iterator[None]:
    """Show how far packs have been read."""
    from mdc_core.pipelines.progress import Progress

    with Progress(session, verb, writes=False) as bar:
        bar.reads(packs)
        bar.begin(packs)
        yield


def _numbers(read: "list[Unpacked]") -> str:
    files = [file for one in read for file in one.files]
    return f"{counted(sum(f.packed.rows for f in files), 'event')} in {counted(len(files), 'file')}"


@command.command("import")
@PACKS
@ARCHIVE
@MOST
@DRY_RUN
@JSON
@click.pass_obj
def import_packs(
    session: Session,
    packs: tuple[Path, ...],
    root: Path | str,
    max_bytes: int,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Bring packs into an archive.

    Everything is verified before anything goes in. A file that the archive has already is
    skipped, and so are files whose events it has, all of them and no others in their span of
    time, however they are cut into files there; nothing is overwritten: where another file has
    the name, the id of the pack is put into it. Where the archive has other events in the same
    span, those of the pack go in beside them, and that is told: what is in both is there twice
    then. `mdc compact --dedup` drops copies with an identity (trade_id, seq); no command can
    tell copies without one from events that happened twice.
    """
    from mdc_core.archive.pack import import_
    from mdc_core.archive.pack.read import manifest_of
    from mdc_core.archive.write.archive import Archive
    from mdc_core.pipelines.stages.store import prepared

    limit = PackLimit(max_bytes)
    if dry_run:
        with _reading(session, "pack import", packs):
            merged = import_.try_import(root, packs, limit)
    else:
        for path in packs:  # no archive is made for what is no pack
            manifest_of(path)
        archive = Archive.create(root)
        prepared(session, archive)
        with _reading(session, "pack import", packs):
            merged = import_.import_packs(archive, packs, limit)
    if merged.findings:
        for finding in merged.findings:
            session.log.error(shown(str(finding)))
        raise DataError("nothing was imported", hint="see what is damaged: mdc pack verify PACK")
    if as_json:
        _say(
            {
                "imported": [part.path for part in merged.new],
                "skipped": merged.skipped + merged.there,
                "overlapping": merged.doubtful,
                "renamed": dict(merged.renamed),
                "dry_run": dry_run,
            }
        )
    _told(session, merged, root, dry_run)
    return 0


def _told(session: Session, merged: "ImportedPack", root: Path | str, dry_run: bool) -> None:
    for old, new in merged.renamed:
        session.log.note(f"{shown(old)} is there with other content: {shown(new)}")
    rows = sum(part.rows for part in merged.new)
    went = "would go" if dry_run else "went"
    said = f"{counted(rows, 'event')} in {counted(len(merged.new), 'file')} {went}"
    known = f"; {counted(merged.skipped, 'file')} already there" if merged.skipped else ""
    if merged.there:
        known += f"; the events of {counted(merged.there, 'file')} already there, in other files"
    session.log.note(f"{said} into {root}{known}")
    if merged.doubtful:
        first, more = merged.doubtful[0], len(merged.doubtful) - 1
        also = f" and {more:,} more" if more else ""
        session.log.warning(
            f"{root} has other events of the same symbol, type and time as "
            f"{shown(first)}{also}: what is in both {'would be' if dry_run else 'is'} there twice"
        )


def _say(value: Any) -> None:
    answer(value)
