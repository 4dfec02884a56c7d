"""Help is laid out line for line as click does it."""

import click
import pytest

from mdc_core.cli.layout import HelpLayout

TEXTS = (
    "",
    "short",
    "of times given without one, and in tables: America/New_York  [default: UTC]",
    "the vendor's crash-safe, well-known and self-evident options of long standing in words",
    "one_word_that_is_much_longer_than_a_column_of_a_narrow_terminal_can_ever_be and more",
    "prices in euros, \N{EURO SIGN}, and in what else the venues of the whole world have them",
    "first line\nsecond line\n\nanother paragraph",
    "words\n\n\b\nkept as they\n  are\n\nand more words to be broken where the line is at its end",
    "words\n\n  indented by two, and long enough to be broken at the end of the line",
)


@pytest.mark.parametrize("width", [38, 50, 78, 98])
def test_help_is_laid_out_as_click_does_it(width):
    ours, theirs = HelpLayout(width=width), click.HelpFormatter(width=width)
    for formatter in (ours, theirs):
        formatter.write_usage("mdc store", "[OPTIONS] [FILE]...")
        formatter.write_usage("mdc", " ".join(["COMMAND"] * 9))
        formatter.write_usage("mdc")
        for text in TEXTS:
            formatter.write_text(text)
        for terms in (["-n", "--format FORM"], ["--a-very-long-option-for-tests VALUE", "-x"]):
            with formatter.section("Options"):
                formatter.write_dl([(term, text) for term in terms for text in TEXTS])
    assert ours.getvalue().splitlines() == theirs.getvalue().splitlines()
