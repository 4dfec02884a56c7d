"""Which plugins are installed: found by their entry points, imported only when used.

Rules of this file: finding, listing and summarising plugins imports nothing of theirs, not
even a parent package. `importlib.metadata` is not used: its import alone takes longer than
`mdc --help` may. Two distributions that give the same name are reported when it is used.
"""
# os.path, because importing pathlib would cost `mdc --help` milliseconds.
# ruff: noqa: PTH113, PTH118, PTH119, PTH123

import os
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from mdc_core.errors import ConfigError, UsageError
from mdc_core.suggest import known, unknown

# Verb -> what its plugins are called, and the contracts (in contracts.py) they may fulfil.
VERBS: dict[str, tuple[str, tuple[str, ...]]] = {
    "stream": ("provider", ("Stream", "Source")),
    "backfill": ("provider", ("History",)),
    "validate": ("check", ("Check",)),
    "filter": ("filter", ("Filter",)),
    "store": ("format", ("PartFormat",)),
    "publish": ("place", ("Plugin",)),
    "export": ("profile", ("Plugin",)),
    "import": ("profile", ("Importer",)),
    "hooks": ("observer", ()),
}
BUILT_IN = "market-data-collector"
LIMIT = "MDC_LOAD_PLUGINS"


class PluginRef(NamedTuple):
    """An installed plugin as its distribution declares it; nothing is imported yet."""

    verb: str
    name: str
    module: str
    attribute: str
    distribution: str
    version: str
    info: str  # the folder of the distribution's metadata
    rival: str = ""  # another distribution that gives the same name


def find(verb: str) -> dict[str, PluginRef]:
    """The plugins of a verb by name, in order of name."""
    return _scan(tuple(sys.path), os.environ.get(LIMIT))[verb]


def find_all() -> list[PluginRef]:
    """All plugins, in order of verb and name."""
    return [ref for verb in VERBS for ref in find(verb).values()]


def summary(ref: PluginRef) -> str:
    """The first line of the docstring of a plugin's module, read from its source."""
    file = source_file(ref)
    return (first_line(file) or "") if file else ""


def source_file(ref: PluginRef) -> str | None:
    """The file of a plugin's module, found without importing anything."""
    tail = ref.module.replace(".", os.sep)
    for path in sys.path:
        for file in (f"{tail}.py", os.path.join(tail, "__init__.py")):
            if os.path.isfile(os.path.join(path, file)):
                return os.path.join(path, file)
    return None


def first_line(file: str) -> str | None:
    """The first line of the docstring of a Python file, None where there is no file."""
    try:
        with open(file, encoding="utf-8", errors="replace") as source:
            text = source.read(4096)
    except OSError:
        return None
    while text.startswith(("#", "\n", "\r")):
        text = text.partition("\n")[2]
    text = text.lstrip("rR")
    for mark in ('"""', "'''", '"', "'"):
        if text.startswith(mark):
            body = text.removeprefix(mark).partition(mark)[0]
            return body.strip().partition("\n")[0].strip()
    return ""


def lookup(verb: str, name: str) -> PluginRef:
    """The plugin of that name; raises UsageError where none is installed."""
    plugins = find(verb)
    if name not in plugins:
        noun = VERBS[verb][0]
        raise UsageError(unknown(f"{noun} to {verb}", name, plugins), hint=known(plugins))
    return plugins[name]


def load(verb: str, name: str) -> Any:
    """Import the one plugin that is named, and return its class."""
    ref = lookup(verb, name)
    who = describe(ref)
    if ref.rival:
        raise ConfigError(
            f"{who} is also provided by {ref.rival}",
            hint=f"uninstall one, or name the one to load in {LIMIT}",
        )
    plugin = import_plugin(ref)
    _check_contract(ref, plugin)
    for module in plugin.requires:
        _check_installed(ref, module)
    return plugin


def describe(ref: PluginRef) -> str:
    """A plugin and where it comes from, for a message."""
    return f"plugin {ref.verb}:{ref.name} ({ref.distribution} {ref.version})"


def import_plugin(ref: PluginRef) -> Any:
    """What the entry point names; raises ConfigError whatever goes wrong on the way."""
    from importlib import import_module

    try:
        found: Any = import_module(ref.module)
        for part in filter(None, ref.attribute.split(".")):
            found = getattr(found, part)
    except ModuleNotFoundError as error:
        raise _missing(ref, error.name or str(error)) from error
    # A stranger's module may raise anything at all, even SystemExit.
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"{describe(ref)} cannot be loaded: {type(error).__name__}: {error}",
            hint=f"it is in {ref.module}; reinstall or uninstall {ref.distribution}",
        ) from error
    return found


