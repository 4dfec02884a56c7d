"""Times of others as nanoseconds since 1970: ISO 8601, compact, counts of a unit, a format."""

import re
from contextlib import suppress
from datetime import UTC, tzinfo
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from mdc_core.batch import int64_array
from mdc_core.errors import DataError
from mdc_core.mapping.columns.clock import WallClock
from mdc_core.mapping.columns.converting import Array, Converter, as_text, compute, refuse_misread
from mdc_core.mapping.columns.patterns import AUTOMATIC, iso_text, pattern_of
from mdc_core.moments import zone_of
from mdc_core.times import to_ns

UNITS = {"s": 9, "ms": 6, "us": 3, "ns": 0}  # digits behind the point that fit
_ZONE = r"^(?P<time>.*[0-9]) (?P<zone>[A-Z][A-Za-z_]*(?:/[A-Za-z_+-]+)*)$"
_COUNT = re.compile(r"-?\d{9,20}(\.\d+)?", re.ASCII)
_SLASHES = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d\d)\b.*", re.ASCII)


class Stamps(Converter):
    """Times, in nanoseconds since 1970 UTC; without a zone of their own they are of one."""

    kind = pa.timestamp("ns", "UTC")

    def __init__(
        self, unit: str | None = None, form: str | None = None, zone: tzinfo | None = None
    ) -> None:
        self._unit, self._form = unit, form
        self._clock = None if zone in (None, UTC) else _clock(zone)

    def bulk(self, column: Array) -> Array:
        """All times, where they are written in one way."""
        kind = column.type
        if pa.types.is_timestamp(kind):
            if kind.tz is None:
                return self._local(column.cast(pa.timestamp("ns")))
            return column.cast(self.kind)
        if pa.types.is_date(kind):
            return self._local(column.cast(pa.timestamp("ns")))
        return self._of_text(as_text(column))

    def _of_text(self, text: Array) -> Array:
        if self._form is not None:
            return self._iso(iso_text(text, pattern_of(self._form)))
        if self._unit is not None:
            try:
                return self._counted(text, UNITS[self._unit])
            except pa.ArrowInvalid:
                pass  # a time beside it may be written otherwise
        try:
            return self._iso(text)
        except pa.ArrowInvalid:
            pass
        for pattern in AUTOMATIC:
            try:
                return self._iso(iso_text(text, pattern))
            except (pa.ArrowInvalid, DataError):
                continue
        return self._zoned(text)

    def _iso(self, text: Array) -> Array:
        try:
            return self._local(text.cast(pa.timestamp("ns")))
        except pa.ArrowInvalid:
            return text.cast(self.kind)

    def _counted(self, text: Array, places: int) -> Array:
        """Nanoseconds of counts of a unit; raises ArrowInvalid for what is none, or finer."""
        refuse_misread(text)
        counts = text.cast(pa.decimal128(38, places))
        words = np.frombuffer(counts.buffers()[1], np.int64).reshape(-1, 2)
        words = words[counts.offset : counts.offset + len(counts)]
        known = counts.is_valid().to_numpy(zero_copy_only=False)
        if (known & (words[:, 1] != words[:, 0] >> 63)).any():
            raise pa.ArrowInvalid("out of range")
        return compute.if_else(counts.is_valid(), int64_array(words[:, 0]), None).cast(self.kind)

    def _zoned(self, text: Array) -> Array:
        """Times with the name of their zone behind them, which is one for all."""
        parts = compute.extract_regex(text, _ZONE)
        zones = compute.struct_field(parts, "zone").unique().drop_null().to_pylist()
        if len(zones) != 1 or parts.null_count > text.null_count:
            raise DataError("no time")
        return Stamps(zone=zone_of(zones[0])).bulk(compute.struct_field(parts, "time"))

    def _local(self, wall: Array) -> Array:
        """The times of a clock on the wall."""
        if self._clock is None:
            return wall.cast(self.kind) if len(wall) else pa.nulls(0, self.kind)
        known = wall.drop_null()
        shown = known.view(pa.int64()).to_numpy()
        odd = self._clock.odd(shown)
        if odd is not None and (odd[0].any() or odd[1].any()):
            raise DataError("an hour that the clock shows twice, or skips")
        utc = int64_array(self._clock.utc(shown)).cast(self.kind)
        if not wall.null_count:
            return utc
        return compute.replace_with_mask(pa.nulls(len(wall), self.kind), wall.is_valid(), utc)

    def one(self, value: Any) -> int:
        """Raises DataError, with the reason, for what `bulk` does not read."""
        column = pa.array([value])
        try:
            found = self.bulk(column)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, DataError):
            if self._form is None and str(value).endswith("Z"):
                with suppress(DataError):
                    return to_ns(str(value))  # the first moment of all, which Arrow does not read
            raise DataError(self._why(value)) from None
        return int(found.cast(pa.int64())[0].as_py())

    def _why(self, value: Any) -> str:
        text = str(value)
        shown = repr(text[:60])
        if self._form is not None:
            reason = f"not a time of the form {self._form}: {shown}"
        elif self._unit is None and _COUNT.fullmatch(text):
            return f"{shown} needs --time-unit s, ms, us or ns"
        elif _SLASHES.fullmatch(text):
            return f"{shown} may be more than one day: say --time-format '%m/%d/%Y'"
        else:
            reason = f"not a time: {shown}"
        return self._odd(value) or reason

    def _odd(self, value: Any) -> str | None:
        """What a zone's clock says to a time that it shows twice, or not at all."""
        if self._clock is None:
            return None
        try:
            plain = Stamps(self._unit, self._form).bulk(pa.array([value]))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, DataError):
            return None
        odd = self._clock.odd(plain.cast(pa.int64()).to_numpy())
        if odd is None or not (odd[0][0] or odd[1][0]):
            return None
        which = "is shown twice" if odd[0][0] else "is never shown"
        return f"{str(value)[:60]!r} {which} by the clocks of {self._clock}: write the offset"


@cache
def _clock(zone: tzinfo) -> WallClock:
    return WallClock(zone)
