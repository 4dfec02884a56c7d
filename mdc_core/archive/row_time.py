"""The moment a row is filed under, and sorted by."""

import numpy as np
import pyarrow as pa

from mdc_core import times
from mdc_core.batch import Int64s, integers

# The moment of a row that has no time: before all others.
NO_TIME = times.MIN_NS


def row_time(batch: pa.RecordBatch) -> Int64s:
    """Event time, else receive time, else UNKNOWN."""
    event, known = integers(batch, "ts_event")
    if known.all():
        return event
    received, received_known = integers(batch, "ts_recv")
    return np.where(known, event, np.where(received_known, received, NO_TIME))
