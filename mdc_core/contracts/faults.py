"""What keeps a plugin's class from fulfilling its contract, seen without calling it."""

from collections.abc import Callable, Iterator
from inspect import Parameter, isfunction, signature
from typing import Any

CORE = "mdc_core."


def faults(plugin: type) -> Iterator[str]:
    """Methods that are missing, and those that cannot take what the engine gives them."""
    for name in dir(plugin):
        method = getattr(plugin, name)
        if isfunction(method):
            yield from _faults_of(plugin, name, method)


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
