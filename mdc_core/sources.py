"""What the source of a module says of itself, read without importing it."""

import os
from functools import cache


def read(file: str, size: int) -> bytes:
    """The first so many bytes of a file; `open` asks the system twice as much."""
    number = os.open(file, os.O_RDONLY)
    try:
        return os.read(number, size)
    finally:
        os.close(number)


@cache
def beginning(file: str) -> str | None:
    """The first 4 KiB of a file as text, None where there is no file."""
    try:
        return read(file, 4096).decode(errors="replace")
    except OSError:
        return None


def first_line(file: str) -> str | None:
    """The first line of the docstring of a Python file, None where there is no file."""
    text = beginning(file)
    if text is None:
        return None
    while text.startswith(("#", "\n", "\r")):
        text = text.partition("\n")[2]
    text = text.lstrip("rR")
    for mark in ('"""', "'''", '"', "'"):
        if text.startswith(mark):
            body = text.removeprefix(mark).partition(mark)[0]
            return body.strip().partition("\n")[0].strip()
    return ""


def constant(file: str, name: str) -> str:
    """The text of a constant such as `GROUP = "look 3"` near the top of a file, or nothing."""
    return (beginning(file) or "").partition(f'\n{name} = "')[2].partition('"')[0]
