"""Raw frames: look at what a feed has recorded, and decode it again.

`mdc stream NAME --capture DIR/` keeps the frames of a feed as they came, in an archive of their
own: files of compressed blocks with checksums, which other tools read as well (`zstd -dc FILE |
jq`). A mistake of a decoder then costs no data. `cat`, `decode` and `import` also take captures of
one file: those of mdc, of cryptofeed and of hftbacktest's collector."""

import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any

import click

from mdc_core.cli.asking import consented, must_agree
from mdc_core.cli.options import SIZE, SPAN, ListOption, Session, group, option
from mdc_core.cli.recordings import codec_of, read_twice, recordings_in
from mdc_core.cli.selection import (
    ALLOW_EMPTY,
    DRY_RUN,
    JSON,
    QUARANTINE_LIMIT,
    TYPE,
    limiting,
    spanning,
    types_of,
    writing,
)
from mdc_core.cli.show import answer, human, shown, table, time_text
from mdc_core.cli.types import PathType, PluginName, SymbolArgument
from mdc_core.errors import DataError, UsageError
from mdc_core.texts import counted

if TYPE_CHECKING:
    from mdc_core.live.frames.reader import Damage
    from mdc_core.live.frames.runs import FileTold, FrameRun
    from mdc_core.pipelines.frames.importing import ImportedFile
    from mdc_core.pipelines.output.options import OutputOptions
    from mdc_core.pipelines.stage import Stage

GROUP = "collect 6"
EXAMPLES = (
    "mdc stream alpaca SPY --mock --limit 100 --capture raw/ > live.jsonl",
    "mdc frames ls raw",
    "mdc frames cat raw --direction in | jq .frame | head",
    "mdc frames decode raw SPY --type trade | mdc store --root data",
    "mdc frames verify raw",
    "mdc frames retain raw --keep 30d --keep-size 100GB --yes",
)
PATH = PathType(allow_dash=True)
PATHS = click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=PATH)
PROVIDER = option(
    "--provider",
    type=PluginName("stream"),
    help="whose frames they are, where the files do not say it",
)
SETTINGS = option(
    "--option",
    "settings",
    cls=ListOption,
    metavar="NAME=VALUE",
    help="an option of the provider, such as feed=sip  [default: as it was recorded]",
)
_PIECE = 1 << 16


@group()
def command() -> None:
    """Raw frames."""


@command.command("ls")
@PATHS
@spanning
@JSON
def list_files(paths: tuple[Path, ...], start: int | None, end: int | None, as_json: bool) -> None:
    """List the files, what is in each, of whom and from when to when.

    With `--from`, `--to` or `--date` those that have frames, or may have some, of this time.

    `unfinished` is a file whose writer was killed, `written` one that is written now.
    """
    from mdc_core.live.frames.runs import FrameChoice, told

    choice = FrameChoice(start, end)
    files = (told(file) for run in _runs(paths) for file in run.files)
    found = [one for one in files if choice.may_be_in(one.content)]
    if as_json:
        answer([_as_json(one) for one in found])
        return
    head = ("FILE", "PROVIDER", "CONNECTIONS", "FRAMES", "BYTES", "SIZE", "FIRST", "LAST", "STATE")
    table([head, *map(_row, found)], right=(3, 4, 5), times=(6, 7))


def _as_json(one: "FileTold") -> dict[str, Any]:
    head, content = one.file.head, one.content
    return {
        "file": str(one.file.path),
        "state": one.state,
        "run": head.run,
        "number": head.number,
        "provider": head.provider,
        "symbols": head.symbols,
        "channels": head.channels,
        "mdc": head.mdc,
        "source": head.source or None,
        "size": one.size,
        "frames": content.tally.frames,
        "bytes": content.tally.bytes,
        "first": time_text(content.first),
        "last": time_text(content.last),
        "connections": [
            {
                "connection": name,
                "received": tally.received,
                "sent": tally.sent,
                "notes": tally.notes,
                "bytes": tally.bytes,
            }
            for name, tally in content.connections.items()
        ],
    }


def _row(one: "FileTold") -> tuple[str, ...]:
    content = one.content
    return (
        shown(one.file.path),
        shown(one.file.head.provider) or "-",
        ",".join(map(shown, content.connections)) or "-",
        f"{content.tally.frames:,}",
        human(content.tally.bytes),
        human(one.size),
        time_text(content.first) or "-",
        time_text(content.last) or "-",
        one.state,
    )