def _check_contract(ref: PluginRef, plugin: Any) -> None:
    from mdc_core import contracts

    names = VERBS[ref.verb][1]
    allowed = tuple(getattr(contracts, name) for name in names)
    if not (isinstance(plugin, type) and issubclass(plugin, allowed)):
        raise ConfigError(
            f"{describe(ref)} is not a {' or '.join(names)}: "
            f"{ref.module}:{ref.attribute} is {plugin!r}",
            hint=f"derive it from mdc_core.plugin.{names[0]}",
        )


def _check_installed(ref: PluginRef, module: str) -> None:
    from importlib.util import find_spec

    if find_spec(module.partition(".")[0]) is None:
        raise _missing(ref, module)


def _missing(ref: PluginRef, module: str) -> ConfigError:
    top = module.partition(".")[0]
    message = f"{describe(ref)} needs the Python module {module!r}, which is not installed"
    if top == ref.module.partition(".")[0]:
        return ConfigError(message, hint=f"reinstall {ref.distribution}")
    for requirement, extra in _requirements(ref):
        if _normal(requirement) == _normal(top):
            what = f"'{ref.distribution}[{extra}]'" if extra else requirement
            return ConfigError(message, hint=f"pip install {what}")
    return ConfigError(message, hint=f"pip install {_normal(top)}")


def _requirements(ref: PluginRef) -> Iterator[tuple[str, str]]:
    """The requirements of a distribution: project, and the extra that asks for it."""
    for line in _metadata(ref.info, "Requires-Dist"):
        project, _, marker = line.partition(";")
        for stop in " <>=!~[(":
            project = project.partition(stop)[0]
        _, _, extra = marker.partition("extra ==")
        yield project, extra.strip(" '\"()")


def _metadata(info: str, field: str) -> Iterator[str]:
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


@cache
def _scan(paths: tuple[str, ...], limit: str | None) -> dict[str, dict[str, PluginRef]]:
    found: dict[str, dict[str, PluginRef]] = {verb: {} for verb in VERBS}
    seen: set[str] = set()
    for path in paths:
        for info in _distributions(path or "."):
            name, version = _identity(info)
            # As in Python itself, the first distribution of a name hides later ones.
            if _normal(name) in seen:
                continue
            seen.add(_normal(name))
            if _wanted(name, limit):
                for verb, plugin, target in _entry_points(info):
                    module, _, attribute = target.partition(":")
                    _add(
                        found[verb],
                        PluginRef(verb, plugin, module, attribute, name, version, info),
                    )
    return {verb: dict(sorted(plugins.items())) for verb, plugins in found.items()}


def _add(plugins: dict[str, PluginRef], ref: PluginRef) -> None:
    first = plugins.setdefault(ref.name, ref)
    if first is not ref:
        rival = f"{ref.distribution} {ref.version}"
        plugins[ref.name] = first._replace(rival=rival)


def _wanted(distribution: str, limit: str | None) -> bool:
    if limit is None or _normal(distribution) == BUILT_IN:
        return True
    return _normal(distribution) in {_normal(name.strip()) for name in limit.split(",")}


def _distributions(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(
                entry.path
                for entry in entries
                if entry.name.endswith((".dist-info", ".egg-info"))
                and os.access(os.path.join(entry.path, "entry_points.txt"), os.R_OK)
            )
    except OSError:
        return []


def _identity(info: str) -> tuple[str, str]:
    stem = os.path.basename(info).rpartition(".")[0]
    name, _, version = stem.partition("-")
    if not version:
        version = next(_metadata(info, "Version"), "?")
    # The folder's name has "_" where the distribution's name may have "-".
    return name.replace("_", "-"), version.partition("-py")[0]


def _entry_points(info: str) -> Iterator[tuple[str, str, str]]:
    """Verb, name and target of each of a distribution's entry points for mdc."""
    verb = ""
    with open(os.path.join(info, "entry_points.txt"), encoding="utf-8", errors="replace") as lines:
        for line in lines:
            line = line.strip()
            if line.startswith("["):
                group = line.strip("[]").strip()
                verb = group.removeprefix("mdc.") if group.startswith("mdc.") else ""
            elif verb in VERBS and "=" in line and not line.startswith(("#", ";")):
                name, _, target = line.partition("=")
                yield verb, name.strip(), target.partition("[")[0].replace(" ", "")


def _normal(name: str) -> str:
    return name.replace("_", "-").replace(".", "-").lower()
