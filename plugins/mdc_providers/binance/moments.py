"""Times as text, at a fraction of the usual cost: the text of a second is kept."""

from mdc_core.plugin import from_ns

_SECOND = 1_000_000_000
_MICRO = 100_000_000_000_000  # a whole number from here on is of microseconds: 1973 as that


class Moments:
    """Texts of times that come about in order."""

    def __init__(self) -> None:
        self._second, self._text = -1, ""
        self._ns, self._whole = -1, ""

    def __call__(self, number: int) -> str:
        """The text of milliseconds since 1970, or of microseconds (`timeUnit=MICROSECOND`)."""
        if number >= _MICRO:
            return self.ns(number * 1000)
        second, rest = divmod(number, 1000)
        if second != self._second:
            self._second, self._text = second, from_ns(second * _SECOND)[:20]
        return f"{self._text}{rest:03d}000000Z"

    def ns(self, number: int) -> str:
        """The text of nanoseconds since 1970."""
        if number == self._ns:
            return self._whole  # a time of receipt is that of all that came at once
        second, rest = divmod(number, _SECOND)
        if second != self._second:
            self._second, self._text = second, from_ns(second * _SECOND)[:20]
        self._ns, self._whole = number, f"{self._text}{rest:09d}Z"
        return self._whole
