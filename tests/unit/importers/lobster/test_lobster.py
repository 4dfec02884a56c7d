"""LOBSTER's files keep to the contract of importers; the events of two small days are kept."""

from collections.abc import Mapping
from typing import ClassVar

from mdc_core.testing import ImporterSuite
from mdc_exporters.lobster.importer import Lobster


class TestLobster(ImporterSuite):
    """All kinds of messages, a book of two levels, a row that is none, a file without books."""

    importer = Lobster
    bad: ClassVar[Mapping[str, str]] = {
        "ABC_2024-07-02_34200000_57600000_message_2.csv:10": "no row of a message file",
    }
