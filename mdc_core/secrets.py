"""Secrets: from the environment, a file it names, a keyring or an observer; never from flags.

For a secret NAME: the variable NAME, then the file named by NAME_FILE, then the keyring's
entry NAME of service `mdc` (if `keyring` is installed), then the hook `secret`.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mdc_core.disk import unreadable
from mdc_core.errors import ConfigError
from mdc_core.logs import Mask

SERVICE = "mdc"
_PLACEHOLDERS = {"", "changeme", "setme", "todo", "xxx", "yoursecret", "yourkey", "yourapikey"}


def resolve(
    names: Iterable[str],
    environ: Mapping[str, str],
    *,
    optional: Iterable[str] = (),
    mask: Mask,
    ask: Callable[[str], str | None] = lambda name: None,
) -> dict[str, str]:
    """The values of these secrets, masked from now on; raises ConfigError for missing ones."""
    found: dict[str, str] = {}
    needed = tuple(names)
    for name in (*needed, *optional):
        there = _find(name, environ, ask)
        if there is not None:
            mask.add(there[1])
            found[name] = there[1]
    missing = [name for name in needed if name not in found]
    if missing:
        raise ConfigError(
            f"missing secret: {', '.join(missing)}",
            hint=f"export {missing[0]}=..., or {missing[0]}_FILE=FILE, "
            f"or `keyring set {SERVICE} {missing[0]}`",
        )
    return found


def source(
    name: str, environ: Mapping[str, str], *, ask: Callable[[str], str | None] = lambda name: None
) -> str | None:
    """Where the value of a secret is found; None where there is none."""
    found = _find(name, environ, ask)
    return found and found[0]


def is_placeholder(value: str) -> bool:
    """Whether a value only says where the real one should be, such as `__SET_ME__`."""
    text = value.strip()
    word = "".join(c for c in text.casefold() if c.isalnum())
    return word in _PLACEHOLDERS or (text.startswith("<") and text.endswith(">"))


def _find(
    name: str, environ: Mapping[str, str], ask: Callable[[str], str | None]
) -> tuple[str, str] | None:
    """Where a secret was found, and its value."""
    places: dict[str, Callable[[], str | None]] = {
        "environment": lambda: environ.get(name),
        "file": lambda: _file(name, environ),
        "keyring": lambda: _keyring(name),
        "observer": lambda: ask(name),
    }
    for place, look in places.items():
        value = look()
        if value is not None and not is_placeholder(value):
            return place, value
    return None


def _file(name: str, environ: Mapping[str, str]) -> str | None:
    path = environ.get(f"{name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise ConfigError(f"{name}_FILE: {path} is not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"{name}_FILE: {unreadable(path, error)}") from None


def _keyring(name: str) -> str | None:
    from importlib import import_module
    from importlib.util import find_spec

    if find_spec("keyring") is None:
        return None
    keyring = import_module("keyring")
    try:
        value: str | None = keyring.get_password(SERVICE, name)
        return value
    except keyring.errors.KeyringError:
        # A host without a desktop has no keyring to unlock; the next place may know.
        return None
