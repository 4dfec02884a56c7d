"""What to type for common tasks: `mdc help recipes`. A test runs each command, in this order."""

from collections.abc import Iterator
from textwrap import wrap

from mdc_core.cli.lazy import broken

RECIPES = (
    (
        "Collect",
        (
            ("See what events look like", "mdc stream sim SPY --limit 5"),
            (
                "Try a vendor's feed without an account",
                "mdc stream alpaca SPY --mock --limit 100 | mdc store --root data",
            ),
            (
                "Record a feed, checked on the way (without --limit: until Ctrl-C)",
                "mdc stream alpaca SPY AAPL --mock --limit 100 | mdc validate "
                "| mdc store --root data",
            ),
            (
                "The same in one process, with less work for the machine",
                "mdc stream sim SPY --limit 500 then validate then store --root sim",
            ),
            (
                "Keep the vendor's own frames beside the events",
                "mdc stream alpaca SPY --mock --limit 100 --capture raw/ | mdc store --root data",
            ),
            ("The same events again, from the frames", "mdc frames decode raw > again.jsonl"),
            ("That no frames are damaged", "mdc frames verify raw"),
            (
                "Read ticks from a CSV file",
                "mdc import --profile csv ticks.csv --map time=ts_event,px=price --type trade "
                "| mdc store --root ticks",
            ),
        ),
    ),
    (
        "Look",
        (
            ("What is in an archive", "mdc ls --root data"),
            ("Which days are complete", "mdc coverage --root data --calendar weekdays"),
            ("The last five trades", "mdc tail -n 5 --type trade --root data"),
            ("One symbol of one day", "mdc cat --root sim --symbol SPY --date 2024-01-02"),
            ("What a file is, and where it comes from", "mdc inspect events.jsonl"),
            (
                "Play a day again, ten times as fast",
                "mdc replay --root sim --speed 10x | mdc count",
            ),
        ),
    ),
    (
        "Ask",
        (
            (
                "Volume by symbol",
                'mdc query --root sim "SELECT symbol, sum(size) AS volume FROM trade '
                'GROUP BY symbol"',
            ),
            (
                "The best five levels of order books, once a second, with spread and mid",
                "mdc stream sim SPY --type delta --limit 500 "
                "| mdc book --levels 5 --every 1s --columns spread,mid",
            ),
            (
                "Prices as CSV, for a spreadsheet",
                "mdc query --root sim --format csv -o prices.csv "
                '"SELECT ts_event, price FROM trade"',
            ),
        ),
    ),
    (
        "Check",
        (
            ("What is wrong with some events", "mdc validate events.jsonl --strict > /dev/null"),
            (
                "Whether order books are what they can be",
                "mdc stream sim SPY --type delta --limit 500 | mdc validate --check book --strict "
                "| mdc count",
            ),
            ("That no file of an archive is damaged", "mdc verify --root data --deep"),
            ("After a crash or a power cut", "mdc recover --root data"),
        ),
    ),
    (
        "Keep",
        (
            ("Few large files instead of many small ones", "mdc compact --root data"),
            (
                "See what a limit of 30 days would remove",
                "mdc retain --root data --keep 30d --dry-run",
            ),
        ),
    ),
    (
        "Share",
        (
            ("Give a day to somebody else", "mdc pack create day.zip --root sim --date 2024-01-02"),
            ("Take it into another archive", "mdc pack import day.zip --root theirs"),
            (
                "Parquet for pandas, Polars or DuckDB",
                "mdc convert events.jsonl --format parquet -o e.parquet",
            ),
        ),
    ),
    (
        "Set up",
        (
            ("TAB in bash", "mdc completion bash > mdc.bash && source ./mdc.bash"),
            ("A check of your own", "mdc plugin new my-check --kind check"),
        ),
    ),
)


def recipes(width: int) -> Iterator[str]:
    """The lines of all of them."""
    for title, tasks in RECIPES:
        yield f"{title}:"
        for task, command in tasks:
            yield from wrap(task, width, initial_indent="  ", subsequent_indent="  ")
            yield from (f"    {line}" for line in broken(command, width - 4))
        yield ""
