"""Which plugins are installed: found by their entry points, imported only when used.

Rules of this file: finding, listing and summarising plugins imports nothing of theirs, not
even a parent package. `importlib.metadata` is not used: its import alone takes longer than
`mdc --help` may. mdc's own names win: a stranger's plugin of the same name is reported, and
reached as `DISTRIBUTION:NAME`, as are two strangers' plugins of one name.
"""
# os.path, because importing pathlib would cost `mdc --help` milliseconds.
# ruff: noqa: PTH113, PTH118, PTH119

import os
import sys
from collections.abc import Iterator
from typing import Any

from mdc_core import __version__, plugin_files
from mdc_core.errors import ConfigError, PluginError, UsageError
from mdc_core.installed import BUILT_IN, VERBS, PluginRef, installed
from mdc_core.requirements import metadata, normal, satisfies
from mdc_core.sources import first_line
from mdc_core.suggest import known, unknown
from mdc_core.texts import said


def find(verb: str) -> dict[str, PluginRef]:
    """The plugins of a verb by the word that names them, in order of it."""
    return installed().plugins[verb]


def strays() -> tuple[tuple[PluginRef, str], ...]:
    """Entry points for mdc that cannot be used, each with the reason."""
    return installed().strays


def find_all() -> list[PluginRef]:
    """All plugins, in order of verb and name."""
    return [ref for verb in VERBS for ref in find(verb).values()]


def summary(ref: PluginRef) -> str:
    """The first line of the docstring of a plugin's module, read from its source."""
    file = source_file(ref)
    return (first_line(file) or "") if file else ""


def source_file(ref: PluginRef) -> str | None:
    """The file of a plugin's module, found without importing anything."""
    return module_file(ref.module)


def module_file(module: str) -> str | None:
    """The file of a module, found without importing anything."""
    if module.startswith(plugin_files.PREFIX):
        path = os.environ.get(plugin_files.PATH, "")
        return plugin_files.files(path).get(module, (None, ""))[0]
    tail = module.replace(".", os.sep)
    for path in sys.path:
        for file in (f"{tail}.py", os.path.join(tail, "__init__.py")):
            if os.path.isfile(os.path.join(path, file)):
                return os.path.join(path, file)
    return None


def get(verb: str, name: str) -> PluginRef | None:
    """The plugin of that word; DISTRIBUTION:NAME names any, also where NAME alone would do."""
    plugins = find(verb)
    if name in plugins or ":" not in name:
        return plugins.get(name)
    distribution, _, word = name.partition(":")
    ref = plugins.get(word)
    same = ref is not None and normal(ref.distribution) == normal(distribution)
    return ref if same else None


def namesakes(verb: str, name: str) -> list[PluginRef]:
    """The plugins of that name which are reached by a longer word."""
    return [ref for ref in find(verb).values() if ref.name == name and ref.word != name]


def lookup(verb: str, name: str) -> PluginRef:
    """The plugin of that word; raises UsageError where none is installed."""
    plugins = find(verb)
    ref = get(verb, name)
    if ref is None and (rivals := namesakes(verb, name)):
        raise ConfigError(
            f"several distributions provide {verb}:{name}",
            hint=f"say {' or '.join(rival.word for rival in rivals)}, or uninstall one",
        )
    if ref is None:
        noun = VERBS[verb][0]
        raise UsageError(unknown(f"{noun} to {verb}", name, plugins), hint=known(plugins))
    return ref


def load(verb: str, name: str) -> Any:
    """Import the one plugin that is named, and return its class."""
    ref = lookup(verb, name)
    _check_version(ref)
    plugin = import_plugin(ref)
    _check_contract(ref, plugin)
    for module in plugin.requires:
        _check_installed(ref, module)
    return plugin


def book_checksum(provider: str) -> Any:
    """The pure function by which a provider's books are verified, if it has one."""
    ref = get("stream", provider)
    try:
        return None if ref is None else getattr(import_plugin(ref), "book_checksum", None)
    except ConfigError:
        return None


def describe(ref: PluginRef) -> str:
    """A plugin and where it comes from, for a message."""
    return f"plugin {ref.verb}:{ref.name} ({ref.distribution} {ref.version})"


def is_built_in(ref: PluginRef) -> bool:
    """Whether a plugin comes with mdc, and has its version."""
    return normal(ref.distribution) == BUILT_IN


def address(ref: PluginRef) -> str:
    """Where the authors of a plugin can be reached, as its distribution says; may be empty."""
    links = [line.partition(",")[2].strip() for line in metadata(ref.info, "Project-URL")]
    return next(iter([*links, *metadata(ref.info, "Home-page")]), "")


def owner(error: BaseException) -> PluginRef | None:
    """The third party's plugin in whose code an error was raised, if it was one's.

    In a module of several plugins it is the one whose class the code is of; what else a package
    has belongs to the plugin that called it.
    """
    others = [ref for ref in find_all() if not is_built_in(ref)]
    found, trace = None, error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__"))
        top = module.partition(".")[0]
        near = [ref for ref in others if ref.module.partition(".")[0] == top]
        if same := [ref for ref in near if ref.module == module]:
            names = {type(trace.tb_frame.f_locals.get("self")).__name__}
            names.add(trace.tb_frame.f_code.co_qualname.partition(".")[0])
            own = [ref for ref in same if ref.attribute in names]
            found = own[0] if own else found if found in same else same[0]
        elif near and found not in near:
            found = near[0]
        trace = trace.tb_next
    return found


