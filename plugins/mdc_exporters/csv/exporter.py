"""CSV files: a header, exact decimals, RFC 3339 times in UTC.

An absent field is empty, an empty text is `""`; lists and objects are JSON.
"""

from typing import BinaryIO

from mdc_core.columns import csv_header, csv_lines
from mdc_core.plugin import Exporter, Part

ROWS = 16_384  # written at once

EXAMPLES = ("mdc cat --root data | mdc export --profile csv --output tables",)


class Csv(Exporter):
    """Events as CSV, one line each; the columns are those of the types in the file."""

    suffix = ".csv"

    def write(self, part: Part, file: BinaryIO) -> None:
        """Write the header and all rows."""
        names = part.schema.names
        file.write(csv_header(names))
        for table in part.tables():
            for batch in table.to_batches(max_chunksize=ROWS):
                file.write(csv_lines(batch, names))
