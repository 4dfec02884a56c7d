"""Show the first events.

Control events are not counted. The command before it in the pipe ends quietly."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.options import Session, command
from mdc_core.cli.pipe import PATH, Pipe, reading, writing
from mdc_core.cli.signals import following_input

if TYPE_CHECKING:
    from mdc_core.wire.writer import Wire

EXAMPLES = (
    "mdc stream sim SPY --limit 100 | mdc head -n 3",
    "mdc head -n 3 events.jsonl",
)


@command()
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    help="how many events",
)
@writing
@reading
@click.pass_obj
def head(
    session: Session,
    paths: tuple[Path, ...],
    lines: int,
    wire: "Wire",
    quarantine: Path | None,
    partial: bool,
    strict: bool,
) -> int:
    """Show the first events."""
    from mdc_core.accounting import piece_of

    pipe = Pipe(
        session,
        "head",
        paths,
        wire=wire,
        quarantine=quarantine,
        partial=partial,
        strict=strict,
        request={"lines": lines},
    )
    assert pipe.output is not None
    left = lines
    with following_input():
        for chunk in pipe.chunks():
            chunk = piece_of(chunk, 0, min(left, chunk.batch.num_rows))
            pipe.output.batch(chunk.batch, chunk.raw, chunk.counts)
            left -= chunk.batch.num_rows
            if left == 0:
                break
        read = sum(pipe.input.counts.values())
        pipe.dropped = read - (lines - left)
        return pipe.finish(reason="limit" if left == 0 else None)


command = head
