"""Receive times: the text of a time for each frame, at a fraction of the usual cost."""

from mdc_core.times import MAX_NS, SECOND, from_ns


class Stamp:
    """`times.from_ns` for times that come in order: the text of a second is kept."""

    def __init__(self) -> None:
        self._since, self._text = MAX_NS + 1, ""  # the second it is, and its text

    def __call__(self, ns: int) -> str:
        rest = ns - self._since
        if not 0 <= rest < SECOND:
            rest = ns % SECOND
            self._since, self._text = ns - rest, from_ns(ns)[:20]
        return f"{self._text}{rest:09d}Z"
