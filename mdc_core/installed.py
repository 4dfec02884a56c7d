"""What is installed: entry points, read without importing anything, and plugins of single files.

`importlib.metadata` is not used: its import alone takes longer than `mdc --help` may.
"""
# os.path, because importing pathlib would cost `mdc --help` milliseconds.
# ruff: noqa: PTH118, PTH119, PTH120

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import NamedTuple

from mdc_core import plugin_files
from mdc_core.requirements import metadata, normal
from mdc_core.sources import read
from mdc_core.suggest import unknown

# Verb -> what its plugins are called, and the contracts (in contracts.py) they may fulfil.
VERBS: dict[str, tuple[str, tuple[str, ...]]] = {
    "stream": ("provider", ("Stream", "Source")),
    "backfill": ("provider", ("History",)),
    "validate": ("check", ("Check",)),
    "filter": ("filter", ("Filter",)),
    "store": ("format", ("PartFormat",)),
    "publish": ("destination", ("Sink",)),
    "export": ("profile", ("Exporter",)),
    "import": ("profile", ("Importer",)),
    "hooks": ("observer", ()),
}
_KIN = {"validate": ("PerEvent",), "import": ("TableImporter",)}
ALSO = {verb: _KIN.get(verb, ()) for verb in VERBS}
BUILT_IN = "market-data-collector"
LIMIT = "MDC_LOAD_PLUGINS"
# Former names of verbs: they still work, also in settings, and are shown nowhere.
FORMER_VERBS = {"sandbox": "mock"}
_MOST = 1 << 16  # bytes of entry points that are read


class PluginRef(NamedTuple):
    """An installed plugin as its distribution declares it; nothing is imported yet."""

    verb: str
    name: str
    module: str
    attribute: str
    distribution: str
    version: str
    info: str  # the folder of the distribution's metadata
    word: str = ""  # what follows the verb on the command line: NAME, or DISTRIBUTION:NAME


class Installed(NamedTuple):
    """What is installed: the plugins of each verb by word, and what cannot be one."""

    plugins: dict[str, dict[str, PluginRef]]
    strays: tuple[tuple[PluginRef, str], ...]  # each with the reason


def installed() -> Installed:
    """What is installed now."""
    environ = os.environ
    return scan(tuple(sys.path), environ.get(LIMIT), environ.get(plugin_files.PATH, ""))


@cache
def scan(paths: tuple[str, ...], limit: str | None, files: str) -> Installed:
    """What the distributions of an import path declare, and single files have."""
    found: dict[str, dict[str, list[PluginRef]]] = {verb: {} for verb in VERBS}
    stray: list[tuple[PluginRef, str]] = []
    seen: set[str] = set()
    for path in paths:
        for info, text in _distributions(path or "."):
            name, version = _identity(info)
            # As in Python itself, the first distribution of a name hides later ones.
            if normal(name) in seen:
                continue
            seen.add(normal(name))
            if not _wanted(name, limit):
                continue
            for verb, plugin, target in _entry_points(text):
                module, _, attribute = target.partition(":")
                ref = PluginRef(verb, plugin, module, attribute, name, version, info, plugin)
                if problem := _problem(ref):
                    stray.append((ref, problem))
                else:
                    found[verb].setdefault(plugin, []).append(ref)
    for ref in _of_files(files):
        found[ref.verb].setdefault(ref.name, []).append(ref)
    return Installed(
        {verb: _by_word(verb, plugins) for verb, plugins in found.items()}, tuple(stray)
    )


def _of_files(path: str) -> Iterator[PluginRef]:
    """The plugins of single files: named like the file, or where it has several, the class."""
    bases = {name: verb for verb, (_, names) in VERBS.items() for name in (*names, *ALSO[verb])}
    every = list(plugin_files.classes(path, bases)) if path else []
    for one in every:
        verb = bases[one.base]
        several = [x for x in every if x.file == one.file and bases[x.base] == verb]
        name = one.word if len(several) == 1 else one.name.lower()
        owner = os.path.basename(one.file)
        yield PluginRef(verb, name, one.module, one.name, owner, one.version, one.file, name)


def _problem(ref: PluginRef) -> str:
    """Why an entry point cannot be a plugin, or nothing."""
    if ref.verb not in VERBS:
        return unknown("entry-point group", f"mdc.{ref.verb}", [f"mdc.{verb}" for verb in VERBS])
    if not ref.name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        return f"{ref.name!r} cannot be the name of a plugin: letters, digits, '-', '_' and '.' can"
    return ""


@cache
def verb_files() -> Mapping[str, str]:
    """The verbs by name, each with its file; the file `import_.py` is the verb `import`."""
    with os.scandir(os.path.join(os.path.dirname(__file__), "cli", "verbs")) as entries:
        files = {e.name: e.path for e in entries if e.name.endswith(".py") and e.name[0] != "_"}
    return {name[:-3].rstrip("_").replace("_", "-"): files[name] for name in sorted(files)}


def _by_word(verb: str, plugins: dict[str, list[PluginRef]]) -> dict[str, PluginRef]:
    """Plugins by the word that names them: NAME, or DISTRIBUTION:NAME where it is taken."""
    words: dict[str, PluginRef] = {}
    taken = verb_files() if verb == "filter" and plugins else {}
    for name, refs in plugins.items():
        ours = [ref for ref in refs if normal(ref.distribution) == BUILT_IN]
        first = refs[0] if len(refs) == 1 else ours[0] if ours else None
        for ref in refs:
            word = name if ref is first and name not in taken else f"{ref.distribution}:{name}"
            words[word] = ref._replace(word=word)
    return dict(sorted(words.items()))


def _wanted(distribution: str, limit: str | None) -> bool:
    if limit is None or normal(distribution) == BUILT_IN:
        return True
    return normal(distribution) in {normal(name.strip()) for name in limit.split(",")}


def _distributions(path: str) -> Iterator[tuple[str, bytes]]:
    """The folders of metadata in a place that have entry points, with what they say."""
    try:
        with os.scandir(path) as entries:
            infos = [e.path for e in entries if e.name.endswith((".dist-info", ".egg-info"))]
    except OSError:
        return
    for info in sorted(infos):
        with suppress(OSError):
            yield info, read(f"{info}/entry_points.txt", _MOST)


def _identity(info: str) -> tuple[str, str]:
    stem = os.path.basename(info).rpartition(".")[0]
    name, _, version = stem.partition("-")
    if not version:
        version = next(metadata(info, "Version"), "?")
    # The folder's name has "_" where the distribution's name may have "-".
    return name.replace("_", "-"), version.partition("-py")[0]


def _entry_points(text: bytes) -> Iterator[tuple[str, str, str]]:
    """Verb, name and target of each of a distribution's entry points for mdc."""
    if b"mdc." not in text:
        return
    verb = ""
    for line in map(str.strip, text.decode(errors="replace").splitlines()):
        if line.startswith("["):
            group = line.strip("[]").strip()
            verb = group.removeprefix("mdc.") if group.startswith("mdc.") else ""
        elif verb and "=" in line and not line.startswith(("#", ";")):
            name, _, target = line.partition("=")
            yield verb, name.strip(), target.partition("[")[0].replace(" ", "")
