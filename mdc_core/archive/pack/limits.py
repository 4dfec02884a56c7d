"""How much may come out of a pack."""

from mdc_core.errors import DataError
from mdc_core.texts import counted

MAX_BYTES = 100 * 10**9
RATIO = 1_000  # of bytes that come out to bytes that go in
ALLOWANCE = 16 << 20  # what is small may be packed more tightly


class PackLimit:
    """How many bytes may come out of the packs of one command."""

    def __init__(self, most: int = MAX_BYTES) -> None:
        self._most = most
        self._left = most

    def expect(self, size: int) -> None:
        """Refuse what declares that it is too much."""
        if size > self._left:
            raise DataError(
                f"{counted(size, 'byte')} would come out; at most {self._most:,} may",
                hint="--max-unpacked-size",
            )

    def take(self, size: int) -> None:
        """Count what has come out."""
        self.expect(size)
        self._left -= size
