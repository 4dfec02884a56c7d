"""JSON values as text, decimals as numbers with exactly their digits."""

from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")


def encode_json(value: Any) -> bytes:
    """Any JSON value as text, decimals as numbers with exactly their digits."""
    return _encoder.encode(value)
