"""The work that is measured: each piece a pipe of commands, and what it is held against."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from measure import Command

HERE = Path(__file__).resolve().parent
PYTHON = sys.executable
MDC = str(Path(PYTHON).parent / "mdc")
STORE = (MDC, "store", "--format", "parquet", "--root")
ARCHIVE = "archive"  # the corpus, stored
SCRATCH = "scratch"  # made anew for each run, in the folder the commands run in

Input = Literal["jsonl", "arrow"]


class Work(NamedTuple):
    """A piece of work; the ratios are to the references' CPU seconds."""

    name: str
    title: str
    commands: Sequence[Command]
    stdin: Input | None = None
    arrow: bool = False  # between the commands, by MDC_WIRE
    at_most: float | None = None
    aim: float | None = None
    stores: bool = False  # every event, in the scratch folder
    captures: bool = False  # raw frames, in the scratch folder
    delays: tuple[float | None, float | None] | None = None  # told: p50 and p99 at most, in ms
    short: Command | None = None  # the same for a tenth of the events: what it takes is taken out


class Group(NamedTuple):
    """Work that is measured in turns with its references; the first one counts as 1.0."""

    name: str
    references: Sequence[Work]
    works: Sequence[Work]
    turns: int = 1
    agree: bool = False  # all of them write the same events, which is looked at in a turn before


def corpus_group(jsonl: Path) -> Group:
    """Everything that works on the corpus, beside DuckDB."""
    duckdb = (PYTHON, str(HERE / "duckdb_run.py"))
    references = [
        Work(
            "duckdb",
            "DuckDB: JSONL to Parquet, exact types",
            [(*duckdb, "typed", str(jsonl), SCRATCH)],
            stores=True,
        ),
        Work(
            "duckdb-auto",
            "DuckDB: JSONL to Parquet, types guessed",
            [(*duckdb, "auto", str(jsonl), SCRATCH)],
            stores=True,
        ),
    ]
    validate, store = (MDC, "validate"), (*STORE, SCRATCH)
    works = [
        Work(
            "validate",
            "`mdc validate < x.jsonl > /dev/null`",
            [validate],
            "jsonl",
            at_most=1.4,
            aim=0.8,
        ),
        Work(
            "store",
            "`mdc store --format parquet < x.jsonl`",
            [store],
            "jsonl",
            at_most=2.4,
            aim=1.5,
            stores=True,
        ),
        Work(
            "pipe",
            "`cat x.jsonl \\| mdc validate \\| mdc store --format parquet`",
            [("cat", str(jsonl)), validate, store],
            at_most=3.5,
            aim=2.2,
            stores=True,
        ),
        Work(
            "then",
            "`mdc validate x.jsonl then store`, one process",
            [(MDC, "validate", str(jsonl), "then", *STORE[1:], SCRATCH)],
            at_most=1.9,
            stores=True,
        ),
        Work(
            "then-arrow",
            "`mdc validate < x.arrows then store`, one process",
            [(MDC, "validate", "then", *STORE[1:], SCRATCH)],
            "arrow",
            at_most=1.0,
            stores=True,
        ),
        Work(
            "pipe-arrow",
            "`mdc validate < x.arrows \\| mdc store`, Arrow between",
            [validate, store],
            "arrow",
            arrow=True,
            at_most=1.2,
            aim=0.7,
            stores=True,
        ),
        Work(
            "store-arrow",
            "`mdc store --format parquet < x.arrows`",
            [store],
            "arrow",
            at_most=1.3,
            aim=0.9,
            stores=True,
        ),
        Work("cat", "`mdc cat --root data`", [(MDC, "cat", "--root", ARCHIVE)]),
        Work(
            "cat-arrow",
            "`mdc cat --root data --format arrow`",
            [(MDC, "cat", "--root", ARCHIVE, "--format", "arrow")],
        ),
        Work(
            "to-arrow",
            "`mdc convert --format arrow < x.jsonl`",
            [(MDC, "convert", "--format", "arrow")],
            "jsonl",
        ),
        Work(
            "to-jsonl",
            "`mdc convert --format jsonl < x.arrows`",
            [(MDC, "convert", "--format", "jsonl")],
            "arrow",
        ),
        Work("head", "`mdc head < x.jsonl`", [(MDC, "head")], "jsonl"),
    ]
    return Group("corpus", references, works)


def find_groups(symbols: int) -> list[Group]:
    """One partition out of so many symbols, beside DuckDB's hive read of the same files."""
    symbol, day = f"S{symbols // 2:03d}", "2024-01-02"
    duckdb = (PYTHON, str(HERE / "duckdb_run.py"), "hive", "wide", symbol, day)
    cat = (MDC, "-q", "cat", "--root", "wide", "--symbol", symbol, "--date", day)
    return [
        Group(
            "find",
            [Work("hive", "DuckDB: a symbol and day, all types, hive", [duckdb])],
            [Work("find", "`mdc cat --symbol S --date D`", [cat], at_most=1.0)],
            turns=3,
        ),
        Group(
            "find-type",
            [
                Work(
                    "hive-type",
                    "DuckDB: the same, one type by its folder",
                    [(*duckdb, "trade")],
                )
            ],
            [
                Work(
                    "find-type",
                    "`mdc cat --symbol S --date D --type trade`",
                    [(*cat, "--type", "trade")],
                    at_most=1.0,
                )
            ],
            turns=3,
        ),
    ]


def start_group() -> Group:
    """Starting up, beside Python with click."""
    reference = Work("click", "`python -c 'import click'`", [(PYTHON, "-c", "import click")])
    works = [
        Work("help", "`mdc --help`", [(MDC, "--help")], at_most=1.25, aim=1.1),
        Work("version", "`mdc --version`", [(MDC, "--version")], at_most=1.25, aim=0.6),
    ]
    return Group("start", [reference], works, turns=20)
