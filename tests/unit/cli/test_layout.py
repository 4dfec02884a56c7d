"""Help in lines that fit, beside its terms or below them; no word is cut."""

import click
import pytest

from mdc_core.cli.layout import HelpLayout, filled

TEXTS = (
    "",
    "short",
    "of times given without one, and in tables: America/New_York  [default: UTC]",
    "the words of a vendor that are broken at the end of a line, and not before it is full",
    "prices in euros, \N{EURO SIGN}, and in what else the venues of the whole world have them",
    "first line\nsecond line\n\nanother paragraph",
    "words\n\n\b\nkept as they\n  are\n\nand more words to be broken where the line is at its end",
    "words\n\n  indented by two, and long enough to be broken at the end of the line",
)


@pytest.mark.parametrize("width", [50, 78, 98])
def test_where_there_is_room_it_is_as_click_lays_it_out(width: int) -> None:
    ours, theirs = HelpLayout(width=width), click.HelpFormatter(width=width)
    for formatter in (ours, theirs):
        formatter.write_usage("mdc store", "[OPTIONS] [FILE]...")
        formatter.write_usage("mdc", " ".join(["COMMAND"] * 9))
        formatter.write_usage("mdc")
        for text in TEXTS:
            formatter.write_text(text)
        with formatter.section("Options"):
            formatter.write_dl([(term, text) for term in ("-n", "--form") for text in TEXTS[:5]])
    assert ours.getvalue().splitlines() == theirs.getvalue().splitlines()


def test_below_its_term_where_there_would_be_little_room() -> None:
    layout = HelpLayout(width=38)
    with layout.section("Options"):
        layout.write_dl(
            [
                ("--quarantine-size BYTES", "how large it may become"),
                ("--format [jsonl|arrow|csv|table|parquet]", "of crash-safe, long files that stay"),
                ("-h, --help", ""),
            ]
        )
    assert layout.getvalue().splitlines() == [
        "Options:",
        "  --quarantine-size BYTES",
        "      how large it may become",
        "  --format",
        "      [jsonl|arrow|csv|table|parquet]",
        "      of crash-safe, long files that",
        "      stay",
        "  -h, --help",
    ]


def test_words_are_never_cut() -> None:
    assert filled("a one-sided word", 7) == ["a", "one-sided", "word"]
    assert filled("[jsonl|arrow|csv] x", 12, 2) == ["[jsonl|", "  arrow|csv]", "  x"]
    assert filled("a  b  c", 4) == ["a  b", "c"]
    assert filled("", 4) == filled("  ", 4) == []
