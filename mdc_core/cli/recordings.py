"""Recordings of frames that are named on a command line, and the codecs that read them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mdc_core.errors import UsageError

if TYPE_CHECKING:
    from mdc_core.live.frames.head import FileHead
    from mdc_core.live.recorded.recording import Recording


def recordings_in(paths: Iterable[Path]) -> "list[Recording]":
    """What is recorded at some places; `-` is standard input."""
    from mdc_core.live.recorded.recording import recordings

    return [one for path in paths for one in recordings(_place(path))]


@contextmanager
def read_twice(path: Path) -> Iterator[Path]:
    """A file that can be read twice: what comes by a pipe is kept for that long."""
    from shutil import copyfileobj
    from tempfile import TemporaryDirectory

    from mdc_core.disk import writing

    place = _place(path)
    if place.is_file() or place.is_dir() or not place.exists():
        yield place
        return
    with TemporaryDirectory() as folder:
        kept = Path(folder) / "frames"
        with (
            writing("a temporary file", "TMPDIR names another directory"),
            place.open("rb") as source,
            kept.open("wb") as copy,
        ):
            copyfileobj(source, copy)
        yield kept


def _place(path: Path) -> Path:
    return Path("/dev/stdin") if str(path) == "-" else path


def codec_of(head: "FileHead", provider: str | None, settings: Sequence[str]) -> Any:
    """The codec of a recording, with the options it was recorded with and those that are given."""
    from mdc_core import registry
    from mdc_core.cli.plugin_options import param_type
    from mdc_core.contracts import Stream
    from mdc_core.contracts.fields import option_fields
    from mdc_core.pipelines.chosen import Chosen
    from mdc_core.pipelines.frames.recording import options_of
    from mdc_core.suggest import known, unknown

    name = provider or head.provider
    if not name:
        hint = "say it: --provider NAME (mdc providers list)"
        raise UsageError(f"{head.source} does not say whose frames they are", hint=hint)
    kind = registry.load("stream", name)
    if not issubclass(kind, Stream):
        raise UsageError(f"{name} has no frames: it is no feed with a connection of ours")
    others = provider and head.provider not in ("", provider) and head.provider
    # One name of a provider is as good as another; of one that is gone nobody knows.
    if others and registry.get("stream", others) and registry.load("stream", others) is not kind:
        text = f"{head.source} has frames of {head.provider}, not of {provider}"
        raise UsageError(text, hint="leave --provider out")
    fields = {field.name: field for field in option_fields(kind.Options)}
    options = dict(head.options or {}) if head.provider == name else {}
    for setting in settings:
        key, _, value = setting.partition("=")
        key = key.replace("-", "_")
        if key not in fields:
            raise UsageError(unknown(f"option of {name}", key, fields), hint=known(fields))
        try:
            options[key] = param_type(fields[key]).convert(value, None, None)
        except click.BadParameter as error:
            raise UsageError(f"--option {key}: {error.message.rstrip('.')}") from None
    return Chosen(name, kind, options_of(name, kind, options))
