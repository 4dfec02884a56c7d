"""What a distribution says of itself in its metadata, and whether it asks for this mdc.

`importlib.metadata` and `packaging` are not used: their import costs more than `mdc --help` may.
"""
# os.path, because importing pathlib would cost `mdc --help` milliseconds.
# ruff: noqa: PTH118, PTH123

import os
from collections.abc import Iterator

from mdc_core import __version__


def normal(name: str) -> str:
    """The name of a distribution, as far as it matters to tell two apart."""
    return name.replace("_", "-").replace(".", "-").lower()


def metadata(info: str, field: str) -> Iterator[str]:
    """The values of a field of a distribution's metadata; `info` is the folder of it."""
    for file in ("METADATA", "PKG-INFO"):
        try:
            with open(os.path.join(info, file), encoding="utf-8", errors="replace") as text:
                for line in text:
                    if line.startswith(f"{field}: "):
                        yield line.partition(":")[2].strip()
                    elif line == "\n":
                        break
        except OSError:
            continue


def satisfies(bound: str) -> bool:
    """Whether this version of mdc is within a bound such as >=0.1 or ==0.1.*."""
    number = bound.lstrip("<>=!~")
    operator = bound[: len(bound) - len(number)]
    if operator not in ("<", "<=", ">", ">=", "==", "!=", "~="):
        return True
    here, there = _release(__version__), _release(number.removesuffix(".*"))
    size = max(len(here), len(there))
    ours, theirs = (one + (0,) * (size - len(one)) for one in (here, there))
    if operator == "~=":
        return ours >= theirs and ours[: len(there) - 1] == there[:-1]
    if number.endswith(".*"):
        return (ours[: len(there)] == there) == (operator == "==")
    return {
        "<": ours < theirs,
        "<=": ours <= theirs,
        ">": ours > theirs,
        ">=": ours >= theirs,
        "==": ours == theirs,
        "!=": ours != theirs,
    }[operator]


def _release(version: str) -> tuple[int, ...]:
    """The numbers of a version, without what marks a pre-release."""
    numbers: list[int] = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)
