"""Measure the compression profiles on your own events.

Reads the first events of a file in any encoding, divides them by type, symbol and day as
an archive does, and writes them with every profile to a temporary directory: how many
bytes that takes, how many times smaller than plain JSONL that is, and how many events a
second of CPU time writes and reads. What is read back has to equal what was written.

Choose a profile with `mdc store --preset NAME`, or by symbol and tier in mdc.toml: under
[compression], [compression.symbols] and [compression.tiers]."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.options import ListOption, Session, command, option
from mdc_core.cli.selection import JSON, PATH, limiting, one_of
from mdc_core.cli.show import answer, human, table
from mdc_core.disk import writing
from mdc_core.errors import UsageError
from mdc_core.texts import counted

if TYPE_CHECKING:
    from mdc_core.archive.upkeep.compress import CompressionRow, Sample

FORMATS = ("jsonl", "parquet")
GROUP = "store 7"
EXAMPLES = (
    "mdc compress events.jsonl",
    "mdc compress events.jsonl --format parquet -n 1000 --json",
)


@command()
@click.argument("path", required=False, type=PATH, metavar="FILE")
@option("--bench", type=PATH, hidden=True)
@option(
    "--format",
    "formats",
    cls=ListOption,
    type=click.Choice(FORMATS),
    help="only these formats  [default: both]",
)
@limiting("how many events", default=200_000, was="--rows")
@JSON
@click.pass_obj
def compress(
    session: Session,
    path: Path | None,
    bench: Path | None,
    formats: tuple[str, ...],
    limit: int,
    as_json: bool,
) -> None:
    """Measure the compression profiles."""
    from mdc_core.archive.upkeep.compress import sample_of

    path = one_of(path, bench, "FILE and --bench")
    if path is None:
        raise UsageError("no events to measure with", hint="mdc compress events.jsonl")
    if str(path) == "-":
        path = Path("/dev/stdin")
    if not limit:
        raise UsageError("--limit 0 leaves nothing to measure")
    if path.is_dir():
        raise UsageError(f"{path} is a directory", hint=f"name a file in it: mdc ls --tree {path}")
    sample = sample_of(path, limit)
    note = f"{counted(sample.rows, 'event')}, {human(sample.plain)} as plain JSONL, "
    session.log.note(f"{note}in {counted(len(sample.parts), 'file')}")
    if sample.cut:
        session.log.note(f"{path} has more events; --limit N measures more of them")
    found = _measured(session, sample, tuple(dict.fromkeys(formats)) or FORMATS)
    if as_json:
        _say(path, sample, found)
    else:
        _show(found)


def _measured(
    session: Session, sample: "Sample", formats: tuple[str, ...]
) -> "list[CompressionRow]":
    """Every profile in every format."""
    from tempfile import TemporaryDirectory

    from mdc_core import registry
    from mdc_core.archive.profiles import PROFILES, formatted
    from mdc_core.archive.upkeep.compress import measured
    from mdc_core.pipelines.progress import Progress

    found = []
    total = sample.rows * len(formats) * len(PROFILES)
    with writing("a temporary directory", "TMPDIR names another one"):
        folder = TemporaryDirectory(prefix="mdc-compress-", ignore_cleanup_errors=True)
    with folder, Progress(session, "compress", total=total, writes=False) as bar:
        for name in formats:
            plugin = registry.load("store", name)
            for profile in PROFILES.values():
                form = formatted(plugin, plugin.Options(), profile)
                found.append(measured(sample, name, form, profile, Path(folder.name)))
                bar.add(sample.rows)
    return found


def _best(found: "list[CompressionRow]") -> "dict[str, CompressionRow]":
    return {
        "smallest": min(found, key=lambda one: one.bytes),
        "fastest to write": max(found, key=lambda one: one.written_per_second),
        "fastest to read": max(found, key=lambda one: one.read_per_second),
    }


def _say(path: Path, sample: "Sample", found: "list[CompressionRow]") -> None:

    from msgspec import to_builtins

    best = {
        what.replace(" ", "_"): {"format": one.format, "profile": one.profile}
        for what, one in _best(found).items()
    }
    said = {
        "path": str(path),
        "events": sample.rows,
        "sampled": sample.cut,
        "files": len(sample.parts),
        "plain_bytes": sample.plain,
        "profiles": to_builtins(found),
        **best,
    }
    answer(said)


def _show(found: "list[CompressionRow]") -> None:
    lines: list[tuple[str, ...]] = [
        ("FORMAT", "PROFILE", "CODEC", "BYTES", "RATIO", "WRITTEN/S", "READ/S", "BEST")
    ]
    best = _best(found)
    for one in found:
        codec = one.codec if one.level is None else f"{one.codec} {one.level}"
        speeds = f"{one.written_per_second:,}", f"{one.read_per_second:,}"
        marks = ", ".join(what for what, winner in best.items() if winner is one)
        lines.append(
            (
                one.format,
                one.profile,
                codec,
                human(one.bytes),
                f"{one.ratio:.2f}",
                *speeds,
                marks,
            )
        )
    table(lines, right=frozenset([3, 4, 5, 6]))


command = compress
