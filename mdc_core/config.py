"""Settings from `mdc.toml`: the nearest one upward from the working directory, then the user's.

    [validate]                 # a command's options: --on-fail
    on_fail = "drop"
    [validate.monotonic]       # a plugin's options: --monotonic-tolerance
    tolerance = "100ms"
    [stream.alpaca]            # mdc stream alpaca --feed
    feed = "sip"

The command line and the environment (MDC_STREAM_ALPACA_FEED) come before both files; the
command line's side of that is in `cli/options.py`. Secrets are refused here.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from mdc_core.disk import unreadable
from mdc_core.errors import ConfigError
from mdc_core.installed import FORMER_VERBS

NAME = "mdc.toml"


class Setting(NamedTuple):
    """A value, and where it was found."""

    value: Any
    file: Path
    table: str

    def complaint(self, key: str, problem: str, hint: str | None = None) -> ConfigError:
        """What is wrong with this setting, and where it is."""
        table = f"[{self.table}] " if self.table else ""
        return ConfigError(f"{self.file}: {table}{key}: {problem}", hint=hint)


class Config:
    """The settings of the files that apply here, the nearest first."""

    def __init__(self, files: tuple[tuple[Path, Mapping[str, Any]], ...] = ()) -> None:
        self.files = files

    def settings(self, *path: str) -> dict[str, Setting]:
        """The settings of one table such as ("stream", "alpaca"), tables within left out."""
        found: dict[str, Setting] = {}
        for file, tables in self.files:
            for key, value in _descend(file, tables, path).items():
                if not isinstance(value, dict):
                    name = key.replace("-", "_")
                    found.setdefault(name, Setting(value, file, ".".join(path)))
        return found

    def tables(self, *path: str) -> dict[str, Path]:
        """The tables within a table, and the file that has each."""
        found: dict[str, Path] = {}
        for file, tables in self.files:
            for key, value in _descend(file, tables, path).items():
                if isinstance(value, dict):
                    found.setdefault(key, file)
        return found

    def refuse_secrets(self, names: tuple[str, ...], *path: str) -> None:
        """Raise ConfigError if one of these secrets stands in a table, or in one around it."""
        for depth in range(len(path) + 1):
            for key, setting in self.settings(*path[:depth]).items():
                if key.upper() in names:
                    raise ConfigError(
                        f"{setting.file}: {key} is a secret, and {NAME} is no place for it",
                        hint=f"set {key.upper()}, or {key.upper()}_FILE to a file with it",
                    )


def load_file(file: Path) -> Config:
    """Read one file that was named; raises ConfigError for a broken one."""
    return Config(((file, _read(file)),))


def load(directory: Path, environ: Mapping[str, str]) -> Config:
    """Read the files that apply in a directory; raises ConfigError for a broken one."""
    return Config(tuple((file, _read(file)) for file in applying(directory, environ)))


def applying(directory: Path, environ: Mapping[str, str]) -> list[Path]:
    """The files that apply: the nearest one, and the user's."""
    *nearer, user = places(directory, environ)
    nearest = next((file for file in nearer if file.is_file()), None)
    return [file for file in (nearest, user) if file is not None and file.is_file()]


def places(directory: Path, environ: Mapping[str, str]) -> list[Path]:
    """Where settings are looked for: from a directory upwards, then the user's."""
    home = environ.get("XDG_CONFIG_HOME") or f"{environ.get('HOME', '')}/.config"
    upwards = [folder / NAME for folder in (directory, *directory.parents)]
    return [*upwards, Path(home, "mdc", NAME)]


def _read(file: Path) -> dict[str, Any]:
    import tomllib

    try:
        # Decimal, because a float would already have changed the number.
        tables = tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not TOML: {error}") from None
    except OSError as error:
        raise ConfigError(str(unreadable(file, error))) from None
    for was, now in FORMER_VERBS.items():
        if isinstance(tables.get(was), dict):
            if now in tables:
                raise ConfigError(f"{file}: [{was}] is the former name of [{now}]: give only one")
            tables[now] = tables.pop(was)
    return tables


def _descend(file: Path, tables: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    for depth, name in enumerate(path):
        inner = tables.get(name, {})
        if not isinstance(inner, dict):
            where = ".".join(path[: depth + 1])
            raise ConfigError(f"{file}: {where} must be a table: [{where}]")
        tables = inner
    return tables
