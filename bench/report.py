"""The results, as JSON and as a Markdown table."""

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from measure import Run
from work import Group, Work

VERSIONS = (
    "market-data-collector",
    "duckdb",
    "pyarrow",
    "numpy",
    "msgspec",
    "orjson",
    "websockets",
    "click",
)
PEAK_AT_MOST, PEAK_AIM = 250.0, 150.0  # MB
Row = dict[str, Any]


class Measured(NamedTuple):
    """The runs of a piece of work, in the order of the turns."""

    work: Work
    runs: list[Run]


def rows_of(group: Group, measured: Sequence[Measured], events: int) -> list[Row]:
    """A row for each piece of work; ratios are medians over turns taken side by side."""
    references = measured[: len(group.references)]
    return [_row(group, one, references, events) for one in measured]


def _row(group: Group, one: Measured, references: Sequence[Measured], events: int) -> Row:
    work, runs = one
    cpu, wall = [run.cpu for run in runs], [run.wall for run in runs]
    stages = [
        {
            "command": " ".join([Path(first.command[0]).name, *first.command[1:2]]),
            "cpu": median(run.stages[place].cpu for run in runs),
            "rss": max(run.stages[place].rss for run in runs),
        }
        for place, first in enumerate(runs[0].stages)
    ]
    return {
        "name": work.name,
        "group": group.name,
        "work": work.title,
        "reference": work in group.references,
        "runs": len(runs),
        "wall": median(wall),
        "wall_min": min(wall),
        "cpu": median(cpu),
        "cpu_min": min(cpu),
        "cpu_us_per_event": median(cpu) / events * 1e6 if events else None,
        "stages": stages,
        "bytes_per_frame": _bytes_per_frame(runs),
        **_delays(work, runs),
        "ratio": _ratio(one, references[0]),
        "wall_ratio": median(wall) / median(run.wall for run in references[0].runs),
        "ratios": {other.work.name: _ratio(one, other) for other in references},
        "at_most": work.at_most,
        "aim": work.aim,
    }


def _bytes_per_frame(runs: Sequence[Run]) -> float | None:
    """What a frame takes on the disk that was kept."""
    kept = [bytes / frames for frames, bytes in (run.kept for run in runs) if frames]
    return median(kept) if kept else None


def _delays(work: Work, runs: Sequence[Run]) -> Row:
    """The medians over the turns, in ms, and what is allowed; nothing where none are told."""
    told = [run.delays for run in runs if run.delays is not None]
    if not told or work.delays is None:
        return {}
    p50, p99 = (median(values) for values in zip(*told, strict=True))
    at_most = dict(zip(("p50_at_most", "p99_at_most"), work.delays, strict=True))
    return {"p50_ms": p50, "p99_ms": p99, **at_most}


def _ratio(one: Measured, other: Measured) -> float:
    pairs = zip(one.runs, other.runs, strict=True)
    return median(run.cpu / reference.cpu for run, reference in pairs)


def peak_row(rows: Sequence[Row]) -> Row:
    """The most memory that any stage of ours took."""
    ours = [
        (stage["rss"], f"{stage['command']} ({row['name']})")
        for row in rows
        if not row["reference"]
        for stage in row["stages"]
        if stage["command"].startswith("mdc ")
    ]
    peak, stage = max(ours)
    return {
        "name": "memory",
        "rss": peak,
        "stage": stage,
        "peak_mb": peak / 1e6,
        "at_most": PEAK_AT_MOST,
        "aim": PEAK_AIM,
    }


def machine() -> dict[str, Any]:
    """What the results were measured on, and with."""
    return {
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "memory_mb": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e6,
        "load_average": os.getloadavg(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in VERSIONS},
    }


def write(out: Path, about: dict[str, Any], rows: Sequence[Row]) -> str:
    """Write results.json and results.md; returns the table."""
    results = {**about, "machine": machine(), "rows": rows, "memory": peak_row(rows)}
    (out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    text = _markdown(results)
    (out / "results.md").write_text(text)
    return text


def _markdown(results: dict[str, Any]) -> str:
    about, peak = results["machine"], results["memory"]
    lines = [
        "| work | CPU s | ratio | at most | aim | peak MB | wall s | to auto types |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(_line(row) for row in results["rows"]),
        f"| peak memory: {peak['stage']} | | {peak['peak_mb']:.0f} MB "
        f"| {PEAK_AT_MOST:.0f} | {PEAK_AIM:.0f} | {peak['peak_mb']:.0f} | | |",
        "",
        *_delay_lines(results["rows"]),
        f"{results['events']:,} events ({results['stream_events']:,} streamed), "
        f"{results['repeat']} turns; {about['usable_cores']} cores, Python {about['python']}, "
        + ", ".join(f"{name} {number}" for name, number in about["versions"].items())
        + ".",
        "CPU seconds are those of all processes of a pipe, the median of the turns, start "
        "included; of a feed without it, by a run of a tenth of the events beside each. A ratio "
        "is to the reference above it (1.00) in the same turn. Peak memory is that of each "
        "process.",
        *(
            f"{row['work']}: {row['bytes_per_frame']:.0f} bytes a frame on the disk."
            for row in results["rows"]
            if row["bytes_per_frame"] is not None
        ),
        *(_engine_line(row) for row in results["rows"] if "engines" in row),
        *results["absent"],
    ]
    return "\n".join(lines) + "\n"


def _delay_lines(rows: Sequence[Row]) -> list[str]:
    """A table of how long events are under way, and a line without anything behind it."""
    lines = [
        f"| {row['work']} | {row['p50_ms']:.2f} | {_limit(row['p50_at_most'])} "
        f"| {row['p99_ms']:.2f} | {_limit(row['p99_at_most'])} |"
        for row in rows
        if "p50_ms" in row
    ]
    head = [
        "| under way | p50 ms | at most | p99 ms | at most |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    return [*head, *lines, ""] if lines else []


def _engine_line(row: Row) -> str:
    told = row["engines"]
    ours, theirs = told["mdc"], told["order_book"]
    text = f"{ours:,.0f} updates a CPU second, {ours / theirs:.2f} of order_book's {theirs:,.0f}"
    return f"{row['work']}, engine alone: {text}."


def _line(row: Row) -> str:
    peaks = " / ".join(f"{stage['rss'] / 1e6:.0f}" for stage in row["stages"])
    guessed = row["ratios"].get("duckdb-auto")
    cells = [
        row["work"],
        f"{row['cpu']:.3f}",
        f"{row['ratio']:.2f}",
        _limit(row["at_most"]),
        _limit(row["aim"]),
        peaks,
        f"{row['wall']:.3f}",
        "" if guessed is None else f"{guessed:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def _limit(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
