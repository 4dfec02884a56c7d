"""The check `book` keeps to the contract of checks; what it finds is read and kept."""

from mdc_core.testing import CheckSuite
from mdc_validators.book import Book


class TestBook(CheckSuite):
    """The same rows as for the filter."""

    check = Book
    rows = "../../filters/book/rows.jsonl"
