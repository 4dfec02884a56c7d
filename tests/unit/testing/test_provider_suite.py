"""What the suites for a vendor's plugins ask of its facts."""

import pytest

from mdc_core.plugin import History, Page, Request
from mdc_core.testing import HistorySuite


class Zoo(History):
    vendor = "The Zoo"
    assets = ("crypto",)

    def first(self):
        return Request("https://zoo.example/trades")

    def read(self, response):
        return Page([])


def suite(**facts):
    changed = type("Changed", (Zoo,), facts)
    return type("Suite", (HistorySuite,), {"history": changed})()


def test_a_vendor_says_its_name_and_its_assets():
    suite().test_facts()
    suite().test_contract()
    for lacking in ({"vendor": ""}, {"assets": ()}):
        with pytest.raises(AssertionError, match=f"{next(iter(lacking))} is empty"):
            suite(**lacking).test_facts()


def test_facts_of_the_wrong_kind_are_found():
    with pytest.raises(AssertionError, match=r"notes must be a tuple of words, not 'One\.'"):
        suite(notes="One.").test_contract()
    with pytest.raises(AssertionError, match=r"secrets must be a tuple of words, not 'ZOO_KEY'"):
        suite(secrets="ZOO_KEY").test_contract()
