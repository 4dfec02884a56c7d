"""Plugins of a single file, without a package: MDC_PLUGIN_PATH, `mdc --plugin FILE[:CLASS]`.

What is in a file is read from its source; nothing is imported.
"""
# os.path, because importing pathlib would cost `mdc --help` milliseconds.
# ruff: noqa: PTH111, PTH112, PTH118, PTH119, PTH123, PTH208

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import ast

PATH = "MDC_PLUGIN_PATH"
PREFIX = "mdc_file_"  # of the modules' names, so that none hides another


class FileClass(NamedTuple):
    """A class of a file that derives from a contract."""

    file: str
    module: str
    name: str
    base: str
    version: str  # the beginning of the hash of the file

    @property
    def word(self) -> str:
        """The file's name as that of a plugin."""
        return self.module.removeprefix(PREFIX).replace("_", "-")


def files(path: str) -> dict[str, tuple[str, str]]:
    """The files that a path names, or has in its directories, by module, each with its CLASS."""
    found: dict[str, tuple[str, str]] = {}
    words = path.split(os.pathsep)
    for word, after in zip(words, [*words[1:], ""], strict=True):
        place = os.path.expanduser(word)
        inside = [place]
        if os.path.isdir(place):
            inside = sorted(os.path.join(place, file) for file in os.listdir(place))
        for file in inside:
            stem = os.path.basename(file).removesuffix(".py")
            if file.endswith(".py") and stem[:1] not in ("", "_", "."):
                name = after if after.isidentifier() and file == place else ""
                found.setdefault(f"{PREFIX}{stem}", (file, name))
    return found


def classes(path: str, bases: Mapping[str, str]) -> Iterator[FileClass]:
    """The classes in those files that derive from one of the contracts."""
    for module, (file, wanted) in files(path).items():
        yield from _classes(file, module, wanted, bases)


def unreadable(path: str) -> str | None:
    """Why the file, or the first of several, that a path names cannot be read; None if it can."""
    place = next((file for file, _ in files(path).values()), path.split(os.pathsep)[0])
    try:
        if not os.path.isdir(place):
            _parsed(place)
    except OSError as error:
        return str(error.strerror).lower()
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    except ValueError as error:
        return str(error)
    return None


def observes(path: str) -> bool:
    """Whether a hook is implemented in the files that a path names."""
    import ast

    for file, _ in files(path).values():
        with suppress(OSError, SyntaxError, ValueError):
            _, tree = _parsed(file)
            marks = (m for n in ast.walk(tree) for m in getattr(n, "decorator_list", ()))
            if any("hookimpl" in ast.dump(mark) for mark in marks):
                return True
    return False


def _parsed(file: str) -> "tuple[bytes, ast.Module]":
    import ast

    with open(file, "rb") as source:
        text = source.read()
    return text, ast.parse(text)


def _classes(file: str, module: str, wanted: str, bases: Mapping[str, str]) -> Iterator[FileClass]:
    import ast
    from hashlib import sha256

    try:
        text, tree = _parsed(file)
    except (OSError, SyntaxError, ValueError):
        return
    version = sha256(text).hexdigest()[:12]
    for node in tree.body:
        if not isinstance(node, ast.ClassDef) or (wanted and node.name != wanted):
            continue
        names = [getattr(base, "attr", getattr(base, "id", "")) for base in node.bases]
        base = next((name for name in names if name in bases), None)
        if base is not None and not node.name.startswith("_"):
            yield FileClass(file, module, node.name, base, version)