def failure(ref: PluginRef, error: BaseException) -> PluginError:
    """What is said of a plugin that raised something of its own."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = ""
    if trace is not None:
        file = os.path.basename(trace.tb_frame.f_code.co_filename)
        place = f" ({file}, line {trace.tb_lineno})"
    where = address(ref) or f"the authors of {ref.distribution}"
    return PluginError(
        f"{describe(ref)} failed: {type(error).__name__}: {said(error)}{place}",
        hint=f"report it to {where}; mdc -v shows the traceback",
    )


def misused(verb: str, name: str, text: str) -> PluginError:
    """What is said of a plugin that gives something else than its contract says."""
    ref = get(verb, name)
    who = describe(ref) if ref else f"{verb} {name}"
    where = (address(ref) if ref else "") or "its authors"
    return PluginError(f"{who} failed: {text}", hint=f"report it to {where}")


def import_plugin(ref: PluginRef) -> Any:
    """What the entry point names; raises ConfigError whatever goes wrong on the way."""
    from mdc_core import guests
    from mdc_core.wire.stdout import reserved

    if not is_built_in(ref):
        guests.came(describe(ref))
    try:
        with reserved():
            found: Any = _module(ref)
        for part in filter(None, ref.attribute.split(".")):
            found = getattr(found, part)
    except ModuleNotFoundError as error:
        raise _missing(ref, error.name or str(error)) from error
    except KeyboardInterrupt:
        raise
    # A stranger's module may raise anything at all, even what is no Exception.
    except BaseException as error:
        raise ConfigError(
            f"{describe(ref)} cannot be loaded: {type(error).__name__}: {said(error)}",
            hint=f"it is in {ref.module}; {_cure(ref)}",
        ) from error
    return found


def _module(ref: PluginRef) -> Any:
    """Import a plugin's module; that of a single file is in no package."""
    from importlib import import_module, util

    if not ref.info.endswith(".py") or ref.module in sys.modules:
        return import_module(ref.module)
    spec = util.spec_from_file_location(ref.module, ref.info)
    assert spec is not None and spec.loader is not None
    module = sys.modules[ref.module] = util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[ref.module]
        raise
    return module


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
    assert issubclass(plugin, contracts.Plugin)
    if plugin.contract not in (None, contracts.CONTRACT):
        raise ConfigError(
            f"{describe(ref)} is for contract {plugin.contract}; "
            f"that of mdc {__version__} is {contracts.CONTRACT}",
            hint=f"install a version of {ref.distribution} for this mdc",
        )
    if not is_built_in(ref) and issubclass(plugin, contracts.Provider):
        from mdc_core.contracts.faults import wrong_facts

        if wrong := "; ".join(wrong_facts(plugin)):
            where = address(ref) or f"the authors of {ref.distribution}"
            raise ConfigError(f"{describe(ref)}: {wrong}", hint=f"report it to {where}")


def _check_version(ref: PluginRef) -> None:
    """Refuse a plugin whose distribution asks for another version of mdc."""
    for line in metadata(ref.info, "Requires-Dist"):
        requirement = line.partition(";")[0].replace("(", " ").replace(")", " ")
        project = requirement
        for stop in " <>=!~[":
            project = project.partition(stop)[0]
        bounds = requirement.strip()[len(project) :].partition("]")
        wanted = (bounds[2] or bounds[0]).replace(" ", "")
        if normal(project) == BUILT_IN and not all(map(satisfies, filter(None, wanted.split(",")))):
            raise ConfigError(
                f"{describe(ref)} is for mdc {wanted}; this is {__version__}",
                hint=f"install a version of {ref.distribution} for this mdc",
            )


def _check_installed(ref: PluginRef, module: str) -> None:
    from importlib.util import find_spec

    if find_spec(module.partition(".")[0]) is None:
        raise _missing(ref, module)


def _cure(ref: PluginRef) -> str:
    if is_built_in(ref):  # what is installed is older than the source beside it
        return "install mdc again (in a checkout: python3 run.py setup)"
    return f"reinstall or uninstall {ref.distribution}"


def _missing(ref: PluginRef, module: str) -> ConfigError:
    top = module.partition(".")[0]
    message = f"{describe(ref)} needs the Python module {module!r}, which is not installed"
    if top == ref.module.partition(".")[0]:
        return ConfigError(message, hint=_cure(ref))
    for requirement, extra in _requirements(ref):
        if normal(requirement) == normal(top):
            what = f"'{ref.distribution}[{extra}]'" if extra else requirement
            return ConfigError(message, hint=f"pip install {what}")
    return ConfigError(message, hint=f"pip install {normal(top)}")


def _requirements(ref: PluginRef) -> Iterator[tuple[str, str]]:
    """The requirements of a distribution: project, and the extra that asks for it."""
    for line in metadata(ref.info, "Requires-Dist"):
        project, _, marker = line.partition(";")
        for stop in " <>=!~[(":
            project = project.partition(stop)[0]
        _, _, extra = marker.partition("extra ==")
        yield project, extra.strip(" '\"()")
