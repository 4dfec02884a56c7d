"""Receive times: the text of a time for each frame, at a fraction of the usual cost."""

from mdc_core.times import SECOND, from_ns


class Stamp:
    """`times.from_ns` for times that come in order: the text of a second is kept."""

    def __init__(self) -> None:
        self._from = self._to = 0  # what is less than this from that is in the second at hand
        self._text = ""

    def __call__(self, ns: int) -> str:
        if not self._from <= ns < self._to:
            text = from_ns(ns)
            self._from = ns - int(text[20:29])
            self._to = self._from + SECOND
            self._text = text[:20]
        # The digits behind the second are the last of the number, where it has as many.
        return f"{self._text}{str(ns)[-9:]}Z" if ns >= SECOND else from_ns(ns)
