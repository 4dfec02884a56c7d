"""The filter `book` keeps to the contract of filters; what comes out is read and kept."""

from mdc_core.testing import FilterSuite
from mdc_filters.book import Book


class TestBook(FilterSuite):
    """Changes by price and by order, one that cannot be, a gap, a clear."""

    filter = Book
