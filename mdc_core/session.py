"""What a command has of the run that it is part of: log, settings, secrets, observers."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from mdc_core.logs import DETAIL, NOTE, WARNING, Log

if TYPE_CHECKING:
    from datetime import tzinfo
    from pathlib import Path

    from mdc_core.config import Config
    from mdc_core.observers import Observers


class Session:
    """One run of one command; `@click.pass_obj` hands it to a verb."""

    def __init__(
        self,
        environ: Mapping[str, str],
        log: Log | None = None,
        *,
        directory: "Path | str | None" = None,
    ) -> None:
        self.environ = environ
        self.log = log or Log()
        self.directory = directory  # where mdc.toml is looked for; nowhere, if it is not given
        self.joined = False  # whether the verb at hand stands behind `then`
        self.config_file: Path | str | None = None  # the one that was named, instead
        self.zone: tzinfo | None = None  # of times given without one, and in tables; None is UTC
        self.completing: str | None = None  # the word at which TAB was pressed
        self.lacking = False  # whether the words before it lack a value
        self.answered = False  # by help, or the version: nothing was begun that is to be wound up
        self._warned: set[str] = set()
        self.chained = False  # whether the verbs of a command line are joined by `then`

    def warn_once(self, text: str) -> None:
        """Warn of what every verb of a command line would find again."""
        if text not in self._warned:
            self._warned.add(text)
            self.log.warning(text)

    def use_config(self, file: "Path | str | None") -> None:
        """Read settings from this file from now on."""
        if file != self.config_file:
            self.config_file = file
            self.__dict__.pop("config", None)

    def use_zone(self, name: str | None) -> None:
        """Read times without a zone as of this one; raises UsageError where there is none."""
        if name is None:
            return
        from mdc_core.errors import DataError, UsageError
        from mdc_core.moments import zone_of

        try:
            self.zone = zone_of(name)
        except DataError as error:
            raise UsageError(f"--tz: {error}") from None

    def adopt(self, log_format: str, quiet: bool, verbose: bool) -> None:
        """Take over the options that stand before the verb."""
        self.log.style = log_format
        self.log.threshold = WARNING if quiet else DETAIL if verbose else NOTE

    @cached_property
    def config(self) -> "Config":
        """The settings that apply here."""
        return self.read_config()

    def read_config(self) -> "Config":
        """The settings as of now: of the file that was named, or of the mdc.toml files here."""
        from pathlib import Path

        from mdc_core.config import Config, load, load_file

        if self.config_file is not None:
            return load_file(Path(self.config_file))
        if self.directory is None:
            return Config()
        return load(Path(self.directory).absolute(), self.environ)

    @cached_property
    def observers(self) -> "Observers":
        """Whoever wants to be told of connections, findings and commits."""
        from mdc_core.observers import Observers

        return Observers(self.log)

    def secrets(self, names: Iterable[str], optional: Iterable[str] = ()) -> dict[str, str]:
        """The values of a plugin's secrets, masked from now on in every message."""
        from mdc_core.secrets import resolve

        mask, ask = self.log.mask, self.observers.secret
        return resolve(names, self.environ, optional=optional, mask=mask, ask=ask)

    def secret_source(self, name: str) -> str | None:
        """Where the value of a secret is found; None where there is none."""
        from mdc_core.secrets import source

        return source(name, self.environ, ask=self.observers.secret)