@command.command("cat")
@PATHS
@spanning
@option(
    "--connection",
    "connections",
    cls=ListOption,
    help="only of these, or patterns: 'alpaca-*'",
)
@option(
    "--direction",
    "directions",
    cls=ListOption,
    type=click.Choice(["in", "out", "http", "derived"]),
    help="only frames that came or went, answers by HTTP, notes of the connection",
)
@click.pass_obj
def cat_frames(
    session: Session,
    paths: tuple[Path, ...],
    start: int | None,
    end: int | None,
    connections: tuple[str, ...],
    directions: tuple[str, ...],
) -> None:
    """Show frames as JSONL, in order of time: a capture, as `--replay` takes it.

    A frame stands there as it came; one that is no JSON is a text, or base64. Status 65 where
    something is damaged; what is not is shown.
    """
    from mdc_core.live.frames.reader import Damage
    from mdc_core.live.frames.runs import FrameChoice
    from mdc_core.live.recorded.record import line_of
    from mdc_core.live.recorded.recording import in_order
    from mdc_core.pipelines.frames.recording import Damages

    damages = Damages(session.log)
    choice = FrameChoice(start, end, connections, directions)
    lines, length = list[bytes](), 0
    for _, what in in_order(recordings_in(paths), choice):
        if isinstance(what, Damage):
            damages.add(what)
        elif what is not None:
            lines.append(line_of(what))
            length += len(lines[-1])
            if length > _PIECE:
                _write(lines)
                length = 0
    _write(lines)
    damages.check()


def _write(lines: list[bytes]) -> None:
    sys.stdout.buffer.write(b"".join(lines))
    sys.stdout.buffer.flush()
    lines.clear()


@command.command("decode")
@click.argument("path", type=PATH)
@click.argument("symbols", nargs=-1, type=SymbolArgument(), metavar="[SYMBOL]...")
@TYPE
@PROVIDER
@SETTINGS
@spanning
@limiting("how many events  [default: all]")
@option(
    "--quarantine",
    type=PathType(dir_okay=False),
    help="where frames that cannot be read are set aside",
)
@QUARANTINE_LIMIT
@ALLOW_EMPTY
@writing
def decode(
    path: Path,
    symbols: tuple[tuple[str, ...], ...],
    types: tuple[str, ...],
    provider: str | None,
    settings: tuple[str, ...],
    start: int | None,
    end: int | None,
    limit: int | None,
    quarantine: Path | None,
    quarantine_limit: int,
    allow_empty: bool,
    writing: "OutputOptions",
) -> "Stage":
    """Make events of frames by the codecs that are installed now.

    They are those that the feed gave, byte for byte, where the codec is the same. What is damaged
    is a connection that is lost, told by a gap, and status 65; a file that breaks off, because its
    writer was killed, is read up to there and told. `--from` and `--to` are about receive times:
    frames of before are gone through as well, for books and subscriptions depend on them.
    """
    from mdc_core.live.frames.head import SUFFIX
    from mdc_core.pipelines.frames.decode import FramesDecode
    from mdc_core.pipelines.inputs import InputOptions

    wanted = tuple(dict.fromkeys(symbol for some in symbols for symbol in some))
    for symbol in wanted:
        if symbol.endswith(SUFFIX):
            hint = f"mdc frames decode {path.parent} decodes all files of a folder"
            raise UsageError(f"{symbol} is a file, where symbols are expected", hint=hint)
    found = recordings_in((path,))
    codec = partial(codec_of, provider=provider, settings=settings)
    # A pipe says it when it is read.
    heads = [] if str(path) == "-" or path.is_fifo() else [one.head for one in found]
    providers = dict.fromkeys(codec(head).name for head in heads)
    reading = InputOptions(quarantine=quarantine, quarantine_limit=quarantine_limit)
    return FramesDecode(
        path,
        found,
        codec,
        tuple(providers) if provider is None else (provider,),
        wanted,
        types_of(types),
        span=(start, end),
        limit=limit,
        reading=reading,
        writing=writing,
        allow_empty=allow_empty,
    )


@command.command("verify")
@PATHS
@JSON
@click.pass_obj
def verify(session: Session, paths: tuple[Path, ...], as_json: bool) -> int:
    """Read all of some frames, and say what is damaged, torn off or missing.

    Checksums, the order of blocks and files, what each file says of itself at its end. Status 65
    if anything is wrong. Receive times that go back are told: the clock was set.
    """
    from mdc_core.live.frames.verify import FrameVerification
    from mdc_core.pipelines.progress import Progress

    found = list["Damage"]()
    with Progress(session, "frames verify", unit="B", writes=False) as bar:
        looking = FrameVerification(_runs(paths), bar.add)
        for finding in looking.findings():
            found.append(finding)
            if not as_json:
                with bar.aside():
                    click.echo(shown(str(finding)))
    if as_json:
        named = [{**one._asdict(), "file": str(one.file)} for one in found]
        answer({"files": looking.files, "frames": looking.frames, "findings": named})
    for note in looking.notes:
        session.log.warning(note)
    what = f"read {counted(looking.files, 'file')} with {counted(looking.frames, 'frame')}"
    session.log.note(f"{what}: {counted(len(found), 'finding')}")
    return DataError.exit_status if found else 0


