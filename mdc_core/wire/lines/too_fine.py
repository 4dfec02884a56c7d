"""Numbers of so many decimal places, more than 18 + 38, that pyarrow is not to see them.

It reads its table of powers of ten beyond the end for them, which gives any number or kills
the process.
"""

import re

import numpy as np

TOO_FINE = r"[.][0-9]{38}|e-0*[2-9][0-9]|e-0*[0-9]{3}|E-0*[2-9][0-9]|E-0*[0-9]{3}"

_SHORTEST = len("e-20")
_FRACTION = re.compile(rb"[.][0-9]{38}")
_EXPONENT = re.compile(rb"-(?<=[eE]-)0*(?:[2-9][0-9]|[0-9]{3})")
_HIGH_HALVES, _DIGITS = np.uint64(0xF0F0F0F0F0F0F0F0), np.uint64(0x3030303030303030)
_SMALL_E_MINUS, _TO_SMALL = np.uint16(0x2D65), np.uint16(0x0020)


def has_too_fine(text: bytes) -> bool:
    """Whether such a number may be in a text: what `TOO_FINE` finds, at the speed of memory."""
    if len(text) < _SHORTEST:
        return False
    return (_has_long_digits(text) and _FRACTION.search(text) is not None) or (
        _has_exponents(text) and _EXPONENT.search(text) is not None
    )


def _has_long_digits(text: bytes) -> bool:
    """Whether 38 digits in a row are possible: three whole words of eight lie within them."""
    words = np.frombuffer(text, "<u8", len(text) // 8)
    digits = (words & _HIGH_HALVES) == _DIGITS
    return bool((digits[2:] & digits[1:-1] & digits[:-2]).any())


def _has_exponents(text: bytes) -> bool:
    """Whether `e-` or `E-` is there, at an even place or at an odd one."""
    for start in (0, 1):
        pairs = np.frombuffer(text, "<u2", (len(text) - start) // 2, start)
        if ((pairs | _TO_SMALL) == _SMALL_E_MINUS).any():
            return True
    return False
