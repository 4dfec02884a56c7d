"""What an event costs `convert` and `store` in a long stream and in a short one.

    python bench/large.py [--short N] [--long N]

Prints CPU microseconds an event and memory at the peak for both, and their ratio. The events are
made as they are read, and what is stored is removed again.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import run_pipe

MDC = str(Path(sys.executable).parent / "mdc")
COMMANDS = (("convert", "--format", "jsonl"), ("store", "--root", "data"))
AT_ONCE = 16_384
MILLISECOND = 1_000_000


def batches(count: int) -> Iterator[bytes]:
    """An Arrow stream of so many quotes and trades, a millisecond after another."""
    import pyarrow as pa
    from cliffs import events

    from mdc_core.batch import from_rows, integers
    from mdc_core.wire.streams.encoder import StreamEncoder

    first = from_rows(events(AT_ONCE, ("quote", "trade")))
    encoder = StreamEncoder()
    for start in range(0, count, AT_ONCE):
        batch = first.slice(0, min(AT_ONCE, count - start))
        for name in ("ts_event", "ts_recv"):
            at = batch.schema.get_field_index(name)
            times = pa.array(integers(batch, name)[0] + start * MILLISECOND, batch.column(at).type)
            batch = batch.set_column(at, batch.schema.field(at), times)
        yield from map(bytes, encoder.encode(batch))
    yield from map(bytes, encoder.end())


def measure(count: int) -> list[tuple[float, int]]:
    """CPU microseconds an event and bytes at the peak of each command."""
    feed = [sys.executable, __file__, "--feed", str(count)]
    found = []
    for command in COMMANDS:
        with TemporaryDirectory() as folder:
            line = [MDC, "-q", *command]
            run = run_pipe([feed, line], stdin=None, env=dict(os.environ), cwd=Path(folder))
        stage = run.stages[-1]
        found.append((stage.cpu / count * 1e6, stage.rss))
    return found


def main() -> None:
    """Measure both lengths, or be the feed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", type=int, default=1_000_000)
    parser.add_argument("--long", type=int, default=20_000_000)
    parser.add_argument("--feed", type=int)
    given = parser.parse_args()
    if given.feed is not None:
        for piece in batches(given.feed):
            sys.stdout.buffer.write(piece)
        return
    short, long = measure(given.short), measure(given.long)
    for command, (few, few_bytes), (many, many_bytes) in zip(COMMANDS, short, long, strict=True):
        print(
            f"{command[0]:10}{given.short:>12,}: {few:5.2f} us, {few_bytes >> 20} MB"
            f"{given.long:>14,}: {many:5.2f} us, {many_bytes >> 20} MB   {many / few:4.2f}"
        )


if __name__ == "__main__":
    main()
