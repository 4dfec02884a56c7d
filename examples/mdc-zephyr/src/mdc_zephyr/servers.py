"""What Zephyr's server says by whatever transport."""

from mdc_core import plugin as mdc

SCALE = 4
NONCE = "7f3a"
REFUSED = ("NOSUCH",)
LETTERS = {"buy": "B", "sell": "S", "none": "N", None: "N"}  # of a trade's aggressor


def pair(price, size):
    """A price and a size as they go over the wire."""
    return [mdc.unscaled(price, SCALE), mdc.unscaled(size, 0)]
