"""Lean's importer by the suite that is given to every author of one."""

from typing import ClassVar

from mdc_core.testing import ImporterSuite
from mdc_exporters.lean.importer import Lean


class TestLean(ImporterSuite):
    importer = Lean
    bad: ClassVar = {
        "equity/usa/tick/ibm/20131007_quote.zip#q.csv line 2": "2 fields, not 8",
        "equity/usa/tick/ibm/20131008_trade.zip": "not a zip",
    }