@command.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="FILE... DIR", type=PATH)
@PROVIDER
@SETTINGS
@DRY_RUN
@option("--again", is_flag=True, help="store what is there already once more")
@click.pass_obj
def import_frames(
    session: Session,
    paths: tuple[Path, ...],
    provider: str | None,
    settings: tuple[str, ...],
    dry_run: bool,
    again: bool,
) -> None:
    """Take captures of one file into an archive of frames.

    Those of mdc, of cryptofeed (`SECONDS: FRAME`) and of hftbacktest's collector (`NANOSECONDS
    FRAME`), plain or compressed, are told by their content. A file becomes a run of its own, of the
    vendor that `--provider` names: of one that mdc has no provider for (BitMEX, Bitstamp, Gemini)
    frames are shown by `cat`, and no more. What is there already is not taken in twice; an import
    that was killed is begun anew.
    """
    from mdc_core.accounting import new_run_id
    from mdc_core.pipelines.frames.importing import import_file

    *files, folder = paths
    if not files:
        raise UsageError("no folder to take it into", hint=f"mdc frames import {folder} raw/")
    how = {"again": again, "dry_run": dry_run}
    for path in files:
        with read_twice(path) as readable:
            for one in recordings_in((readable,)):
                codec = codec_of(one.head, provider, settings)
                done = import_file(one, codec, folder, new_run_id(), source=str(path), **how)
                _say_import(session, path, folder, done, dry_run=dry_run)


def _say_import(
    session: Session, path: Path, folder: Path, done: "ImportedFile", *, dry_run: bool
) -> None:
    if done.before is not None:
        there = f"{path} is in {folder} already, as run {done.before}"
        session.log.note(f"{there}: nothing is taken (--again takes it in once more)")
        return
    said = ", ".join(f"{number:,} {way}" for way, number in sorted(done.counts.items()))
    would = "would take" if dry_run else "took"
    session.log.note(f"{would} {said or 'nothing'} of {path} into {folder}")


@command.command("retain")
@PATHS
@option("--keep", "age", type=SPAN, help="keep files so long: 30d")
@option("--keep-size", "size", type=SIZE, help="keep the newest files, so many bytes: 100GB")
@DRY_RUN
@option("--yes", is_flag=True, help="do not ask")
@JSON
@click.pass_obj
def retain_frames(
    session: Session,
    paths: tuple[Path, ...],
    age: int | None,
    size: int | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove files whose last frame came longer ago than need be kept, or that have no room.

    Those go whose last frame came longer ago than `--keep`, and the oldest as long as all
    together have more than `--keep-size`. Of each run they go in its order, and none that is
    written now. On a terminal mdc asks; elsewhere `--yes` is needed.
    """
    from mdc_core.live.frames.retain import FramesPolicy, expired, remove
    from mdc_core.live.frames.runs import runs_below

    if age is None and size is None:
        raise UsageError("nothing says what may go", hint="--keep 30d, or --keep-size 100GB")
    consented(yes=yes, dry_run=dry_run)
    runs = [run for path in paths for run in runs_below(path)]
    policy = FramesPolicy(None if age is None else time_ns() - age, size)
    gone, files_left, bytes_left = expired(runs, policy)
    freed = sum(one.size for one in gone)
    amount = f"{counted(len(gone), 'file')} of frames, {human(freed)}"
    if gone and not dry_run:
        if not yes:
            must_agree(f"remove {amount}")
        remove(gone)
    if as_json:
        told = {"bytes": freed, "files_left": files_left, "bytes_left": bytes_left}
        answer({"dry_run": dry_run, "removed": [_as_json(one) for one in gone], **told})
    did = "would remove" if dry_run else "removed"
    for one in [] if as_json else gone:
        click.echo(f"{did} {shown(one.file.path)}")
    if size is not None and bytes_left > size:
        rest = f"{human(bytes_left)} are left, more than {human(size)}"
        session.log.warning(f"{rest}: they are being written, or follow what is")
    kept = f"kept {counted(files_left, 'file')}, {human(bytes_left)}"
    session.log.note(f"{did} {amount}; {kept}")


def _runs(paths: Iterable[Path]) -> "list[FrameRun]":
    from mdc_core.live.frames.runs import runs_of

    return [run for path in paths for run in runs_of(path)]
