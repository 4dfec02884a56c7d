"""What keeps a plugin's class from fulfilling its contract, seen without making one."""

from collections.abc import Callable, Iterator
from inspect import Parameter, isfunction, signature
from typing import Any

from mdc_core.contracts.files import Exporter
from mdc_core.contracts.live.feeds import Stream
from mdc_core.contracts.options import Plugin
from mdc_core.contracts.provider import ASSETS, Limits, Provider
from mdc_core.contracts.store import PartFormat
from mdc_core.suggest import known, unknown

CORE = "mdc_core."
_WORDS = ("secrets", "optional_secrets", "requires")


def faults(plugin: type) -> Iterator[str]:
    """Methods that are missing, and those that cannot take what the engine gives them."""
    for name in dir(plugin):
        method = getattr(plugin, name)
        if isfunction(method):
            yield from _faults_of(plugin, name, method)
    if issubclass(plugin, Provider):
        yield from wrong_facts(plugin)
    elif issubclass(plugin, Plugin):
        yield from _wrong_words(plugin, _WORDS)
    if issubclass(plugin, PartFormat | Exporter):
        yield from _wrong_suffix(plugin.suffix)


def _wrong_words(plugin: type, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        words: Any = getattr(plugin, name)
        # A single word in brackets without a comma is no tuple, but has words: its letters.
        if not isinstance(words, tuple) or not all(
            isinstance(word, str) and word for word in words
        ):
            yield f"{name} must be a tuple of words, not {words!r}"


def _wrong_suffix(suffix: Any) -> Iterator[str]:
    """The suffix of files; a property says it of an instance, and may be looked at there alone."""
    sound = isinstance(suffix, str) and suffix[:1] in ("", ".") and "/" not in suffix
    if not sound and not isinstance(suffix, property):
        yield f"suffix must be one such as '.csv', not {suffix!r}"


def wrong_facts(plugin: type[Provider]) -> Iterator[str]:
    """What a provider says of itself that is not as its contract says."""
    yield from _wrong_words(plugin, _WORDS)
    lists = ("channels", "default_channels", "assets", "venues", "notes")
    yield from _wrong_words(plugin, tuple(name for name in lists if hasattr(plugin, name)))
    if not isinstance(plugin.vendor, str):
        yield f"vendor must be a name, not {plugin.vendor!r}"
    for asset in plugin.assets if isinstance(plugin.assets, tuple) else ():
        if asset not in ASSETS:
            yield f"{unknown('class of assets', str(asset), ASSETS)} ({known(ASSETS)})"
    if not isinstance(plugin.limits, Limits):
        yield f"limits must be Limits(...), not {plugin.limits!r}"
    else:
        for name in plugin.limits.__struct_fields__:
            limit: Any = getattr(plugin.limits, name)
            if limit is not None and (type(limit) is not int or limit < 1):
                yield f"limits: {name} must be a whole number above 0, not {limit!r}"
    server = plugin.sandbox if issubclass(plugin, Stream) else None
    if server is not None and {*server.test_secrets} != {*plugin.secrets, *plugin.optional_secrets}:
        names = ", ".join(server.test_secrets) or "none"
        yield f"its mock server asks for other secrets: {names}"


def _faults_of(plugin: type, name: str, method: Callable[..., Any]) -> Iterator[str]:
    if method.__module__.startswith(CORE):
        # A method of a contract that must be written says so by raising this.
        if "NotImplementedError" in method.__code__.co_names:
            yield f"{name}() is missing"
        return
    promised = _promised(plugin, name)
    if promised is None:
        return
    given = [p for p in signature(promised).parameters.values() if p.kind in _POSITIONAL]
    try:
        signature(method).bind(*given)
    except TypeError as error:
        names = ", ".join(p.name for p in given)
        yield f"{name}() must take ({names}): {error}"


_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def _promised(plugin: type, name: str) -> Callable[..., Any] | None:
    """The method of the contract that one of a plugin's takes the place of."""
    for base in plugin.__mro__[1:]:
        method = vars(base).get(name)
        if base.__module__.startswith(CORE) and isfunction(method):
            return method
    return None
